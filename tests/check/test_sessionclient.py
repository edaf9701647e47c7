# -*- test-case-name: tests.check.test_sessionclient -*-
"""
What a JMAP session resource answers, and what that means.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.check.sessioncheck import unaskedURL
from txjmapaccess.check.sessionclient import BadRedirect, basic, bearer, isSameServer, redirected
from txjmapaccess.check.sessionresponse import (
    SessionResponse,
    missingScheme,
    schemesOf,
    sessionProblem,
    strangerFinding,
)
from txjmapaccess.jmap.sessionobject import sessionObject
from txjmapaccess.twistd.config import parse

URL = "https://mail.example.com/.well-known/jmap"


def session(**changes: Any) -> bytes:
    """
    @return: a Session object with other values for some members; L{None} takes one away.
    """
    changed = {**sessionObject("arnt", "A1", "https://mail.example.com/jmap"), **changes}
    return json.dumps({k: v for k, v in changed.items() if v is not None}).encode()


class SessionObjectTests(SynchronousTestCase):
    """
    L{sessionProblem}: RFC 8620, section 2.
    """

    def test_good(self) -> None:
        """
        Our own is one.
        """
        self.assertIsNone(sessionProblem(session()))

    def test_garbage(self) -> None:
        """
        What is not a JSON object is none.
        """
        for body in (b"", b"<html>", b"[]", b"\xff", b"[" * 100000, b"null"):
            self.assertEqual(sessionProblem(body), "its response is not a JSON object")

    def test_members(self) -> None:
        """
        Every member that a client cannot do without must be there, and of its type.
        """
        for name in ("capabilities", "accounts", "primaryAccounts", "username", "apiUrl", "state"):
            self.assertIn(f": {name} is missing", str(sessionProblem(session(**{name: None}))))
        self.assertIn(
            "accounts is missing or has the wrong", str(sessionProblem(session(accounts=3)))
        )

    def test_capabilities(self) -> None:
        """
        It must have the capabilities for the core and for mail.
        """
        for name in ("urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"):
            capabilities = dict(json.loads(session())["capabilities"])
            del capabilities[name]
            self.assertEqual(
                sessionProblem(session(capabilities=capabilities)),
                f"its Session object lacks the capability {name}",
            )

    def test_account(self) -> None:
        """
        It must have an account for mail.
        """
        for accounts in ({}, {"urn:ietf:params:jmap:mail": "another"}):
            self.assertIn("no mail account", str(sessionProblem(session(primaryAccounts=accounts))))


class StrangerTests(SynchronousTestCase):
    """
    L{strangerFinding}: what is answered to a request without credentials.
    """

    def line(self, status: int, body: bytes = b"", schemes: tuple[str, ...] = ("basic",)) -> str:
        """
        @return: the line about an answer.
        """
        return strangerFinding(SessionResponse(URL, status, schemes, None, body), "JMAP").line()

    def test_unauthorized(self) -> None:
        """
        401 is as it should be; without a challenge it is odd (RFC 9110, section 15.5.2).
        """
        self.assertEqual(self.line(401), "ok       JMAP: it asks for credentials (Basic)")
        self.assertTrue(
            self.line(401, schemes=()).startswith("warning  JMAP: it responds with 401 but without")
        )

    def test_open(self) -> None:
        """
        A Session object for everybody is odd; anything else with 200 is no JMAP.
        """
        self.assertTrue(
            self.line(200, session()).startswith("warning  JMAP: it returns a Session object")
        )
        line = self.line(200, b"<html>It works!")
        self.assertEqual(
            line, "WRONG    JMAP: its response is not a JSON object; correct [jmap] session_url"
        )

    def test_others(self) -> None:
        """
        Every other status is wrong.
        """
        self.assertEqual(
            self.line(404),
            "WRONG    JMAP: it responds with 404: there is no JMAP session resource;"
            " correct [jmap] session_url",
        )
        for status, words in ((403, "allows this machine"), (429, "later"), (502, "server's log")):
            line = self.line(status)
            self.assertTrue(line.startswith(f"WRONG    JMAP: it responds with {status}"), line)
            self.assertIn(words, line)

    def test_schemes(self) -> None:
        """
        Challenges are taken apart (RFC 9110, section 11.6.1): in one field or several, with quoted
        strings that look like more.
        """
        self.assertEqual(
            schemesOf(['Basic realm="a, Digest b", BEARER scope="x"']), ("basic", "bearer")
        )
        self.assertEqual(schemesOf(["Bearer", 'Basic realm="x"', "Bearer"]), ("bearer", "basic"))
        self.assertEqual(schemesOf(["Negotiate, Basic"]), ("negotiate", "basic"))
        self.assertEqual(schemesOf([]), ())

    def test_missingScheme(self) -> None:
        """
        A server that offers no Basic, where passwords are said to work, is worth a warning
        (RFC 9698, section 3); so is one without Bearer for tokens.
        """
        bearerOnly, basicOnly = (
            SessionResponse(URL, 401, ("bearer",)),
            SessionResponse(URL, 401, ("basic",)),
        )
        self.assertIsNone(missingScheme(SessionResponse(URL, 401, ("bearer", "basic")), True, True))
        self.assertIsNone(missingScheme(SessionResponse(URL, 401), True, True))
        self.assertIsNone(missingScheme(bearerOnly, False, True))
        self.assertIn("set [jmap] passwords = false", missingScheme(bearerOnly, True, True) or "")
        self.assertIn("set [jmap] tokens = false", missingScheme(basicOnly, True, True) or "")


class RedirectTests(SynchronousTestCase):
    """
    L{redirected}: RFC 8620, section 2.2.
    """

    def to(self, location: str | None) -> str:
        """
        @return: where a redirect from L{URL} leads.
        """
        return redirected(SessionResponse(URL, 307, location=location))

    def test_followed(self) -> None:
        """
        It may lead to another path, by a relative URL too, and to another server.
        """
        self.assertEqual(self.to("/jmap/session"), "https://mail.example.com/jmap/session")
        self.assertEqual(self.to("https://jmap.example.net/"), "https://jmap.example.net/")

    def test_refused(self) -> None:
        """
        It may not lead out of https, and must lead somewhere.
        """
        for location, words in (
            ("http://mail.example.com/jmap", "URL that is not https"),
            ("http://127.0.0.1/jmap", "from https to http"),
            ("file:///etc/passwd", "URL that is not https"),
            (None, "without a valid Location"),
        ):
            error = self.assertRaises(BadRedirect, self.to, location)
            self.assertIn(words, str(error))

    def test_sameServer(self) -> None:
        """
        Credentials go to one origin (RFC 6454, section 4).
        """
        self.assertTrue(isSameServer(URL, "https://mail.example.com:443/other"))
        for other in (
            "https://mail.example.com:8443/",
            "https://example.com/",
            "http://mail.example.com/",
        ):
            self.assertFalse(isSameServer(URL, other), other)


class AuthorizationTests(SynchronousTestCase):
    """
    Credentials, as HTTP has them.
    """

    def test_values(self) -> None:
        """
        Basic (RFC 7617) and Bearer (RFC 6750).
        """
        self.assertEqual(basic(b"Aladdin", b"open sesame"), b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        self.assertEqual(bearer("mF_9.B5f-4.1JqM"), b"Bearer mF_9.B5f-4.1JqM")


class WithoutURLTests(SynchronousTestCase):
    """
    L{unaskedURL}: configurations whose URL cannot be asked.
    """

    def line(self, text: str, isUserNamed: bool = False) -> str:
        """
        @return: the line about a configuration, if there is one.
        """
        return "".join(f.line() for f in unaskedURL(parse(text), isUserNamed))

    def test_none(self) -> None:
        """
        Without [jmap] nobody is told about JMAP.
        """
        self.assertEqual(
            self.line(""),
            "warning  [jmap] session_url: not set: no user learns about JMAP; set it",
        )

    def test_own(self) -> None:
        """
        Users may have URLs of their own.
        """
        text = """
            [ldap]
            uris = ["ldap://127.0.0.1"]
            bind_dn_template = "uid={user},dc=example"
            session_url_attribute = "labeledURI"
        """
        self.assertIn("only users with their own session URL", self.line(text))

    def test_perUser(self) -> None:
        """
        A URL with a user in it needs one.
        """
        text = '[jmap]\nsession_url = "https://mail.example.com/{user}"'
        self.assertIn("use --user", self.line(text))
        self.assertEqual(self.line(text, True), "")
        self.assertEqual(self.line(text.replace("{user}", "")), "")
