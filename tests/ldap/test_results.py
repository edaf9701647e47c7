"""
What results, controls and attribute values mean.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.errors import PasswordExpired, Refused, TemporaryFailure
from txjmapaccess.ldap.codec import PASSWORD_POLICY, Entry, Result
from txjmapaccess.ldap.entryrequirements import (
    canonicalValue,
    matchObjection,
    sessionURLValue,
    userEntry,
)
from txjmapaccess.ldap.errors import ProtocolViolation, UnexpectedResult
from txjmapaccess.ldap.results import PasswordPolicy, bindObjection, passwordPolicy
from txjmapaccess.verdict import Reason


def result(code: int, diagnostic: str = "", policy: str | None = None) -> Result:
    """
    @param policy: the value of the password policy control, in hexadecimal.
    """
    controls = {} if policy is None else {PASSWORD_POLICY: bytes.fromhex(policy)}
    return Result(code, diagnostic, b"", controls)


def adDiagnostic(subcode: str) -> str:
    """
    @return: what Active Directory says with result 49.
    """
    return (
        "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, "
        f"data {subcode}, v2580\0"
    )


class BindTests(SynchronousTestCase):
    """
    L{bindObjection}.
    """

    def test_good(self) -> None:
        """
        Success without a word of password policy, or with an empty one, is good; so is a password
        that will expire later.
        """
        for policy in (None, "3000", "3006a00480020e10"):
            self.assertIsNone(bindObjection(result(0, policy=policy)))

    def test_goodForNow(self) -> None:
        """
        Grace logins, expired passwords and those that must be changed are good with an objection.
        """
        for policy, reason in (
            ("3005a003810101", Reason.GRACE_LOGIN),
            ("3005a003810100", Reason.GRACE_LOGIN),
            ("3003810100", Reason.PASSWORD_EXPIRED),
            ("3003810102", Reason.PASSWORD_MUST_CHANGE),
        ):
            self.assertIs(bindObjection(result(0, policy=policy)), reason)

    def test_refused(self) -> None:
        """
        A wrong password, an unknown user, and what is not allowed are refusals.
        """
        for code in (49, 32, 50, 53):
            self.assertRaises(Refused, bindObjection, result(code))
        locked = self.assertRaises(Refused, bindObjection, result(49, policy="3003810101"))
        self.assertNotIsInstance(locked, PasswordExpired)

    def test_refusedBecauseExpired(self) -> None:
        """
        A refusal with the error passwordExpired says so (RFC 5530, EXPIRED).
        """
        self.assertRaises(PasswordExpired, bindObjection, result(49, policy="3003810100"))

    def test_everythingElseIsTemporary(self) -> None:
        """
        Busy, unavailable, referrals and all other codes are never a wrong password.
        """
        for code in set(range(130)) - {0, 32, 49, 50, 53}:
            error = self.assertRaises(UnexpectedResult, bindObjection, result(code))
            self.assertIsInstance(error, TemporaryFailure)

    def test_activeDirectory(self) -> None:
        """
        Sub-codes 532 and 773 are a right password that has expired or must be changed; 775 is a
        locked account, and so on.
        """
        for subcode in ("532", "773"):
            self.assertRaises(PasswordExpired, bindObjection, result(49, adDiagnostic(subcode)))
        for subcode in ("775", "52e", "525", "530", "533", "701"):
            error = self.assertRaises(Refused, bindObjection, result(49, adDiagnostic(subcode)))
            self.assertNotIsInstance(error, PasswordExpired)

    def test_activeDirectoryOnly(self) -> None:
        """
        Other texts of other servers with "data 532" in them mean nothing.
        """
        genuine = "80090308: LdapErr: DSID-0C090453, comment: x, data 532, v3839"
        self.assertRaises(PasswordExpired, bindObjection, result(49, genuine))
        for answer in (
            result(49, "no data 532"),
            # It may be what the user typed that is quoted.
            result(49, f"no such account: {genuine}"),
            result(53, genuine),
        ):
            error = self.assertRaises(Refused, bindObjection, answer)
            self.assertNotIsInstance(error, PasswordExpired)

    def test_policyControl(self) -> None:
        """
        Both parts of the control can be there.
        """
        control = {PASSWORD_POLICY: bytes.fromhex("3008a003810105810100")}
        self.assertEqual(passwordPolicy(control), PasswordPolicy(error=0, graceLogins=5))

    def test_malformedControl(self) -> None:
        """
        A malformed control tells nothing: it must not pass for a password without objections.
        """
        for value in ("04", "3003", "300581", "3003a00381", "31"):
            self.assertRaises(ProtocolViolation, bindObjection, result(0, policy=value))


class SearchTests(SynchronousTestCase):
    """
    L{userEntry} and L{matchObjection}.
    """

    entry = Entry(b"uid=a,dc=x", {})

    def test_exactlyOne(self) -> None:
        """
        One entry is the user; none is a refusal; two, or an incomplete answer, tell nothing.
        """
        self.assertEqual(userEntry((result(0), [self.entry])), self.entry)
        self.assertRaises(Refused, userEntry, (result(0), []))
        for found in (
            (result(0), [self.entry] * 2),
            (result(4), [self.entry]),
            (result(4), [self.entry] * 2),
            (result(32), []),
            (result(10), []),
            (result(3), []),
        ):
            self.assertRaises(TemporaryFailure, userEntry, found)

    def test_emptyDN(self) -> None:
        """
        A bind with an empty DN would be anonymous.
        """
        self.assertRaises(Refused, userEntry, (result(0), [Entry(b"", {})]))

    def test_match(self) -> None:
        """
        Matching, not matching, not allowed to look, and not known.
        """
        self.assertIsNone(matchObjection((result(0), [self.entry])))
        self.assertIs(matchObjection((result(0), [])), Reason.NOT_ALLOWED)
        self.assertIs(matchObjection((result(50), [])), Reason.NO_EVIDENCE)
        self.assertIs(matchObjection((result(32), [])), Reason.NO_EVIDENCE)
        self.assertRaises(UnexpectedResult, matchObjection, (result(51), []))


class EntryTests(SynchronousTestCase):
    """
    Attribute values.
    """

    def name(self, dn: str, *values: bytes) -> str:
        """
        @return: the canonical name that an entry gives.
        """
        return canonicalValue(Entry(dn.encode(), {"uid": values}), "UID")

    def test_oneValue(self) -> None:
        """
        The only value is the name, as it is spelt there.
        """
        self.assertEqual(self.name("cn=x,dc=x", "Åsa".encode()), "Åsa")

    def test_severalValues(self) -> None:
        """
        Of several it is the one in the entry's own name, whatever their order.
        """
        for values in ((b"asa", b"a+b"), (b"a+b", b"asa")):
            self.assertEqual(self.name(r"uid=a\+b,dc=x", *values), "a+b")
        self.assertRaises(TemporaryFailure, self.name, "cn=x,dc=x", b"a", b"b")

    def test_unusable(self) -> None:
        """
        No value, or one that can be no name, is a temporary failure and not a mailbox.
        """
        self.assertRaises(TemporaryFailure, self.name, "cn=x,dc=x")
        for value in (b"", b"a\nb", b"\xff"):
            self.assertRaises(TemporaryFailure, self.name, "cn=x,dc=x", value)

    def test_sessionURL(self) -> None:
        """
        The first word is the URL (RFC 2079); no value or an empty one is none.
        """
        for values, url in (
            ((b"https://x/jmap the label",), "https://x/jmap"),
            ((b"https://x/jmap",), "https://x/jmap"),
            ((), None),
            ((b"",), None),
            ((b" x",), None),
        ):
            entry = Entry(b"uid=a", {"labeleduri": values})
            self.assertEqual(sessionURLValue(entry, "labeledURI"), url)
