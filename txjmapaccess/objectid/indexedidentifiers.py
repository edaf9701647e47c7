# -*- test-case-name: tests.objectid.test_objectid -*-
"""
The identifiers of one account, from an index of its mailboxes and messages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from weakref import ref

from twisted.internet.defer import Deferred

from txjmapaccess.coroutines import settled
from txjmapaccess.errors import JMAPAccessError
from txjmapaccess.message.identifiers import emailID, firstReference, threadID
from txjmapaccess.objectid.accountindex import AccountIndex
from txjmapaccess.objectid.mailboxchanges import Change, MailboxChanges
from txjmapaccess.objectid.pendingchanges import COPY, ChangePending, IDs, MailboxKey, PendingChange
from txjmapaccess.objectid.pendingcopy import PendingCopy
from txjmapaccess.pacing import ClientGone, Turns
from txjmapaccess.store.mailboxes import MailboxNames, steadyUIDValidity
from txjmapaccess.store.messages import feedMessage
from txjmapaccess.store.messageset import since
from txjmapaccess.store.objectids import MailboxForgotten
from txjmapaccess.store.openaccount import OpenAccount

#: Messages that are looked up together.
_BATCH = 200


class IndexedIdentifiers:
    """
    What L{txjmapaccess.store.objectids.StoreIdentifiers} is for a store that has identifiers.

    @param opened: the account.
    @param run: runs a job in a thread.
    """

    def __init__(
        self, opened: OpenAccount, index: AccountIndex, run: Callable[..., Deferred[Any]]
    ) -> None:
        self._turns = opened.turns
        self._index = index
        self._run = run
        self._names = MailboxNames(opened.account)
        #: L{AccountIndex.changeCount} when the names were listed.
        self._listedAt = -1
        self._changes = MailboxChanges(opened.turns, index, run, self._names)
        # By id: an open mailbox stays the same when another session renames it.
        self._open: dict[int, tuple[ref[Any], int, int]] = {}

    # Mailboxes

    async def mailboxID(self, name: str, mailbox: Any) -> str:
        """
        @return: the MAILBOXID.
        """
        return (await self._find(name, mailbox)).mailboxID

    async def _find(self, name: str, mailbox: Any) -> MailboxKey:
        uidValidity = steadyUIDValidity(mailbox)
        while True:
            try:
                key = await self._run(self._index.findMailbox, name, uidValidity)
                if key is None:
                    key = await self._add(name, uidValidity)
            except ChangePending:
                await self._changes.settle()
            else:
                self._remember(mailbox, key.row, uidValidity)
                return key  # type: ignore[no-any-return]

    async def _add(self, name: str, uidValidity: int) -> MailboxKey:
        count = await self._run(self._index.changeCount)
        if count != self._listedAt:
            await self._names.refreshed()
            self._listedAt = count
        listed = await self._names.spelling(name)
        if listed not in self._names.listed and await self._names.mailbox(listed) is None:
            raise MailboxForgotten()
        added: MailboxKey = await self._run(self._index.addMailbox, listed, uidValidity, count)
        return added

    def _remember(self, mailbox: Any, row: int, uidValidity: int) -> None:
        opened, key = self._open, id(mailbox)
        with suppress(TypeError):  # Not of everything there are weak references.
            opened[key] = (ref(mailbox, lambda _: opened.pop(key, None)), row, uidValidity)

    async def _rowOf(self, mailbox: Any, name: str | None) -> int:
        known = self._open.get(id(mailbox))
        if known is not None and known[2] == steadyUIDValidity(mailbox):
            return known[1]
        if name is None or await self._names.spelling(name) not in await self._names.refreshed():
            # Renamed, perhaps: what is under that name next is another mailbox.
            raise JMAPAccessError("the mailbox is unknown")
        return (await self._find(name, mailbox)).row

    # Messages

    async def messageIDs(
        self, mailbox: Any, messages: Sequence[Any], name: str | None = None
    ) -> list[tuple[object, object]]:
        """
        @param name: by which the mailbox was opened, or L{None} when that is not known.

        @return: an EMAILID and a THREADID for each message, or the exception of one that could not
            be read.
        """
        row = await self._rowOf(mailbox, name)
        byUID = {message.getUID(): message for message in messages}
        failures: dict[int, Exception] = {}
        while True:
            try:
                known = await self._messageIDs(row, byUID, failures)
                break
            except ChangePending:
                await self._changes.settle()
        uids = (message.getUID() for message in messages)
        return [known.get(uid) or (failures[uid], failures[uid]) for uid in uids]

    async def _messageIDs(
        self, row: int, byUID: Mapping[int, Any], failures: dict[int, Exception]
    ) -> dict[int, IDs]:
        known: dict[int, IDs] = await self._run(self._index.findMessages, row, byUID)
        unknown = {uid: message for uid, message in byUID.items() if uid not in known}
        if unknown:
            made = await self._make(unknown, failures)
            known.update(await self._run(self._index.addMessages, row, made))
        return known

    async def _make(
        self, messages: dict[int, Any], failures: dict[int, Exception]
    ) -> dict[int, IDs]:
        made = {}
        turns = self._turns()
        for uid, message in messages.items():
            try:
                made[uid] = await self._read(message, turns)
            except ClientGone:
                raise
            except Exception as e:
                failures[uid] = e
        return made

    async def _read(self, message: Any, turns: Turns) -> IDs:
        digest = hashlib.sha256()
        await feedMessage(message, turns, digest.update)
        email = emailID(_octets(message.getInternalDate()), digest.digest())
        names = ("references", "in-reply-to", "message-id")
        fields = {
            name.lower(): _octets(value)
            for name, value in message.getHeaders(False, *names).items()
        }
        return email, threadID(firstReference(*(fields.get(name) for name in names)), email)

    # Searching

    async def search(
        self, kind: str, value: str, mailbox: Any, name: str | None = None
    ) -> Iterable[int]:
        """
        @param kind: C{EMAILID} or C{THREADID}.
        @param name: see L{messageIDs}.

        @return: the UIDs of the messages in a mailbox that have this identifier.
        """
        row = await self._completed(mailbox, name)
        found: list[int] = await self._run(self._index.search, row, kind, value)
        return found

    async def _completed(self, mailbox: Any, name: str | None) -> int:
        """
        Read the messages that are not in the index yet.

        @return: its row.
        """
        row = await self._rowOf(mailbox, name)
        below = await self._run(self._index.completeBelow, row)
        found = [message for _, message in await settled(mailbox.fetch, since(below), uid=1)]
        new = [message for message in found if message.getUID() >= below]
        if new:
            complete = await self._identify(mailbox, new, name)
            await self._run(self._index.setCompleteBelow, row, complete)
        return row

    async def _identify(self, mailbox: Any, messages: Sequence[Any], name: str | None) -> int:
        """
        @return: the UID of the first message that has no identifiers, or one above all.
        """
        for start in range(0, len(messages), _BATCH):
            batch = messages[start : start + _BATCH]
            ids = await self.messageIDs(mailbox, batch, name)
            for message, (email, _) in zip(batch, ids, strict=True):
                if isinstance(email, Exception):
                    return int(message.getUID())
        return int(messages[-1].getUID()) + 1

    # MailboxChanges

    async def creating(self, name: str) -> Change:
        """
        A mailbox is about to be made. This and the next three: see
        L{txjmapaccess.objectid.mailboxchanges}.
        """
        return await self._changes.create(name)

    async def deleting(self, name: str) -> Change:
        """
        A mailbox is about to be deleted.
        """
        return await self._changes.delete(name)

    async def renaming(self, old: str, new: str) -> Change:
        """
        A mailbox is about to be renamed.
        """
        return await self._changes.rename(old, new)

    async def copying(
        self,
        mailbox: Any,
        originals: Sequence[Any],
        name: str,
        target: Any,
        uidNext: int | None,
        source: str | None = None,
    ) -> PendingCopy:
        """
        Messages are about to be copied.

        @param mailbox: from where.
        @param name: the name of the mailbox to which they are copied.
        @param target: that mailbox.
        @param uidNext: what UIDNEXT is there, or L{None}.
        @param source: the name by which C{mailbox} was opened, or L{None}.
        """
        ids = await self.messageIDs(mailbox, originals, source)
        row = (await self._find(name, target)).row
        change = await self._changes.begin(PendingChange(COPY, mailbox=row, uidNext=uidNext or 0))
        sizes = [message.getSize() for message in originals]
        return PendingCopy(self._index, self._run, change, sizes, ids, target, uidNext)


def _octets(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value or "").encode("utf-8", "replace")
