"""
The LDAP checker against a real slapd: who gets in, under which name, and with what evidence.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from tests.support.coroutines import AsyncTestCase
from tests.support.ldap import serversUp
from tests.support.slapd import (
    PEOPLE,
    SERVICE,
    SERVICE_PASSWORD,
    SUFFIX,
    Slapd,
    person,
    sharedSlapd,
    skipWithoutSlapd,
)
from txjmapaccess.credentials import Evidence, UsernamePassword
from txjmapaccess.errors import Refused, TemporaryFailure
from txjmapaccess.ldap import LDAPChecker
from txjmapaccess.verdict import Reason

PEOPLE_LDIF = (
    person(
        "alice",
        "wonderland",
        "mail: alice@example.com",
        "mail: a.liddell@example.com",
        "employeeType: jmap",
        "labeledURI: https://jmap1.example.com/session Alice's mail",
    )
    + person("Bob", "builder", "mail: bob@example.com")
    + person("twin1", "same", "mail: twins@example.com")
    + person("twin2", "same", "mail: twins@example.com")
)


class CheckerTestCase(AsyncTestCase):
    """
    Tests that share one slapd.
    """

    skip = skipWithoutSlapd
    ldif = PEOPLE_LDIF

    def setUp(self) -> None:
        """
        Have a server.
        """
        self.slapd: Slapd = sharedSlapd(self.ldif)

    def checker(self, **keys: Any) -> LDAPChecker:
        """
        @return: a checker for the server, closed after the test.
        """
        checker = LDAPChecker(**{"uris": [self.slapd.uri], **keys})
        self.addCleanup(checker.close)
        return checker

    def searching(self, **keys: Any) -> LDAPChecker:
        """
        @return: a checker that searches with the service account.
        """
        secret = Path(tempfile.mkstemp(prefix="ldap-secret-")[1])
        self.addCleanup(secret.unlink)
        secret.write_text(SERVICE_PASSWORD + "\n")
        settings = {
            "search_base": SUFFIX,
            "search_filter": "(|(uid={user})(mail={user}))",
            "bind_dn": SERVICE,
            "bind_password_file": str(secret),
        }
        return self.checker(**{**settings, **keys})

    async def evidence(
        self, checker: LDAPChecker, username: str | bytes, password: str | bytes
    ) -> Evidence:
        """
        @return: what the checker left, after checking that it is for the avatar.
        """
        credentials = UsernamePassword(
            username.encode() if isinstance(username, str) else username,
            password.encode() if isinstance(password, str) else password,
        )
        avatarID = await checker.requestAvatarId(credentials)
        assert credentials.evidence is not None
        self.assertEqual(avatarID, credentials.evidence.username)
        return credentials.evidence

    async def assertRefused(
        self, checker: LDAPChecker, username: str | bytes, password: str | bytes
    ) -> None:
        """
        The login is refused, and no evidence is left.
        """
        with self.assertRaises(Refused):
            await self.evidence(checker, username, password)


TEMPLATE = f"uid={{user}},{PEOPLE}"


class TemplateTests(CheckerTestCase):
    """
    C{bind_dn_template}.
    """

    async def test_rightPassword(self) -> None:
        """
        A login with the right password succeeds, without any objection.
        """
        checker = self.checker(bind_dn_template=TEMPLATE)
        self.assertEqual(
            await self.evidence(checker, "alice", "wonderland"), Evidence("alice", "ldap")
        )
        self.assertEqual(checker.counters.accepted, 1)

    async def test_wrongPassword(self) -> None:
        """
        A wrong password and an unknown user are refusals.
        """
        checker = self.checker(bind_dn_template=TEMPLATE)
        await self.assertRefused(checker, "alice", "Wonderland")
        await self.assertRefused(checker, "nobody", "wonderland")
        self.assertEqual(checker.counters.refused, 2)

    async def test_emptyPassword(self) -> None:
        """
        An empty password is refused although the directory would accept it as an unauthenticated
        bind (RFC 4513, section 5.1.2).
        """
        checker = self.checker(bind_dn_template=TEMPLATE)
        await self.assertRefused(checker, "alice", "")

    async def test_everySpellingIsOneMailbox(self) -> None:
        """
        What the directory takes for the same name is one avatar.
        """
        checker = self.checker(bind_dn_template=TEMPLATE)
        for spelling in ("ALICE", "Alice", " alice ", "\uff41lice"):
            self.assertEqual(
                (await self.evidence(checker, spelling, "wonderland")).username, "alice"
            )

    async def test_usernameAttribute(self) -> None:
        """
        With C{username_attribute} the directory's own spelling is the avatar.
        """
        checker = self.checker(bind_dn_template=TEMPLATE, username_attribute="uid")
        self.assertEqual((await self.evidence(checker, "bob", "builder")).username, "Bob")

    async def test_jmapFilter(self) -> None:
        """
        C{jmap_filter} is put to the user's own connection; who does not match gets in all the same.
        """
        checker = self.checker(bind_dn_template=TEMPLATE, jmap_filter="(employeeType=jmap)")
        self.assertIsNone((await self.evidence(checker, "alice", "wonderland")).objection)
        self.assertIs(
            (await self.evidence(checker, "bob", "builder")).objection, Reason.NOT_ALLOWED
        )

    async def test_sessionURL(self) -> None:
        """
        The first word of C{session_url_attribute} (RFC 2079) is the user's session URL.
        """
        checker = self.checker(bind_dn_template=TEMPLATE, session_url_attribute="labeledURI")
        self.assertEqual(
            (await self.evidence(checker, "alice", "wonderland")).sessionURL,
            "https://jmap1.example.com/session",
        )
        self.assertIsNone((await self.evidence(checker, "bob", "builder")).sessionURL)


class SearchTests(CheckerTestCase):
    """
    C{search_base} and C{search_filter}.
    """

    async def test_everyAliasIsOneMailbox(self) -> None:
        """
        All names of a user lead to the one value of C{username_attribute}.
        """
        checker = self.searching()
        for name in ("alice", "ALICE", "alice@example.com", "A.Liddell@Example.com"):
            self.assertEqual((await self.evidence(checker, name, "wonderland")).username, "alice")

    async def test_refusals(self) -> None:
        """
        Wrong passwords, unknown users and filter syntax in a name are refused.
        """
        checker = self.searching()
        await self.assertRefused(checker, "alice", "x")
        for name in ("nobody", "alice*", "*", "alice)(uid=*", "alice))(|(uid=*", "al\\69ce"):
            await self.assertRefused(checker, name, "wonderland")

    async def test_twoEntries(self) -> None:
        """
        When the filter matches two entries nobody can tell who it is: a temporary failure.
        """
        checker = self.searching()
        with self.assertRaises(TemporaryFailure):
            await self.evidence(checker, "twins@example.com", "same")

    async def test_evidence(self) -> None:
        """
        C{jmap_filter} and C{session_url_attribute} come over the service account.
        """
        checker = self.searching(
            jmap_filter="(&(employeeType=jmap)(!(uid=bob)))", session_url_attribute="labeledURI"
        )
        self.assertEqual(
            await self.evidence(checker, "alice@example.com", "wonderland"),
            Evidence("alice", "ldap", None, "https://jmap1.example.com/session"),
        )
        self.assertEqual(
            await self.evidence(checker, "bob@example.com", "builder"),
            Evidence("Bob", "ldap", Reason.NOT_ALLOWED, None),
        )

    async def test_serviceAccountRefused(self) -> None:
        """
        A wrong password of the service account is no wrong password of the user.
        """
        checker = self.searching(bind_dn=f"cn=nobody,{SUFFIX}")
        with self.assertRaises(TemporaryFailure):
            await self.evidence(checker, "alice", "wonderland")
        self.assertEqual(serversUp(checker.counters), 0)

    async def test_manyAtATime(self) -> None:
        """
        More logins than connections wait for each other, and all get their own answer.
        """
        checker = self.searching()
        attempts: list[Deferred[Any]] = []
        for n in range(40):
            password = "wonderland" if n % 2 else "wrong"
            credentials = UsernamePassword(b"alice", password.encode())
            attempts.append(checker.requestAvatarId(credentials).addErrback(lambda f: f.type))
        outcomes = [await attempt for attempt in attempts]
        self.assertEqual(outcomes, [Refused, "alice"] * 20)
        self.assertEqual(checker.counters.poolInUse, 0)
