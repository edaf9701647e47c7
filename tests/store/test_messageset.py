# -*- test-case-name: tests.store.test_messageset -*-
"""
Tests for L{txjmapaccess.store.messageset}. See also L{tests.imap.test_searchcommand.SetTests}.
"""

from __future__ import annotations

from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.store.messageset import (
    Numbered,
    bounded,
    membership,
    messageSet,
    positions,
    since,
)


class Entry(NamedTuple):
    """
    What a mailbox knows of a message.
    """

    uid: int


ENTRIES = [Entry(uid) for uid in (3, 5, 8, 13)]


class MessageSetTests(SynchronousTestCase):
    """
    Message sets over the messages of a mailbox.
    """

    def test_positions(self) -> None:
        """
        Those that are there, by number or by UID, whether C{*} has been set or not.
        """
        for ranges, uid, expected in (
            ([(1, 2)], 0, [0, 1]),
            ([(3, None)], 0, [2, 3]),
            ([(4, 8)], 1, [1, 2]),
            ([(20, None)], 1, [3]),
            ([(6, 7)], 1, []),
        ):
            self.assertEqual(positions(messageSet(ranges), uid, ENTRIES), expected)
            chosen = messageSet(ranges)
            chosen.last = ENTRIES[-1].uid if uid else len(ENTRIES)
            self.assertEqual(positions(chosen, uid, ENTRIES), expected)
        self.assertEqual(positions(since(1), 1, []), [])

    def test_bounded(self) -> None:
        """
        No number is above the greatest; C{*} stays.
        """
        self.assertEqual(str(bounded(messageSet([(1, 4294967295)]), 5)), "1:5")
        self.assertEqual(str(bounded(since(4294967295), 5)), "*")

    def test_membership(self) -> None:
        """
        Whether a number is in a set.
        """
        isIn = membership(messageSet([(2, 3), (7, None)]), 9)
        self.assertEqual([number for number in range(12) if isIn(number)], [2, 3, 7, 8, 9])

    def test_numbered(self) -> None:
        """
        Messages are made when they are asked for, with their sequence numbers.
        """
        made: list[int] = []

        def make(entry: Entry) -> int:
            made.append(entry.uid)
            return entry.uid

        numbered = Numbered([1, 3], ENTRIES, make)
        self.assertEqual((len(numbered), made), (2, []))
        self.assertEqual(numbered[1], (4, 13))
        self.assertEqual(list(numbered[:1]), [(2, 5)])
        self.assertEqual(made, [13, 5])
        self.assertEqual(list(numbered), [(2, 5), (4, 13)])
