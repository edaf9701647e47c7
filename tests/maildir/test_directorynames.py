# -*- test-case-name: tests.maildir.test_directorynames -*-
"""
Names of mailboxes and users, and of their directories.
"""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.mail.imap4 import MailboxException
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.errors import Refused
from txjmapaccess.maildir.directorynames import (
    canonical,
    directoryOf,
    mailboxOf,
    matches,
    parents,
    userDirectory,
)


class MailboxNameTests(SynchronousTestCase):
    """
    L{directoryOf} and L{mailboxOf}.
    """

    def test_layout(self) -> None:
        """
        Maildir++: one flat directory for each mailbox, levels separated by dots, in modified
        UTF-7 (RFC 3501, section 5.1.3); a dot in a level is encoded, as Courier does it.
        """
        for name, directory in [
            ("INBOX", ""),
            ("Work", ".Work"),
            ("Work/Sub folder", ".Work.Sub folder"),
            ("Café", ".Caf&AOk-"),
            ("R&D", ".R&-D"),
            ("example.com/x", ".example&AC4-com.x"),
            ("INBOX/old", ".INBOX.old"),
        ]:
            self.assertEqual(directoryOf(name), directory)
            self.assertEqual(mailboxOf(directory), name)

    def test_inbox(self) -> None:
        """
        INBOX is the same in any case of letters (RFC 3501, section 5.1), also as first level.
        """
        self.assertEqual(canonical("inBox"), "INBOX")
        self.assertEqual(canonical("inBox/Sub"), "INBOX/Sub")
        self.assertEqual(canonical("inBoxes"), "inBoxes")

    def test_trailingDelimiter(self) -> None:
        """
        A delimiter at the end says that mailboxes are to come below (RFC 3501, section 6.3.3).
        """
        self.assertEqual(canonical("Work/"), "Work")

    def test_bytes(self) -> None:
        """
        L{bytes} are modified UTF-7.
        """
        self.assertEqual(canonical(b"Caf&AOk-"), "Café")
        self.assertRaises(MailboxException, canonical, b"Caf&AOk,,,-\xff")

    def test_impossible(self) -> None:
        """
        A name that no directory can have, or that leads out of the account, is refused.
        """
        for name in ["", "/a", "a//b", "a\0b", "a\nb", "x" * 250, "é" * 120, "\ud800"]:
            self.assertRaises(MailboxException, directoryOf, name)

    def test_dots(self) -> None:
        """
        Names of dots are names like others: no mailbox is outside of the account.
        """
        for name in ["..", ".", "../..", "a/../b", ".a"]:
            directory = directoryOf(name)
            self.assertNotIn("..", directory)
            self.assertNotIn("/", directory)
            self.assertEqual(mailboxOf(directory), name)

    def test_foreignDirectories(self) -> None:
        """
        A directory that is no mailbox, or whose name another directory has already, is left out.
        """
        for directory in ["..x", ".a..b", ".", ".&AGE-", ".caf\udce9", ".INBOX", ".inbox", ".&"]:
            self.assertIsNone(mailboxOf(directory), directory)

    @given(st.text())
    def test_roundTrip(self, name: str) -> None:
        """
        Every name that is accepted comes back from its directory, and none leaves the account.
        """
        try:
            directory = directoryOf(canonical(name))
        except MailboxException:
            return
        self.assertEqual(mailboxOf(directory), canonical(name))
        self.assertNotIn("/", directory)
        self.assertFalse(directory.startswith(".."))
        self.assertTrue(directory.isascii())

    def test_parents(self) -> None:
        """
        The levels above, outermost first.
        """
        self.assertEqual(parents("a/b/c"), ["a", "a/b"])
        self.assertEqual(parents("a"), [])


class ListPatternTests(SynchronousTestCase):
    """
    L{matches}: RFC 3501, section 6.3.8.
    """

    def test_wildcards(self) -> None:
        """
        C{*} goes through levels, C{%} does not; all else is itself.
        """
        for pattern, name, expected in [
            ("*", "a/b", True),
            ("%", "a/b", False),
            ("%", "ab", True),
            ("%/%", "a/b", True),
            ("a/%", "a/b/c", False),
            ("a*", "a/b/c", True),
            ("a%c", "abc", True),
            ("a", "ab", False),
            ("", "a", False),
            ("a.c", "abc", False),
            ("inbox", "INBOX", True),
            ("inbox*", "INBOX/a", True),
            ("inbox*", "inboxes", True),
            ("Work", "work", False),
        ]:
            self.assertEqual(matches(pattern, name), expected, (pattern, name))

    def test_noExplosion(self) -> None:
        """
        A pattern of many wildcards takes no longer than its length says.
        """
        began = time.process_time()
        self.assertFalse(matches("*a" * 200 + "b", "a" * 240))
        self.assertLess(time.process_time() - began, 1)


class UserNameTests(SynchronousTestCase):
    """
    L{userDirectory}: a user name can never leave its directory.
    """

    def test_accepted(self) -> None:
        """
        What LDAP and OAuth have as user names is the directory's name as it is.
        """
        for name in ["ada", "ada@example.com", "Ada Lovelace", "é", "a.b-c_d+e", "a..b"]:
            self.assertEqual(userDirectory(name), name)
            self.assertEqual(userDirectory(name.encode()), name)

    def test_refused(self) -> None:
        """
        Whatever could be a path, another directory, or no file name is refused as a login.
        """
        names = ["", ".", "..", "../a", "a/b", "/etc", ".hidden", "a\0", "a\nb", "a\\b", "\x7f"]
        for name in [*names, "x" * 201, "é" * 101, "\ud800", b"\xff", b"", None, (), 7, ["a"]]:
            self.assertRaises(Refused, userDirectory, name)

    @given(st.one_of(st.text(), st.binary()))
    def test_anything(self, name: str | bytes) -> None:
        """
        What is accepted is one level of a path, and never a hidden one.
        """
        try:
            directory = userDirectory(name)
        except Refused:
            return
        self.assertNotIn("/", directory)
        self.assertNotIn("\0", directory)
        self.assertFalse(directory.startswith("."))
        self.assertTrue(0 < len(directory.encode()) <= 200)
