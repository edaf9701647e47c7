# -*- test-case-name: tests.maildir.test_mailboxview -*-
"""
What a session sees of a mailbox (RFC 3501, sections 5.5 and 7.4.1).
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.maildir.mailboxsnapshot import MailboxSnapshot, MessageState
from txjmapaccess.maildir.mailboxview import MailboxView, ViewChanges
from txjmapaccess.maildir.openindex import MailboxRow, Record

ROW = MailboxRow(1, ".x", "F1", 1, 100, 100, 0)


def snapshot(messages: dict[int, str]) -> MailboxSnapshot:
    """
    @param messages: letters by UID.
    """
    return MailboxSnapshot(
        [
            MessageState(
                Record(uid, b"%d" % uid, 1, 1, "M", "T", "", 0), b"cur/x:2," + letters.encode()
            )
            for uid, letters in sorted(messages.items())
        ],
        ROW,
    )


def uids(view: MailboxView) -> list[int]:
    """
    @return: what the session believes to be there, by sequence number.
    """
    return [entry.uid for entry in view.entries]


class ViewTests(SynchronousTestCase):
    """
    L{MailboxView}.
    """

    def test_nothing(self) -> None:
        """
        When nothing has changed, there is nothing to tell.
        """
        now = snapshot({1: "", 2: ""})
        view = MailboxView.of(now)
        for same in (now, snapshot({1: "", 2: ""})):
            self.assertEqual(view.caughtUp(same, True)[1], ViewChanges([], {}, False))

    def test_everything(self) -> None:
        """
        Gone messages are told from the highest number down, then flags by the new numbers, then
        that there are new ones.
        """
        view = MailboxView.of(snapshot({1: "", 2: "", 3: "", 4: "S", 5: ""}))
        view, changes = view.caughtUp(snapshot({2: "F", 4: "S", 5: "ST", 6: ""}), True)
        self.assertEqual(changes.expunged, [3, 1])
        self.assertEqual(changes.flags, {1: ("\\Flagged",), 3: ("\\Seen", "\\Deleted")})
        self.assertTrue(changes.hasNew)
        self.assertEqual(uids(view), [2, 4, 5, 6])

    def test_ghosts(self) -> None:
        """
        A session that cannot be told that a message is gone keeps its number until it can.
        """
        view = MailboxView.of(snapshot({1: "", 2: "", 3: ""}))
        view, changes = view.caughtUp(snapshot({1: "", 3: "", 4: ""}), False)
        self.assertEqual(changes, ViewChanges([], {}, True))
        self.assertEqual(uids(view), [1, 2, 3, 4])
        view, gone = view.withoutGone(snapshot({1: "", 4: ""}))
        self.assertEqual(gone, [3, 2])
        self.assertEqual(uids(view), [1, 4])

    def test_noReturn(self) -> None:
        """
        A message that the session was told is gone does not appear between others again.
        """
        view = MailboxView.of(snapshot({1: "", 2: "", 3: ""}))
        view, _ = view.caughtUp(snapshot({1: "", 3: ""}), True)
        view, changes = view.caughtUp(snapshot({1: "", 2: "", 3: ""}), True)
        self.assertEqual(changes, ViewChanges([], {}, False))
        self.assertEqual(uids(view), [1, 3])

    def test_ownFlags(self) -> None:
        """
        What the session has changed itself is not told again.
        """
        view = MailboxView.of(snapshot({1: "", 2: ""}))
        now = snapshot({1: "S", 2: ""})
        view = view.updated({1: now.entries[0]})
        self.assertEqual(view.caughtUp(now, True)[1], ViewChanges([], {}, False))

    @given(
        st.sets(st.integers(1, 12)),
        st.lists(
            st.tuples(st.booleans(), st.sets(st.integers(1, 12)), st.sets(st.integers(1, 30))),
            max_size=6,
        ),
    )
    def test_model(self, first: set[int], steps: list[tuple[bool, set[int], set[int]]]) -> None:
        """
        A client that applies what it is told always has what the view has: no EXPUNGE of a number
        that is not there, and only growth by EXISTS.
        """
        there = set(first)
        view = MailboxView.of(snapshot(dict.fromkeys(there, "")))
        client = uids(view)
        for canExpunge, gone, new in steps:
            highest = max([0, *there, *client])
            there = (there - gone) | {highest + n for n in new}
            view, changes = view.caughtUp(snapshot(dict.fromkeys(there, "")), canExpunge)
            for seq in changes.expunged:
                del client[seq - 1]
            if changes.hasNew:
                client.extend(uids(view)[len(client) :])
            self.assertEqual(client, uids(view))
            if canExpunge:
                self.assertEqual(set(client), there)
