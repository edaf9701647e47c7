# -*- test-case-name: tests.objectid.test_objectid -*-
"""
The identifiers of one account, from an index of its mailboxes and messages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

from twisted.internet.defer import Deferred

from txjmapaccess.errors import JMAPAccessError
from txjmapaccess.imap.messageset import parseSequenceSet
from txjmapaccess.imap.sections import openWhole
from txjmapaccess.imap.waiting import ClientGone, Turns, settled
from txjmapaccess.maildir.identifiers import emailID, firstReference, threadID
from txjmapaccess.objectid.changes import Change, Changes
from txjmapaccess.objectid.copying import Copying
from txjmapaccess.objectid.index import ObjectIndex
from txjmapaccess.objectid.storenames import StoreNames
from txjmapaccess.objectid.values import COPY, Begun, IDs, MailboxKey, Unsettled
from txjmapaccess.store.sharedidentifiers import steadyUIDValidity

_CHUNK = 64 * 1024
#: Messages that are looked up together.
_BATCH = 200


class IndexedIdentifiers:
    """
    What L{txjmapaccess.imap.objectids.StoreIdentifiers} is for a store that has identifiers.

    @param connection: the L{txjmapaccess.server.JMAPAccessMixin}, or what has of it C{account},
        C{mbox}, C{selectedName}, C{callLater}, C{turns} and C{inTurns}.
    @param run: runs a job in a thread.
    """

    def __init__(
        self, connection: Any, index: ObjectIndex, run: Callable[..., Deferred[Any]]
    ) -> None:
        self._connection = connection
        self._index = index
        self._run = run
        self._names = StoreNames(connection)
        self._changes = Changes(connection, index, run, self._names)
        # A mailbox that is open stays the same when somebody renames it.
        self._open: list[tuple[Any, int, int]] = []

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
                    listed = await self._names.spelling(name)
                    key = await self._run(self._index.addMailbox, listed, uidValidity)
            except Unsettled:
                await self._changes.settle()
            else:
                self._remember(mailbox, key.row, uidValidity)
                return key  # type: ignore[no-any-return]

    def _remember(self, mailbox: Any, row: int, uidValidity: int) -> None:
        selected = self._connection.mbox
        kept = [each for each in self._open if each[0] is selected and selected is not mailbox]
        self._open = [*kept, (mailbox, row, uidValidity)]

    async def _rowOf(self, mailbox: Any) -> int:
        for known, row, uidValidity in self._open:
            if known is mailbox and uidValidity == steadyUIDValidity(mailbox):
                return row
        name = self._connection.selectedName
        if name is None or await self._names.spelling(name) not in await self._names.refreshed():
            # Renamed, perhaps: what is under that name next is another mailbox.
            raise JMAPAccessError("nobody knows which mailbox this is")
        return (await self._find(name, mailbox)).row

    # Messages

    async def messageIDs(
        self, mailbox: Any, messages: Sequence[Any]
    ) -> list[tuple[object, object]]:
        """
        @return: an EMAILID and a THREADID for each message; in the place of one that could not be
            read, the exception.
        """
        row = await self._rowOf(mailbox)
        byUID = {message.getUID(): message for message in messages}
        failures: dict[int, Exception] = {}
        while True:
            try:
                known = await self._messageIDs(row, byUID, failures)
                break
            except Unsettled:
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
        turns = self._connection.turns()
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
        with closing(await openWhole(message, self._connection.inTurns)) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                if turns.isOver():
                    await turns.pause()
        email = emailID(_octets(message.getInternalDate()), digest.digest())
        names = ("references", "in-reply-to", "message-id")
        fields = {
            name.lower(): _octets(value)
            for name, value in message.getHeaders(False, *names).items()
        }
        return email, threadID(firstReference(*(fields.get(name) for name in names)), email)

    # Searching

    async def searchEmailID(self, mailbox: Any, value: str) -> Iterable[int]:
        """
        @return: the UIDs of the messages in a mailbox that have this EMAILID.
        """
        row = await self._completed(mailbox)
        found: list[int] = await self._run(self._index.searchEmailID, row, value)
        return found

    async def searchThreadID(self, mailbox: Any, value: str) -> Iterable[int]:
        """
        @return: the UIDs of the messages in a mailbox that have this THREADID.
        """
        row = await self._completed(mailbox)
        found: list[int] = await self._run(self._index.searchThreadID, row, value)
        return found

    async def _completed(self, mailbox: Any) -> int:
        """
        See to it that all messages of a mailbox are in the index: those that have come since it
        was searched last are read.

        @return: its row.
        """
        row = await self._rowOf(mailbox)
        below = await self._run(self._index.completeBelow, row)
        since = parseSequenceSet(b"%d:*" % below)
        found = [message for _, message in await settled(mailbox.fetch, since, uid=1)]
        new = [message for message in found if message.getUID() >= below]
        if new:
            complete = await self._identify(mailbox, new)
            await self._run(self._index.setCompleteBelow, row, complete)
        return row

    async def _identify(self, mailbox: Any, messages: Sequence[Any]) -> int:
        """
        @return: the UID of the first message that has no identifiers, or one above all.
        """
        for start in range(0, len(messages), _BATCH):
            batch = messages[start : start + _BATCH]
            ids = await self.messageIDs(mailbox, batch)
            for message, (email, _) in zip(batch, ids, strict=True):
                if isinstance(email, Exception):
                    return int(message.getUID())
        return int(messages[-1].getUID()) + 1

    # Changes

    async def creating(self, name: str) -> Change:
        """
        A mailbox is about to be made. This and the next three: see
        L{txjmapaccess.objectid.changes}.
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
    ) -> Copying:
        """
        Messages are about to be copied.

        @param mailbox: from where.
        @param name: the name of the mailbox to which they are copied.
        @param target: that mailbox.
        @param uidNext: what UIDNEXT is there, or L{None}.
        """
        ids = await self.messageIDs(mailbox, originals)
        row = (await self._find(name, target)).row
        change = await self._changes.begin(Begun(COPY, mailbox=row, uidNext=uidNext or 0))
        sizes = [message.getSize() for message in originals]
        return Copying(self._index, self._run, change, sizes, ids, target, uidNext)


def _octets(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value or "").encode("utf-8", "replace")
