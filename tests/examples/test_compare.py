# -*- test-case-name: tests.examples.test_compare -*-
"""
Tests for the example that compares identifiers, with servers that do not tell the truth.
"""

from __future__ import annotations

import imaplib
import importlib.util
import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.support.paths import ROOT

_PATH = os.path.join(ROOT, "examples")


def load() -> Any:
    """
    @return: the example as a module.

    @raise SkipTest: where only the package is installed.
    """
    path = os.path.join(_PATH, "compare.py")
    if not os.path.exists(path):
        raise SkipTest("the examples are not there")
    if "jmapaccess_compare" not in sys.modules:
        specification = importlib.util.spec_from_file_location("jmapaccess_compare", path)
        assert specification is not None and specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        # Dataclasses look their module up.
        sys.modules["jmapaccess_compare"] = module
        specification.loader.exec_module(module)
    return sys.modules["jmapaccess_compare"]


class FakeIMAP:
    """
    What imaplib would give.
    """

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def capability(self) -> Any:
        return "OK", [self.answers.get("capability", b"IMAP4rev1")]

    def xatom(self, name: str) -> Any:
        error = self.answers.get("error")
        if error is not None:
            raise error
        return "OK", [b""]

    def response(self, code: str) -> Any:
        return code, self.answers["urls"]

    def list(self) -> Any:
        return "OK", self.answers["lines"]

    def status(self, name: str, items: str) -> Any:
        return "OK", [self.answers["ids"][name]]

    def select(self, name: str, readonly: bool) -> Any:
        return "OK", [b"%d" % len(self.answers["messages"])]

    def uid(self, *arguments: str) -> Any:
        return "OK", self.answers["messages"]


class DifferenceTests(SynchronousTestCase):
    """
    Two views of an account.
    """

    def setUp(self) -> None:
        self.compare = load()

    def view(self, **mailboxes: dict[str, str | None]) -> Any:
        """
        @return: a view.
        """
        return {
            mailboxID: self.compare.Mailbox(f"box {mailboxID}", emails)
            for mailboxID, emails in mailboxes.items()
        }

    def test_same(self) -> None:
        """
        Equal identifiers are no difference, and THREADID NIL promises nothing (RFC 8474, section
        5.2).
        """
        imap = self.view(F1={"M1": "T1", "M2": None}, F2={})
        jmap = self.view(F1={"M1": "T1", "M2": "T2"}, F2={})
        self.assertEqual(self.compare.differences(imap, jmap), [])

    def test_different(self) -> None:
        """
        Each identifier that is on one side only, or in another thread, is a difference.
        """
        imap = self.view(F1={"M1": "T1", "M2": "T2"}, F2={})
        jmap = self.view(F1={"M1": "T9", "M3": "T3"}, F3={})
        self.assertEqual(
            self.compare.differences(imap, jmap),
            [
                "box F1: message M1 is in thread T1 or T9",
                "box F1: message M2 is not in JMAP",
                "box F1: message M3 is not in IMAP",
                "mailbox box F2 (F2) is not in JMAP",
                "mailbox box F3 (F3) is not in IMAP",
            ],
        )

    def test_report(self) -> None:
        """
        The exit status says whether they are the same.
        """
        for jmap, status in ((self.view(F1={"M1": "T1"}), 0), (self.view(), 1)):
            with redirect_stdout(io.StringIO()) as shown:
                self.assertEqual(self.compare._report(self.view(F1={"M1": "T1"}), jmap), status)
            self.assertEqual("DIFFERENT" in shown.getvalue(), bool(status))


class IMAPTests(SynchronousTestCase):
    """
    Reading IMAP.
    """

    def setUp(self) -> None:
        self.compare = load()

    def test_view(self) -> None:
        """
        Names in quotes, as atoms and literals; items in any order; deleted messages left out.
        """
        fake = FakeIMAP(
            lines=[
                b'(\\HasChildren) "/" INBOX',
                b'(\\Noselect) "/" "a"',
                (b'() "/" {5}', b'a/"b"'),
            ],
            ids={
                '"INBOX"': b'"INBOX" (MAILBOXID (F1))',
                '"a/\\"b\\""': b'"a/b" (mailboxid (F2))',
            },
            messages=[
                b"1 (UID 1 FLAGS () EMAILID (M1) THREADID (T1))",
                b"2 (THREADID NIL EMAILID (M2) UID 2 FLAGS (\\Seen))",
                b"3 (UID 3 FLAGS (\\Deleted) EMAILID (M3) THREADID (T1))",
            ],
        )
        view = self.compare.readIMAP(fake)
        self.assertEqual(sorted(view), ["F1", "F2"])
        self.assertEqual(view["F1"].emails, {"M1": "T1", "M2": None})

    def test_noIdentifiers(self) -> None:
        """
        A server without identifiers cannot be compared.
        """
        fake = FakeIMAP(lines=[b'() "/" INBOX'], ids={'"INBOX"': b'"INBOX" ()'}, messages=[])
        with self.assertRaises(self.compare.CannotCompare):
            self.compare.readIMAP(fake)

    def test_access(self) -> None:
        """
        The capability and the URL, each by itself (RFC 9698, sections 3 and 4).
        """
        urls = [b'"https://example.com/jmap"']
        fake = FakeIMAP(capability=b"IMAP4rev1 JMAPACCESS", urls=urls)
        self.assertEqual(self.compare.askJMAPAccess(fake), (True, "https://example.com/jmap"))
        unknown = FakeIMAP(error=imaplib.IMAP4.error("BAD"))
        self.assertEqual(self.compare.askJMAPAccess(unknown), (False, None))
        ended = FakeIMAP(error=imaplib.IMAP4.abort("the connection ended"))
        self.assertRaises(imaplib.IMAP4.abort, self.compare.askJMAPAccess, ended)

    def test_illegalURL(self) -> None:
        """
        Two URLs, or none in quotes, make no sense.
        """
        for urls in ([b'"https://a/"', b'"https://b/"'], [None], [b"https://a/"], [b'"a b"']):
            with self.assertRaises(self.compare.CannotCompare):
                self.compare.askJMAPAccess(FakeIMAP(urls=urls))


class CredentialTests(SynchronousTestCase):
    """
    Where credentials go.
    """

    def setUp(self) -> None:
        self.compare = load()

    def test_urls(self) -> None:
        """
        They are sent over https only, or to this machine.
        """
        for url in ("https://example.com/", "http://localhost/", "http://[::1]:8080/x"):
            self.compare.checkURL(url)
        for url in ("http://example.com/", "ftp://localhost/", "http://localhost.example.com/"):
            with self.assertRaises(self.compare.CannotCompare):
                self.compare.checkURL(url)

    def test_redirections(self) -> None:
        """
        They are not taken to another origin.
        """
        import urllib.request

        request = urllib.request.Request("https://example.com/.well-known/jmap")
        request.add_unredirected_header("Authorization", "Basic x")
        for url, expected in (
            ("https://example.com/jmap", True),
            ("https://example.org/jmap", False),
            ("http://example.com/jmap", False),
        ):
            redirected = self.compare._SameOrigin().redirect_request(
                request, None, 307, "", {}, url
            )
            self.assertIs(redirected.has_header("Authorization"), expected, url)

    def test_hidden(self) -> None:
        """
        No repr shows them.
        """
        self.assertNotIn("trondheim", repr(self.compare.Credentials("arnt", "trondheim")))

    def test_unreachable(self) -> None:
        """
        What cannot be compared is one sentence, and exit status 2.
        """
        for url in ("imap://127.0.0.1:1", "http://127.0.0.1"):
            with redirect_stderr(io.StringIO()) as shown:
                self.assertEqual(self.compare.main(["--imap", url]), 2)
            self.assertRegex(shown.getvalue(), r"\ACannot compare: .*\n\Z")
