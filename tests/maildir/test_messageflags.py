# -*- test-case-name: tests.maildir.test_messageflags -*-
"""
Flags in file names and in the index.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.maildir.maildirfiles import fileName, splitName
from txjmapaccess.maildir.messageflags import MessageFlags, flagsNamed, flagsOf


class FlagTests(SynchronousTestCase):
    """
    L{MessageFlags}.
    """

    def test_letters(self) -> None:
        """
        Maildir's letters are IMAP's system flags, and C{P} is $Forwarded.
        """
        every = flagsNamed(
            ["\\Seen", "\\ANSWERED", "\\flagged", "\\Deleted", "\\Draft", "$forwarded"]
        )
        self.assertEqual(every, flagsOf("DFPRST"))
        self.assertEqual(
            every.names,
            ("\\Draft", "\\Flagged", "$Forwarded", "\\Answered", "\\Seen", "\\Deleted"),
        )

    def test_unsettable(self) -> None:
        """
        \\Recent, unknown system flags, and what is no atom (RFC 3501, section 9) are left out.
        """
        names = ["\\Recent", "\\Nonsense", "a b", "", "a(b", 'a"b', "a*", "a]", "a\\b", "é", "a\n"]
        self.assertEqual(flagsNamed(names), MessageFlags())
        self.assertEqual(flagsNamed(["x" * 101]), MessageFlags())

    def test_modes(self) -> None:
        """
        STORE adds, takes away, or replaces (RFC 3501, section 6.4.6).
        """
        old = flagsNamed(["\\Seen", "\\Flagged", "a", "b"])
        self.assertEqual(old.changed(["\\Deleted", "c"], 1).names, (
            "\\Flagged", "\\Seen", "\\Deleted", "a", "b", "c"))  # fmt: skip
        self.assertEqual(old.changed(["\\seen", "A"], -1).names, ("\\Flagged", "b"))
        self.assertEqual(old.changed(["\\Draft", "c"], 0).names, ("\\Draft", "c"))
        self.assertEqual(old.changed([], 0).names, ())

    def test_keywordsOnce(self) -> None:
        """
        Keywords are the same in any case of letters; the first spelling stays.
        """
        self.assertEqual(flagsNamed(["Work", "WORK"]).names, ("Work",))
        self.assertEqual(flagsNamed(["Work"]).changed(["work"], 1).names, ("Work",))

    def test_foreignLetters(self) -> None:
        """
        Letters that another program put into the name (Dovecot's keywords) stay there.
        """
        base, letters = splitName(b"base:2,FSac")
        self.assertEqual((base, letters), (b"base", "FSac"))
        flags = flagsOf(letters).changed(["\\Draft"], 0)
        self.assertEqual(fileName(base, flags.letters), b"base:2,Dac")
        self.assertEqual(flags.names, ("\\Draft",))
