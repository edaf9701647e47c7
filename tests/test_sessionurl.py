# -*- test-case-name: tests.test_sessionurl -*-
"""
Tests for L{txjmapaccess.sessionurl}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.imap.grammar import quote
from txjmapaccess.sessionurl import SessionURLTemplate, checkSessionURL, isLoopback


class CheckTests(SynchronousTestCase):
    """
    Which URLs may be shown to a client.
    """

    def test_legal(self):
        """
        Absolute https URLs, and http URLs of loopback addresses.
        """
        for url in (
            "https://example.com/.well-known/jmap",
            "https://example.com",
            "https://example.com:8443/a?b=c",
            "https://[2001:db8::1]/jmap",
            "https://example.com/.s/[jmap]",
            "http://127.0.0.1:8080/jmap",
            "http://localhost/jmap",
            "http://[::1]:8080/jmap",
        ):
            self.assertEqual(checkSessionURL(url), url)

    def test_illegal(self):
        """
        All others, each with what is wrong about it.
        """
        for url, problem in (
            ("", "is not a URL"),
            ("/jmap", "absolute"),
            ("example.com/jmap", "absolute"),
            ("https:///jmap", "absolute"),
            ("ftp://example.com/", "absolute"),
            ("http://example.com/", "must be https"),
            ("http://127.0.0.1.example.com/", "must be https"),
            ("https://user:secret@example.com/", "user name or password"),
            ("https://example.com/\r\n", "control character"),
            ("https://example.com/\x7f", "control character"),
            ("https://example.com/a b", "is not a URL"),
            ("https://exämple.com/", "is not a URL"),
            ("https://example.com/#jmap", "fragment"),
            ("https://example.com:port/", "is not a URL"),
            ("https://[::1/", "is not a URL"),
            ("https://example.com/" + "x" * 2000, "is longer"),
        ):
            error = self.assertRaises(ConfigurationError, checkSessionURL, url)
            self.assertIn(problem, str(error))
            self.assertNotIn("secret", str(error))

    @given(st.text())
    def test_whatIsLegalCanBeQuoted(self, text):
        """
        Whatever is accepted is one quoted string on one line.
        """
        for url in (text, "https://example.com/" + text):
            try:
                checked = checkSessionURL(url)
            except ConfigurationError:
                continue
            self.assertEqual(len(quote(checked.encode("ascii")).splitlines()), 1)

    def test_loopback(self):
        """
        Names and addresses of this machine, and none that only look so.
        """
        for host in (
            "localhost",
            "a.localhost",
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
        ):
            self.assertTrue(isLoopback(host))
        for host in (
            "localhost.example.com",
            "10.0.0.1",
            "example.com",
            "::2",
            "::ffff:10.0.0.1",
            "",
        ):
            self.assertFalse(isLoopback(host))


class TemplateTests(SynchronousTestCase):
    """
    C{{user}} in the session URL.
    """

    def test_common(self):
        """
        Without it, everybody has the same, with a name or without.
        """
        template = SessionURLTemplate("https://example.com/jmap")
        self.assertEqual(template.forUser("arnt"), "https://example.com/jmap")
        self.assertEqual(template.forUser(None), "https://example.com/jmap")

    def test_user(self):
        """
        With it, the name is percent-encoded, whatever is in it.
        """
        template = SessionURLTemplate("https://example.com/{user}/jmap?u={user}")
        for user, encoded in (
            ("arnt", "arnt"),
            ("a/b?c#d", "a%2Fb%3Fc%23d"),
            ("arnt@example.com", "arnt%40example.com"),
            ("ü", "%C3%BC"),
            ("\udcff", "%FF"),
            ("{user}", "%7Buser%7D"),
        ):
            url = template.forUser(user)
            self.assertEqual(url, f"https://example.com/{encoded}/jmap?u={encoded}")
            self.assertEqual(checkSessionURL(url), url)

    def test_noUser(self):
        """
        With it and without a name there is no URL.
        """
        template = SessionURLTemplate("https://example.com/{user}")
        self.assertIsNone(template.forUser(None))
        self.assertIsNone(template.forUser(""))

    def test_otherBraces(self):
        """
        A misspelt C{{user}} does not get to clients.
        """
        for template in ("https://x/{usr}", "https://x/{user", "https://x/{user}/}"):
            self.assertRaises(ConfigurationError, SessionURLTemplate, template)

    def test_notInHost(self):
        """
        A user name must not choose the host.
        """
        for template in ("https://{user}.example.com/", "https://{user}"):
            self.assertRaises(ConfigurationError, SessionURLTemplate, template)
