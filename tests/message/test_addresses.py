# -*- test-case-name: tests.message.test_addresses -*-
"""
Tests for L{txjmapaccess.message.addresses} and its tokens. The examples of RFC 8621 are in
L{tests.jmap.test_headerforms}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.message.addresses import Group, parseAddressList
from txjmapaccess.message.encodedwords import decodeWords


class AddressListTests(SynchronousTestCase):
    """
    L{parseAddressList}.
    """

    def parse(self, text: str) -> list[Group]:
        """
        @return: the mailboxes, by group.
        """
        return parseAddressList(text, decodeWords)

    def assertAddresses(self, text: str, *expected: tuple[str | None, str]) -> None:
        """
        These are the mailboxes, whatever their groups.
        """
        found = [address for group in self.parse(text) for address in group.addresses]
        self.assertEqual(found, list(expected))

    def test_behindAGroup(self) -> None:
        """
        What follows a group belongs to none.
        """
        groups = self.parse(" a: b@c;, d@e, f@g")
        self.assertEqual([(name, len(those)) for name, those in groups], [("a", 1), (None, 2)])

    def test_emptyGroup(self) -> None:
        """
        A group may be empty.
        """
        self.assertEqual(self.parse(" undisclosed-recipients:;"), [("undisclosed-recipients", [])])
        self.assertAddresses(" undisclosed-recipients:;")

    def test_quotedPairs(self) -> None:
        """
        Quoted pairs are decoded in names; encoded words in quotes are not (RFC 2047, section 5).
        """
        self.assertAddresses(r' "a \"b\" \\c" <d@e>', (r'a "b" \c', "d@e"))
        self.assertAddresses(' "=?utf-8?Q?b?=" <d@e>', ("=?utf-8?Q?b?=", "d@e"))
        self.assertAddresses(' =?utf-8?Q?a?= "b" c <d@e>', ("a b c", "d@e"))

    def test_comment(self) -> None:
        """
        A comment stands for a missing name.
        """
        self.assertAddresses(" a@b (A (the) B)", ("A (the) B", "a@b"))
        self.assertAddresses(" C <a@b> (A)", ("C", "a@b"))

    def test_localParts(self) -> None:
        """
        A quoted local part and a domain literal stay what they are.
        """
        self.assertAddresses(' "a b"@[127.0.0.1]', (None, '"a b"@[127.0.0.1]'))
        self.assertAddresses(" a . b @ c . d", (None, "a.b@c.d"))

    def test_route(self) -> None:
        """
        Obsolete routes are dropped (RFC 5322, section 4.4).
        """
        self.assertAddresses(" <@a,@b:c@d>", (None, "c@d"))

    def test_bestEffort(self) -> None:
        """
        Incomplete addresses are given as they are, and empty ones left out.
        """
        self.assertAddresses(" Arnt", (None, "Arnt"))
        self.assertAddresses(" Arnt Gulbrandsen", (None, "Arnt Gulbrandsen"))
        self.assertAddresses(" , ,a@b,", (None, "a@b"))
        self.assertAddresses(" <a@b", (None, "a@b"))
        self.assertAddresses(' "a <b@c>, d@e', (None, '"a <b@c>, d@e"'))
        self.assertAddresses("")

    def test_long(self) -> None:
        """
        A long field takes time in proportion to its length.
        """
        self.assertEqual(len(self.parse(" a@b," * 20_000)[0].addresses), 20_000)
        self.assertEqual(self.parse("(" * 100_000), [])
