# -*- test-case-name: tests.maildir.test_mailboxview -*-
"""
What a session sees of a mailbox. Values only; no I/O.

The view stays as it is, and with it the sequence numbers, until the session is told what has
changed (RFC 3501, sections 5.5 and 7.4.1). A message that is gone, but about which the session
cannot be told, stays in the view and keeps its number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from txjmapaccess.maildir.mailboxsnapshot import MailboxSnapshot, MessageState


class ViewChanges(NamedTuple):
    """
    What to tell a session, in this order.

    @ivar expunged: sequence numbers, descending: right as EXPUNGE responses, one after the other.
    @ivar flags: by sequence number, as it is after these.
    @ivar hasNew: whether there are more messages now.
    """

    expunged: list[int]
    flags: dict[int, Sequence[str]]
    hasNew: bool


_NOTHING = ViewChanges([], {}, False)


@dataclass(frozen=True)
class MailboxView:
    """
    @ivar seen: the mailbox as the session knows it.
    @ivar recent: the UIDs that are \\Recent in this session.
    @ivar latest: the mailbox as it was when the session was last told everything.
    """

    seen: MailboxSnapshot
    recent: frozenset[int]
    latest: MailboxSnapshot

    @classmethod
    def of(cls, snapshot: MailboxSnapshot) -> MailboxView:
        """
        @return: the view of a session that sees the mailbox for the first time.
        """
        return cls(snapshot, snapshot.recent(), snapshot)

    @property
    def entries(self) -> Sequence[MessageState]:
        """
        The messages by sequence number, from 0.
        """
        return self.seen.entries

    def flagsOf(self, entry: MessageState) -> Sequence[str]:
        """
        @return: a message's flags, as the session knows them. Messages with the same flags share
            one object: twenty thousand lists would hold up the garbage collector, and it all.
        """
        flags = self.seen.byUID.get(entry.uid, entry).flags
        return flags.namesAndRecent if entry.uid in self.recent else flags.names

    def updated(self, changed: Mapping[int, MessageState]) -> MailboxView:
        """
        @param changed: by UID.

        @return: the view of a session that knows that these messages have other flags now.
        """
        entries = [changed.get(entry.uid, entry) for entry in self.entries]
        return replace(self, seen=MailboxSnapshot(entries, self.seen.row))

    def withoutGone(self, now: MailboxSnapshot) -> tuple[MailboxView, list[int]]:
        """
        @return: the view of a session that knows which messages are gone, and nothing else; and
            their sequence numbers, descending.
        """
        there = now.byUID
        gone = [n for n, entry in enumerate(self.entries, 1) if entry.uid not in there]
        if not gone:
            return self, []
        seen = MailboxSnapshot([e for e in self.entries if e.uid in there], self.seen.row)
        return replace(self, seen=seen, recent=self.recent & there.keys()), gone[::-1]

    def caughtUp(self, now: MailboxSnapshot, canExpunge: bool) -> tuple[MailboxView, ViewChanges]:
        """
        @param canExpunge: whether the session can be told about messages that are gone.

        @return: the view of a session that knows everything; and what to tell it.
        """
        if now is self.latest:
            return self, _NOTHING
        kept, expunged = self.withoutGone(now) if canExpunge else (self, [])
        old = kept.entries
        last = self.entries[-1].uid if self.entries else 0
        # A message that this session was told is gone does not come back in the middle.
        new = [entry for entry in now.entries if entry.uid > last]
        entries = [now.byUID.get(entry.uid, entry) for entry in old]
        recent = kept.recent | (now.recent() & {entry.uid for entry in new})
        view = MailboxView(MailboxSnapshot([*entries, *new], now.row), recent, now)
        changed = [
            n for n, (a, b) in enumerate(zip(old, entries, strict=True), 1) if a.flags != b.flags
        ]
        flags = {n: view.flagsOf(entries[n - 1]) for n in changed}
        return view, ViewChanges(expunged, flags, bool(new))
