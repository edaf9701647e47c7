# -*- test-case-name: tests.objectid.test_mailboxchanges -*-
"""
CREATE, DELETE, RENAME and COPY, as the index sees them.

Each one I{begins} before the store does its work: it takes the L{FileLock} of the account and notes
in the index what may happen. It ends as I{done}, I{refused}, or I{doubtful}: the store failed, and
how far it came is unknown. A process that is killed leaves only the note. The next session that
needs to know settles it by what the store has then:

  - DELETE: the mailbox is gone, or still there.
  - RENAME: it is gone from the old name and there under the new one, or the other way round. When
    both are there it could be either: then the old identifier is never used again.
  - COPY: what it left behind are new messages. No client knows that they are copies.

A CREATE leaves no note. Before it, the index forgets mailboxes that no longer exist, even when
another program deleted them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from txjmapaccess.coroutines import settled
from txjmapaccess.objectid.accountindex import AccountIndex
from txjmapaccess.objectid.filelock import FileLock, tryLock
from txjmapaccess.objectid.indexfile import IndexLocked
from txjmapaccess.objectid.pendingchanges import (
    AS_BEFORE,
    COPY,
    DELETE,
    GONE,
    MOVED,
    RENAME,
    PendingChange,
    SettledChange,
)
from txjmapaccess.pacing import Turns
from txjmapaccess.store.mailboxes import MailboxNames
from txjmapaccess.store.mailboxnames import DELIMITERS, listedName

#: Seconds between two looks whether a lock is free, and how many there are.
_EACH, _LOOKS = 0.02, 1500


class MailboxChanges:
    """
    The changes to one account.

    @param turns: makes L{Turns} for a wait.
    @param run: runs a job in a thread.
    @param names: of the account's mailboxes.
    """

    def __init__(
        self,
        turns: Callable[[], Turns],
        index: AccountIndex,
        run: Callable[..., Deferred[Any]],
        names: MailboxNames,
    ) -> None:
        self._turns = turns
        self._index = index
        self._run = run
        self._names = names

    async def settle(self) -> None:
        """
        Wait until no session is making a change, and settle those that killed processes left.

        @raise IndexLocked: when that takes too long.
        """
        (await self._locked()).release()

    async def _locked(self) -> FileLock:
        lock = await self._acquire()
        try:
            begun: list[PendingChange] = await self._run(self._index.begun)
            if begun:
                await self.settleAs(begun)
        except BaseException:
            lock.release()
            raise
        return lock

    async def _acquire(self) -> FileLock:
        path = self._index.path + ".lock"
        turns = self._turns()
        for _ in range(_LOOKS):
            lock: FileLock | None = await self._run(tryLock, path)
            if lock is not None:
                return lock
            await turns.pause(_EACH)  # Ends this when the client has gone.
        raise IndexLocked(self._index.path, "timed out waiting for a change to mailboxes")

    async def begin(self, *changes: PendingChange) -> Change:
        """
        @return: the changes, noted.
        """
        lock = await self._locked()
        try:
            return Change(self, lock, await self._run(self._index.begin, changes))
        except BaseException:
            lock.release()
            raise

    async def create(self, name: str) -> Change:
        """
        A mailbox, and perhaps those above it, is about to be made.
        """
        change = await self.begin()
        try:
            above = await self._run(self._index.namesAbove, name)
            listed = await self._names.refreshed()
            gone = [each for each in above if not await self._names.isThere(each, listed)]
            if gone:
                await self._run(self._index.forget, gone)
        except BaseException:
            await change.done()
            raise
        return change

    async def delete(self, name: str) -> Change:
        """
        A mailbox is about to be deleted.
        """
        listed = await self._names.refreshed()
        spelt = listedName(name, listed)
        change = await self.begin(PendingChange(DELETE, spelt, isHidden=spelt not in listed))
        change.name = spelt
        return change

    async def rename(self, old: str, new: str) -> Change:
        """
        A mailbox is about to be renamed, and those below it.
        """
        change = await self.begin()
        try:
            listed = await self._names.refreshed()
            change.name = listedName(old, listed)
            moves = _movesOf(change.name, new, listed)
            change.begun = await self._run(
                self._index.begin,
                [PendingChange(RENAME, *move, isHidden=move[0] not in listed) for move in moves],
            )
        except BaseException:
            await change.done()
            raise
        return change

    # Outcomes

    async def settleAs(self, begun: Sequence[PendingChange], name: str | None = None) -> None:
        """
        Find out what has happened, and keep it.

        @param name: the mailbox that the store says it has changed, or L{None} if it failed.
            Some stores leave the mailboxes below it where they are.
        """
        listed = await self._names.refreshed()
        changes = []
        for each in begun:
            if each.name != name:
                changes.append(await self._found(each, listed))
            elif each.kind == DELETE:
                changes.append(SettledChange(each, GONE))
            else:
                changes.append(await self._moved(each, listed))
        await self._run(self._index.settle, changes)

    async def refused(self, begun: Sequence[PendingChange]) -> None:
        """
        The store has done nothing.
        """
        await self._run(self._index.settle, [SettledChange(each, AS_BEFORE) for each in begun])

    async def _found(self, begun: PendingChange, listed: Collection[str]) -> SettledChange:
        if begun.kind == COPY:
            return SettledChange(begun, AS_BEFORE)
        isThere = await self._isThere(begun.name, begun, listed)
        if begun.kind == DELETE:
            return SettledChange(begun, AS_BEFORE if isThere else GONE)
        if not await self._isThere(listedName(begun.target, listed), begun, listed):
            return SettledChange(begun, AS_BEFORE)
        return SettledChange(begun, GONE) if isThere else await self._moved(begun, listed)

    async def _isThere(self, name: str, begun: PendingChange, listed: Collection[str]) -> bool:
        # Some stores open a mailbox under any name.
        return name in listed or (begun.isHidden and await self._names.isThere(name, listed))

    async def _moved(self, begun: PendingChange, listed: Collection[str]) -> SettledChange:
        target = listedName(begun.target, listed)
        mailbox = await self._names.mailbox(target)
        uidValidity = None if mailbox is None else await settled(mailbox.getUIDValidity)
        return SettledChange(begun, MOVED, target, uidValidity)


class Change:
    """
    A change that was begun, until it is settled. Then its lock is free.

    @ivar begun: what is noted of it.
    @ivar name: of the mailbox that is deleted or renamed.
    """

    name = ""

    def __init__(
        self, changes: MailboxChanges, lock: FileLock, begun: Sequence[PendingChange]
    ) -> None:
        self._changes = changes
        self._lock = lock
        self.begun = begun

    async def done(self, result: Any = None) -> None:
        """
        The store has done it.

        @param result: what it gave.
        """
        await self._end(lambda begun: self._changes.settleAs(begun, self.name))

    async def refused(self) -> None:
        """
        The store has refused it.
        """
        await self._end(self._changes.refused)

    async def doubtful(self) -> None:
        """
        The store has failed.
        """
        await self._end(self._changes.settleAs)

    async def _end(self, settle: Callable[[Sequence[PendingChange]], Any]) -> None:
        try:
            if self.begun:
                await settle(self.begun)
        finally:
            self._lock.release()


def _movesOf(old: str, new: str, listed: Collection[str]) -> list[tuple[str, str]]:
    """
    Some stores rename every mailbox whose name begins like the old one, with a delimiter or
    without. Which ones moved shows afterwards.

    @return: pairs of an old and a new name. No new name is that of an existing mailbox.
    """
    stem = new.rstrip(DELIMITERS)
    moves = {name: stem + name[len(old) :] for name in listed if name.startswith(old)}
    moves[old] = new
    return [(name, target) for name, target in moves.items() if target not in listed]
