"""
Password policy (draft-behera-ldap-password-policy-10), as slapd's ppolicy overlay has it.
"""

from __future__ import annotations

from typing import Any

from tests.integration.test_ldap_checker import TEMPLATE, CheckerTestCase
from tests.support.slapd import SUFFIX, person, sharedSlapd
from txjmapaccess.credentials import Evidence
from txjmapaccess.errors import PasswordExpired, Refused
from txjmapaccess.verdict import Reason

POLICIES = f"ou=policies,{SUFFIX}"


def policy(name: str, *lines: str) -> str:
    """
    @return: the LDIF of a password policy.
    """
    return "\n".join(
        [
            f"dn: cn={name},{POLICIES}",
            "objectClass: device",
            "objectClass: pwdPolicy",
            f"cn: {name}",
            "pwdAttribute: userPassword",
            *lines,
            "",
            "",
        ]
    )


def governed(uid: str, name: str, *lines: str) -> str:
    """
    @return: the LDIF of somebody under that policy, with the password C{secret}.
    """
    return person(
        uid,
        "secret",
        "labeledURI: https://jmap.example.com/session",
        f"pwdPolicySubentry: cn={name},{POLICIES}",
        *lines,
    )


LDIF = (
    f"dn: {POLICIES}\nobjectClass: organizationalUnit\nou: policies\n\n"
    + policy("default")
    + policy("expires", "pwdMaxAge: 86400", "pwdGraceAuthNLimit: 0")
    + policy("grace", "pwdMaxAge: 86400", "pwdGraceAuthNLimit: 1000")
    + policy("warns", "pwdMaxAge: 2000000000", "pwdExpireWarning: 1999999999")
    + policy("locks", "pwdLockout: TRUE", "pwdMaxFailure: 3")
    + policy("resets", "pwdMustChange: TRUE")
    + governed("fresh", "default")
    + governed("expired", "expires", "pwdChangedTime: 20200101000000Z")
    + governed("grace", "grace", "pwdChangedTime: 20200101000000Z")
    + governed("warned", "warns", "pwdChangedTime: 20200101000000Z")
    + governed("locked", "locks", "pwdAccountLockedTime: 000001010000Z")
    + governed("reset", "resets", "pwdReset: TRUE")
)
OVERLAY = f'overlay ppolicy\nppolicy_default "cn=default,{POLICIES}"\nppolicy_use_lockout'


class PolicyTests(CheckerTestCase):
    """
    Passwords that are right and will not last.
    """

    def setUp(self) -> None:
        """
        Have a server with the overlay.
        """
        self.slapd = sharedSlapd(LDIF, ("ppolicy",), OVERLAY)

    async def objection(self, uid: str, **keys: Any) -> Reason | None:
        """
        @return: what speaks against the password, which is right.
        """
        checker = self.checker(bind_dn_template=TEMPLATE, **keys)
        return (await self.evidence(checker, uid, "secret")).objection

    async def test_good(self) -> None:
        """
        A password under a policy, or one that will expire one day, is as good as any.
        """
        self.assertIsNone(await self.objection("fresh"))
        self.assertIsNone(await self.objection("warned"))

    async def test_grace(self) -> None:
        """
        A grace login is good for IMAP, with an objection.
        """
        self.assertIs(await self.objection("grace"), Reason.GRACE_LOGIN)

    async def test_mustChange(self) -> None:
        """
        So is a password that must be changed first.
        """
        self.assertIs(await self.objection("reset"), Reason.PASSWORD_MUST_CHANGE)

    async def test_mustChangeHidesTheEntry(self) -> None:
        """
        slapd answers every search of such a user with 50: the login is good all the same, and the
        evidence that cannot be had is missing.
        """
        checker = self.checker(
            bind_dn_template=TEMPLATE,
            jmap_filter="(uid=*)",
            session_url_attribute="labeledURI",
        )
        self.assertEqual(
            await self.evidence(checker, "reset", "secret"),
            Evidence("reset", "ldap", Reason.PASSWORD_MUST_CHANGE, None),
        )

    async def test_mustChangeHidesTheName(self) -> None:
        """
        When the name of the mailbox is in the entry, it is not guessed.
        """
        checker = self.checker(bind_dn_template=TEMPLATE, username_attribute="uid")
        with self.assertRaises(PasswordExpired):
            await self.evidence(checker, "reset", "secret")

    async def test_mustChangeWithSearch(self) -> None:
        """
        The service account sees the entry.
        """
        checker = self.searching(jmap_filter="(uid=*)", session_url_attribute="labeledURI")
        self.assertEqual(
            await self.evidence(checker, "reset", "secret"),
            Evidence(
                "reset",
                "ldap",
                Reason.PASSWORD_MUST_CHANGE,
                "https://jmap.example.com/session",
            ),
        )

    async def test_expired(self) -> None:
        """
        An expired password that is refused is told from a wrong one.
        """
        checker = self.checker(bind_dn_template=TEMPLATE)
        with self.assertRaises(PasswordExpired):
            await self.evidence(checker, "expired", "secret")
        with self.assertRaises(Refused) as caught:
            await self.evidence(checker, "expired", "wrong")
        self.assertNotIsInstance(caught.exception, PasswordExpired)

    async def test_locked(self) -> None:
        """
        A locked account is refused, with the right password and with a wrong one.
        """
        checker = self.checker(bind_dn_template=TEMPLATE)
        await self.assertRefused(checker, "locked", "secret")
        await self.assertRefused(checker, "locked", "wrong")
