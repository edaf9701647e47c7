# -*- test-case-name: tests.maildir.test_mailbox -*-
"""
The state of a mailbox at one moment. Values only: a change makes a new snapshot, which shares with
the old one the entries that stayed the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from txjmapaccess.maildir.maildirfiles import splitName
from txjmapaccess.maildir.messageflags import MessageFlags, flagsOf
from txjmapaccess.maildir.openindex import MailboxRow, Record


class MessageState:
    """
    A message.

    @ivar record: what the index has of it.
    @ivar path: its file, below the mailbox's directory.
    @ivar flags: those of the file's name and of the index.
    """

    __slots__ = ("flags", "path", "record", "uid")

    def __init__(self, record: Record, path: bytes) -> None:
        self.record = record
        self.path = path
        self.uid = record.uid
        self.flags: MessageFlags = flagsOf(splitName(path)[1], record.keywords)


class MailboxSnapshot:
    """
    @ivar entries: in the order of UIDs.
    @ivar row: the mailbox's own values at that moment.
    """

    def __init__(self, entries: Sequence[MessageState], row: MailboxRow) -> None:
        self.entries = entries
        self.row = row

    @cached_property
    def byUID(self) -> dict[int, MessageState]:
        """
        The entries by UID.
        """
        return {entry.uid: entry for entry in self.entries}

    @cached_property
    def unseen(self) -> int:
        """
        How many messages are not \\Seen.
        """
        return sum(not entry.flags.isSeen for entry in self.entries)

    @cached_property
    def keywords(self) -> list[str]:
        """
        Every keyword that a message has.
        """
        distinct = {entry.flags.keywords for entry in self.entries}
        return sorted({keyword for keywords in distinct for keyword in keywords.split()})

    @property
    def hasRecent(self) -> bool:
        """
        Whether there are UIDs that no session has claimed.
        """
        return self.row.firstRecent < self.row.uidNext

    def recent(self) -> frozenset[int]:
        """
        The UIDs that no session has claimed.
        """
        first = self.row.firstRecent
        return frozenset(entry.uid for entry in self.entries if entry.uid >= first)
