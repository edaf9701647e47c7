"""
Names and passwords of every kind, groups, referrals and limits, with a real slapd.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from tests.integration.test_ldap_checker import TEMPLATE, CheckerTestCase
from tests.support.ldap import serversUp
from tests.support.slapd import PEOPLE, SUFFIX, person, sharedSlapd
from txjmapaccess.errors import Refused, TemporaryFailure
from txjmapaccess.ldap.usernames import escapeDNValue
from txjmapaccess.verdict import Reason

#: User names, and passwords as well.
HEAVY = (
    "back\\slash",
    "star*",
    "*",
    "(paren)",
    ")(uid=*",
    "com,ma",
    "pl+us",
    'quo"te',
    "<less>",
    "semi;colon",
    "e=qual",
    "#hash",
    "in#side",
    " first",
    "last ",
    " both ",
    "\\2a",
    "per%cent",
    "{user}",
    "blåbær",
    "日本語",
    "\U0001d54cnicode\U0001f389",
    'all\\*(),+"<>;=# ',
)


def encoded(name: str, value: str) -> str:
    """
    @return: an LDIF line.
    """
    return f"{name}:: {b64encode(value.encode()).decode()}"


def heavy(uid: str) -> str:
    """
    @return: the LDIF of somebody whose password is the name backwards.
    """
    lines = [
        encoded("dn", f"uid={escapeDNValue(uid)},{PEOPLE}"),
        "objectClass: inetOrgPerson",
        encoded("uid", uid),
        "cn: x",
        "sn: x",
        encoded("userPassword", uid[::-1]),
    ]
    return "\n".join([*lines, "", ""])


class HeavyNameTests(CheckerTestCase):
    """
    Names that want escaping.
    """

    ldif = "".join(heavy(uid) for uid in HEAVY)

    async def assertEveryoneIsHimself(self, **keys: Any) -> None:
        """
        Everybody gets in under the directory's spelling with the right password, and nobody with
        another's.
        """
        template = "bind_dn_template" in keys
        checker = self.checker(**keys) if template else self.searching(**keys)
        for uid, other in zip(HEAVY, HEAVY[1:] + HEAVY[:1], strict=True):
            self.assertEqual((await self.evidence(checker, uid, uid[::-1])).username, uid)
            await self.assertRefused(checker, uid, other[::-1])

    async def test_template(self) -> None:
        """
        In a distinguished name (RFC 4514).
        """
        await self.assertEveryoneIsHimself(bind_dn_template=TEMPLATE, username_attribute="uid")

    async def test_search(self) -> None:
        """
        In a filter (RFC 4515).
        """
        await self.assertEveryoneIsHimself(search_filter="(&(objectClass=*)(uid={user}))")

    async def test_jmapFilterWithName(self) -> None:
        """
        C{jmap_filter} may depend on the user.
        """
        checker = self.searching(search_filter="(uid={user})", jmap_filter="(!(uid={user}))")
        found = await self.evidence(checker, "star*", "*rats")
        self.assertIs(found.objection, Reason.NOT_ALLOWED)

    async def test_longest(self) -> None:
        """
        The longest name and password that are let through do not make the server hang up, which
        would look as if it were down.
        """
        for checker in (self.checker(bind_dn_template=TEMPLATE), self.searching()):
            for letter in ("\U0001f389", ","):
                await self.assertRefused(checker, letter * 512, letter * 4096)
            self.assertEqual(serversUp(checker.counters), 1)

    async def test_refusedBeforeAnythingIsSent(self) -> None:
        """
        NUL, controls and what is not UTF-8 are refused, and no server is needed for that.
        """
        checker = self.checker(bind_dn_template=TEMPLATE)
        for bad in (b"", b"a\0", b"a\n", b"\xff", b"\xc3", b"\x7f"):
            await self.assertRefused(checker, bad, b"x")
            await self.assertRefused(checker, b"x", bad)
        self.assertEqual(checker.counters.latencyCount, 0)


GROUPS = (
    person("member", "secret")
    + person("stranger", "secret")
    + f"dn: cn=jmap,ou=groups,{SUFFIX}\nobjectClass: groupOfNames\ncn: jmap\n"
    + f"member: uid=member,{PEOPLE}\n\n"
)


class GroupTests(CheckerTestCase):
    """
    Groups, with the memberof overlay.
    """

    def setUp(self) -> None:
        """
        Have a server with the overlay. It only sees what is changed while it runs.
        """
        self.slapd = sharedSlapd(GROUPS, ("memberof",), "overlay memberof")
        group = f"dn: cn=jmap,ou=groups,{SUFFIX}\nchangetype: modify\n"
        self.slapd.modify(f"{group}replace: member\nmember: {SUFFIX}\n")
        self.slapd.modify(f"{group}replace: member\nmember: uid=member,{PEOPLE}\n")

    async def test_memberOf(self) -> None:
        """
        Membership decides, over the user's own connection and over the service account's, and so
        does its negation.
        """
        group = f"(memberOf=cn=jmap,ou=groups,{SUFFIX})"
        for jmap, allowed, other in (
            (group, "member", "stranger"),
            (f"(!{group})", "stranger", "member"),
            (f"(&(objectClass=person)(|(uid=x){group}))", "member", "stranger"),
            ("(uid:caseExactMatch:=member)", "member", "stranger"),
        ):
            for checker in (
                self.checker(bind_dn_template=TEMPLATE, jmap_filter=jmap),
                self.searching(jmap_filter=jmap),
            ):
                self.assertIsNone((await self.evidence(checker, allowed, "secret")).objection)
                objection = (await self.evidence(checker, other, "secret")).objection
                self.assertIs(objection, Reason.NOT_ALLOWED)


REFERRALS = (
    person("alice", "wonderland")
    + f"dn: ou=elsewhere,{SUFFIX}\nobjectClass: referral\nobjectClass: extensibleObject\n"
    + f"ou: elsewhere\nref: ldap://127.0.0.1:1/ou=elsewhere,{SUFFIX}\n\n"
)


class ReferralTests(CheckerTestCase):
    """
    Referrals are never followed: a password would go where the referral says.
    """

    ldif = REFERRALS

    async def test_reference(self) -> None:
        """
        A reference among the results of a search is left alone (RFC 4511, section 4.5.3).
        """
        checker = self.searching()
        self.assertEqual((await self.evidence(checker, "alice", "wonderland")).username, "alice")
        await self.assertRefused(checker, "nobody", "wonderland")

    async def test_referral(self) -> None:
        """
        A referral instead of results (section 4.1.10) tells nothing about the user.
        """
        checker = self.searching(search_base=f"ou=elsewhere,{SUFFIX}")
        with self.assertRaises(TemporaryFailure) as caught:
            await self.evidence(checker, "alice", "wonderland")
        self.assertNotIsInstance(caught.exception, Refused)


class HiddenEntryTests(CheckerTestCase):
    """
    A directory in which users may log in and see nothing.
    """

    def setUp(self) -> None:
        """
        Have such a server.
        """
        self.slapd = sharedSlapd(
            person("alice", "wonderland"), config="access to * by anonymous auth by * none"
        )

    async def test_noEvidence(self) -> None:
        """
        Without the user's own entry nothing shows that JMAP works, so that is what is said; the
        login is good.
        """
        for keys in ({"jmap_filter": "(uid=*)"}, {"session_url_attribute": "labeledURI"}):
            checker = self.checker(bind_dn_template=TEMPLATE, **keys)
            found = await self.evidence(checker, "alice", "wonderland")
            self.assertIs(found.objection, Reason.NO_EVIDENCE)

    async def test_noName(self) -> None:
        """
        Without the name of the mailbox there is no login, and the password is not called wrong.
        """
        checker = self.checker(bind_dn_template=TEMPLATE, username_attribute="uid")
        with self.assertRaises(TemporaryFailure):
            await self.evidence(checker, "alice", "wonderland")


class LimitTests(CheckerTestCase):
    """
    Limits of the server.
    """

    def setUp(self) -> None:
        """
        Have a server that shows one entry of a search at most.
        """
        ldif = person("a", "secret", "mail: x@example.com")
        ldif += person("b", "secret", "mail: x@example.com")
        self.slapd = sharedSlapd(ldif, globalConfig="sizelimit 1")

    async def test_sizeLimit(self) -> None:
        """
        When the size limit is exceeded there are others that were not shown: nobody can tell.
        """
        checker = self.searching()
        with self.assertRaises(TemporaryFailure):
            await self.evidence(checker, "x@example.com", "secret")
        self.assertEqual((await self.evidence(checker, "a", "secret")).username, "a")
