# -*- test-case-name: tests.test_maildir_view -*-
"""
What a session sees of a mailbox. Values only; no I/O.

The view stays as it is, and with it the sequence numbers, until the session is told what has
changed (RFC 3501, sections 5.5 and 7.4.1). A message that is gone, but about which the session
cannot be told, stays in the view and keeps its number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from txjmapaccess.maildir.snapshot import Entry, Snapshot


class Changes(NamedTuple):
    """
    What to tell a session, in this order.

    @ivar expunged: sequence numbers, descending: right as EXPUNGE responses, one after the other.
    @ivar flags: by sequence number, as it is after these.
    @ivar hasNew: whether there are more messages now.
    """

    expunged: list[int]
    flags: dict[int, list[str]]
    hasNew: bool


_NOTHING = Changes([], {}, False)


class View:
    """
    @param snapshot: the mailbox now.

    @ivar seen: the mailbox as the session knows it.
    @ivar recent: the UIDs that are \\Recent in this session.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.seen = self._latest = snapshot
        self.recent = snapshot.recent()

    @property
    def entries(self) -> Sequence[Entry]:
        """
        The messages by sequence number, from 0.
        """
        return self.seen.entries

    def flagsOf(self, uid: int, otherwise: Entry) -> list[str]:
        """
        @return: a message's flags, as the session knows them.
        """
        entry = self.seen.byUID.get(uid, otherwise)
        recent = ["\\Recent"] if uid in self.recent else []
        return [*entry.flags.names, *recent]

    def update(self, changed: Mapping[int, Entry]) -> None:
        """
        The session knows now that these messages have other flags.

        @param changed: by UID.
        """
        entries = [changed.get(entry.uid, entry) for entry in self.entries]
        self.seen = Snapshot(entries, self.seen.row)

    def dropGone(self, snapshot: Snapshot) -> list[int]:
        """
        The session is about to be told of the messages that are gone, and of nothing else.

        @return: their sequence numbers, descending.
        """
        there = snapshot.byUID
        gone = [n for n, entry in enumerate(self.entries, 1) if entry.uid not in there]
        if gone:
            entries = [entry for entry in self.entries if entry.uid in there]
            self.seen = Snapshot(entries, self.seen.row)
            self.recent &= there.keys()
        return gone[::-1]

    def catchUp(self, snapshot: Snapshot, canExpunge: bool) -> Changes:
        """
        Make the view what the mailbox is now.

        @param canExpunge: whether the session can be told about messages that are gone.

        @return: what to tell the session.
        """
        if snapshot is self._latest:
            return _NOTHING
        before = self.seen
        expunged = self.dropGone(snapshot) if canExpunge else []
        old = self.seen.byUID
        last = before.entries[-1].uid if before.entries else 0
        # A message that this session was told is gone does not come back in the middle.
        kept = [snapshot.byUID.get(entry.uid, entry) for entry in self.entries]
        new = [entry for entry in snapshot.entries if entry.uid > last]
        self.seen, self._latest = Snapshot([*kept, *new], snapshot.row), snapshot
        self.recent |= snapshot.recent() & {entry.uid for entry in new}
        flags = {
            n: self.flagsOf(entry.uid, entry)
            for n, entry in enumerate(kept, 1)
            if entry is not old[entry.uid] and entry.flags != old[entry.uid].flags
        }
        return Changes(expunged, flags, bool(new))
