"""
User names, passwords and the names that users bind with.
"""

from __future__ import annotations

import warnings

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from ldap3.utils.dn import parse_dn

from txjmapaccess.errors import ConfigurationError, Refused
from txjmapaccess.ldap.usernames import (
    BindNameTemplate,
    canonicalName,
    checkedPassword,
    checkedUsername,
    escapeDNValue,
    firstComponent,
)

names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


def unescaped(value: str) -> str:
    """
    @return: what a value of a distinguished name stands for (RFC 4514, section 2.4).
    """
    plain, rest = "", value
    while rest:
        if rest[0] == "\\":
            rest = rest[1:]
        plain, rest = plain + rest[0], rest[1:]
    return plain


class CheckedTextTests(SynchronousTestCase):
    """
    What is refused before anything is sent.
    """

    def test_refused(self) -> None:
        """
        Empty, NUL, controls (C0, DEL, C1) and what is not UTF-8. An empty password would make the
        bind an unauthenticated one, which succeeds (RFC 4513, section 5.1.2).
        """
        for value in (
            b"",
            b"a\0",
            b"a\n",
            b"\x7f",
            "\x85".encode(),
            b"\xff",
            b"\xed\xa0\x80",
            "\ud800",
        ):
            self.assertRaises(Refused, checkedPassword, value)
            self.assertRaises(Refused, checkedUsername, value)

    def test_accepted(self) -> None:
        """
        Everything else passes unchanged.
        """
        for value in ("a", " ", "é\u200dx", "日本語", r'\*(),+"<>;=#'):
            self.assertEqual(checkedUsername(value.encode()), value)
            self.assertEqual(checkedPassword(value), value.encode())

    def test_tooLong(self) -> None:
        """
        Nobody can send a request that is so long that the directory hangs up: every letter of this
        name becomes eighteen when it is folded.
        """
        self.assertRaises(Refused, checkedUsername, "a" * 513)
        self.assertRaises(Refused, checkedPassword, "a" * 4097)
        self.assertRaises(Refused, canonicalName, "\ufdfa" * 512)
        self.assertEqual(len(checkedUsername("a" * 512)), 512)
        self.assertEqual(len(checkedPassword("a" * 4096)), 4096)

    def test_nothingTypedIsQuoted(self) -> None:
        """
        The text of the refusal holds nothing of the value.
        """
        error = self.assertRaises(Refused, checkedPassword, b"hunter2\0")
        self.assertEqual(str(error), "the password contains a control character")


class FirstComponentTests(SynchronousTestCase):
    """
    L{firstComponent}.
    """

    @settings(deadline=None)
    @given(names)
    def test_escapes(self, name: str) -> None:
        """
        Values come out as they went in, however they are escaped (RFC 4514, section 3).
        """
        plain = name.encode()
        hexadecimal = b"".join(b"\\%02x" % octet for octet in plain)
        for value in (escapeDNValue(name).encode(), hexadecimal):
            dn = b"UID=" + value + b"+cn=x,uid=other,dc=x"
            self.assertEqual(firstComponent(dn), [("uid", plain), ("cn", b"x")])

    def test_nothing(self) -> None:
        """
        What is no distinguished name has no component.
        """
        self.assertEqual(firstComponent(b""), [])
        self.assertEqual(firstComponent(b"alice"), [])


class CanonicalNameTests(SynchronousTestCase):
    """
    L{canonicalName}.
    """

    def test_spellings(self) -> None:
        """
        Case, spaces that do not count and compatibility forms (RFC 4518, section 2) are one name.
        """
        for spelling in ("Alice B", " alice  b ", "ALICE B", "\uff21lice\u00a0b"):
            self.assertEqual(canonicalName(spelling), "alice b")

    @settings(deadline=None)
    @given(names)
    def test_stable(self, name: str) -> None:
        """
        The canonical name of a canonical name is itself, and may be sent.
        """
        try:
            canonical = canonicalName(name)
        except Refused:
            return
        self.assertEqual(canonicalName(canonical), canonical)
        self.assertEqual(checkedUsername(canonical), canonical)

    def test_nothingLeft(self) -> None:
        """
        A name of spaces is no name.
        """
        self.assertRaises(Refused, canonicalName, "  ")


class BindNameTests(SynchronousTestCase):
    """
    L{BindNameTemplate}.
    """

    @settings(deadline=None)
    @given(names)
    def test_oneValue(self, name: str) -> None:
        """
        Whatever the name, it stays one value of one component (RFC 4514, section 2.4).
        """
        escaped = escapeDNValue(name)
        dn = BindNameTemplate("uid={user},dc=example").nameFor(name).decode()
        self.assertEqual(dn, f"uid={escaped},dc=example")
        self.assertEqual(unescaped(escaped), name)
        components = [component[:2] for component in parse_dn(dn)]
        self.assertEqual(components, [("uid", escaped), ("dc", "example")])

    def test_escapes(self) -> None:
        """
        The characters that RFC 4514 names, and C{#} and spaces where they would be lost.
        """
        self.assertEqual(escapeDNValue(' #,+"\\<>;= '), r"\ \#\,\+\"\\\<\>\;\=\ ")
        self.assertEqual(escapeDNValue("#1"), r"\#1")
        self.assertEqual(escapeDNValue(" "), r"\ ")

    def test_activeDirectory(self) -> None:
        """
        Templates that are no distinguished names take account names only.
        """
        template = BindNameTemplate("{user}@corp.example.com")
        self.assertFalse(template.isDN)
        self.assertEqual(template.nameFor("alice"), b"alice@corp.example.com")
        other = BindNameTemplate("CORP\\{user}")
        for name in ("CORP\\alice", "cn=alice", "a,b", "*", "alice@corp.example.com"):
            self.assertRaises(Refused, template.nameFor, name)
            self.assertRaises(Refused, other.nameFor, name)

    def test_everyNameOfAnAccount(self) -> None:
        """
        Where the user alone says what kind of name it is, Active Directory takes many for one
        account: C{{user}} is no template.
        """
        for text in ("{user}", " {user}", "{user}@", "\\{user}", "{user}-x", "{user}@{user}"):
            error = self.assertRaises(ConfigurationError, BindNameTemplate, text)
            self.assertIn("search_base", str(error))

    def test_badTemplates(self) -> None:
        """
        A template without C{{user}}, with C{{user}} for an attribute, or that is no name.
        """
        for text in (
            "uid=x,dc=example",
            "{user}=x,dc=example",
            "uid={user},",
            "uid={user},dc",
            "uid={user};dc=x",
            "uid={user}\n",
        ):
            self.assertRaises(ConfigurationError, BindNameTemplate, text)
