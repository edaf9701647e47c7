# -*- test-case-name: tests.check.test_verdictreport -*-
"""
Logins, verdicts and what JMAP says to them, in words.
"""

from __future__ import annotations

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.check.test_sessionclient import session
from txjmapaccess.check.sessionresponse import SessionResponse
from txjmapaccess.check.verdictreport import refusalFinding, sessionFinding, verdictFinding
from txjmapaccess.credentials import Authentication, Evidence, Secret
from txjmapaccess.errors import PasswordExpired, Refused, TemporaryFailure
from txjmapaccess.verdict import Known, Reason, Unknown, Usable, Verdict

URL = "https://mail.example.com/jmap"
USABLE = Usable(URL)


class VerdictTests(SynchronousTestCase):
    """
    L{verdictFinding}.
    """

    def line(self, verdict: Verdict, evidence: Evidence | None, assumed: bool = False) -> str:
        """
        @return: the line about a verdict.
        """
        authentication = Authentication("arnt", "PLAIN", Secret.PASSWORD, evidence)
        return verdictFinding(verdict, authentication, assumed, "verdict").line()

    def test_usable(self) -> None:
        """
        The evidence is named.
        """
        evidence = Evidence("arnt", "ldap")
        self.assertEqual(
            self.line(USABLE, evidence),
            f"ok       verdict: usable at {URL} (ldap accepts the password of arnt: no objection)",
        )
        self.assertIn("), if the realm has object", self.line(USABLE, evidence, assumed=True))

    def test_known(self) -> None:
        """
        So is the reason.
        """
        evidence = Evidence("arnt", "ldap", Reason.GRACE_LOGIN)
        line = self.line(Known(URL, Reason.GRACE_LOGIN), evidence)
        self.assertIn(f"known at {URL}: {Reason.GRACE_LOGIN.value} (", line)
        self.assertIn(": GRACE_LOGIN)", line)
        line = self.line(Known(URL, Reason.NO_EVIDENCE), None)
        self.assertIn("(no checker left evidence)", line)

    def test_unknown(self) -> None:
        """
        Unknown may be what is wanted; an illegal URL of the user's own is not.
        """
        line = self.line(Unknown(), Evidence("arnt", "ldap"))
        self.assertTrue(line.startswith("ok       verdict: unknown: No JMAP server is known"), line)
        line = self.line(Unknown(), Evidence("arnt", "ldap", sessionURL="http://example.com/"))
        self.assertTrue(line.startswith("WRONG    verdict: unknown: this user's own session"), line)
        self.assertIn("must be https", line)


class RefusalTests(SynchronousTestCase):
    """
    L{refusalFinding}.
    """

    def test_refused(self) -> None:
        """
        Who knows and says no is believed.
        """
        for error in (Refused("wrong"), PasswordExpired("the password has expired")):
            line = refusalFinding(Failure(error), "login").line()
            self.assertTrue(
                line.startswith(f"WRONG    login: the login is refused ({error})"), line
            )

    def test_couldNotTell(self) -> None:
        """
        Who cannot be asked has not said no; of what is no exception of ours the text is not shown.
        """
        line = refusalFinding(Failure(TemporaryFailure("all servers are down")), "login").line()
        self.assertIn("the login could not be checked (all servers are down)", line)
        self.assertIn("; fix that, or the problem above", line)
        line = refusalFinding(Failure(ValueError("hunter2")), "login").line()
        self.assertIn("(ValueError)", line)
        self.assertNotIn("hunter2", line)


class CompareTests(SynchronousTestCase):
    """
    L{sessionFinding}: the verdict and what the session URL answers (RFC 9698, section 3).
    """

    def line(
        self,
        verdict: Usable | Known,
        status: int,
        body: bytes = b"",
        secret: Secret = Secret.PASSWORD,
    ) -> str:
        """
        @return: the line about an answer.
        """
        return sessionFinding(
            verdict, secret, SessionResponse(URL, status, body=body), "JMAP"
        ).line()

    def test_agree(self) -> None:
        """
        Usable and accepted, known and refused: all is well.
        """
        self.assertTrue(self.line(USABLE, 200, session()).startswith("ok "))
        self.assertTrue(self.line(Known(URL, Reason.SCOPE), 401).startswith("ok "))

    def test_tooMuch(self) -> None:
        """
        Usable and refused is wrong, whatever the credentials are, and what to do depends on that.
        """
        for secret, key in (
            (Secret.PASSWORD, "[jmap] passwords = false"),
            (Secret.TOKEN, "[jmap] tokens = false"),
            (Secret.TOKEN_AS_PASSWORD, "[jmap] passwords_may_be_tokens = false"),
        ):
            line = self.line(USABLE, 401, secret=secret)
            self.assertTrue(
                line.startswith(
                    "WRONG    JMAP: the verdict says usable, but it refuses these credentials (401)"
                ),
                line,
            )
            self.assertIn(key, line)

    def test_tooLittle(self) -> None:
        """
        Known and accepted is a chance missed; every reason that a setting could change names it.
        """
        for reason, key in (
            (Reason.PASSWORDS, "passwords = true"),
            (Reason.TOKENS, "tokens = true"),
            (Reason.NOT_ALLOWED, "jmap_filter"),
            (Reason.SCOPE, "jmap_scopes"),
            (Reason.AUDIENCE, "jmap_audiences"),
            (Reason.GRACE_LOGIN, "check whether it should"),
        ):
            line = self.line(Known(URL, reason), 200, session())
            self.assertTrue(line.startswith("warning "), line)
            self.assertIn(key, line)

    def test_identifiers(self) -> None:
        """
        That nobody vouches for identifiers says nothing about the credentials.
        """
        line = self.line(Known(URL, Reason.IDENTIFIERS), 200, session())
        self.assertTrue(line.startswith("ok "), line)
        self.assertIn("same_identifiers", line)

    def test_neither(self) -> None:
        """
        What is neither a Session object nor 401 is wrong, whatever the verdict.
        """
        for verdict in (USABLE, Known(URL, Reason.SCOPE)):
            for status, body in ((404, b""), (500, b""), (403, b""), (200, b"<html>")):
                line = self.line(verdict, status, body)
                self.assertTrue(line.startswith("WRONG "), line)
