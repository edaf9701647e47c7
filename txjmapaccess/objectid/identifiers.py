# -*- test-case-name: tests.test_objectid -*-
"""
The identifiers of one account, from an index of its mailboxes and messages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import Any
from weakref import WeakKeyDictionary

from twisted.internet.defer import Deferred

from txjmapaccess.errors import JMAPAccessError
from txjmapaccess.imap.messageset import parseSequenceSet
from txjmapaccess.imap.sections import openWhole
from txjmapaccess.imap.waiting import settled
from txjmapaccess.maildir.identifiers import emailID, firstReference, threadID
from txjmapaccess.objectid.index import IDs, MailboxKey, ObjectIndex

_CHUNK = 64 * 1024


class IndexedIdentifiers:
    """
    What L{txjmapaccess.imap.identifying.StoreIdentifiers} is for a store that has identifiers.

    @param connection: the L{txjmapaccess.server.JMAPAccessMixin}.
    @param run: runs a job in a thread.
    """

    def __init__(
        self, connection: Any, index: ObjectIndex, run: Callable[..., Deferred[Any]]
    ) -> None:
        self._connection = connection
        self._index = index
        self._run = run
        # A mailbox that is open stays the same when somebody renames it.
        self._keys: WeakKeyDictionary[Any, tuple[int, int]] = WeakKeyDictionary()

    async def mailboxID(self, name: str, mailbox: Any) -> str:
        """
        @return: the MAILBOXID.
        """
        return (await self._find(name, mailbox)).mailboxID

    async def _find(self, name: str, mailbox: Any) -> MailboxKey:
        uidValidity = mailbox.getUIDValidity()
        while True:
            found = await self._run(self._index.findMailbox, name, uidValidity)
            if isinstance(found, MailboxKey):
                with suppress(TypeError):  # Not every object can be a key here.
                    self._keys[mailbox] = (found.row, uidValidity)
                return found
            isThere = await settled(self._connection.account.select, found.before, 0)
            settle = self._index.finishRename if isThere is None else self._index.forgetRename
            await self._run(settle, found.old, found.new)

    async def messageIDs(
        self, mailbox: Any, messages: Sequence[Any]
    ) -> list[tuple[object, object]]:
        """
        @return: an EMAILID and a THREADID for each message; in the place of one that could not be
            read, the exception.
        """
        row = await self._rowOf(mailbox)
        byUID = {message.getUID(): message for message in messages}
        known: dict[int, IDs] = await self._run(self._index.findMessages, row, byUID)
        unknown = {uid: message for uid, message in byUID.items() if uid not in known}
        failures: dict[int, Exception] = {}
        if unknown:
            made = await self._make(unknown, failures)
            known.update(await self._run(self._index.addMessages, row, made))
        return [
            known.get(uid) or (failures.get(uid), failures.get(uid))
            for uid in (message.getUID() for message in messages)
        ]

    async def _rowOf(self, mailbox: Any) -> int:
        with suppress(TypeError):
            row, uidValidity = self._keys.get(mailbox, (0, 0))
            if row and uidValidity == mailbox.getUIDValidity():
                return row
        return (await self._find(self._connection.selectedName, mailbox)).row

    async def _make(
        self, messages: dict[int, Any], failures: dict[int, Exception]
    ) -> dict[int, IDs]:
        made = {}
        for uid, message in messages.items():
            try:
                made[uid] = await self._read(message)
            except Exception as e:
                failures[uid] = e
        return made

    async def _read(self, message: Any) -> IDs:
        turns = self._connection.turns()
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

    async def renaming(self, old: str, new: str) -> None:
        """
        A mailbox is about to be renamed.
        """
        mailbox = await settled(self._connection.account.select, old, 0)
        if mailbox is None:
            delimiter = "/"
        else:
            delimiter = mailbox.getHierarchicalDelimiter() or ""
            await self._find(old, mailbox)
        await self._run(self._index.beginRename, old, new, delimiter)

    async def renamed(self, old: str, new: str) -> None:
        """
        It was renamed.
        """
        await self._run(self._index.finishRename, old, new)
        mailbox = await settled(self._connection.account.select, new, 0)
        if mailbox is not None:
            await self._find(new, mailbox)

    async def notRenamed(self, old: str, new: str) -> None:
        """
        It was not.
        """
        await self._run(self._index.forgetRename, old, new)

    async def deleted(self, name: str) -> None:
        """
        A mailbox was deleted.
        """
        await self._run(self._index.deleteMailbox, name)

    async def copied(
        self,
        mailbox: Any,
        originals: Sequence[Any],
        name: str,
        uids: Sequence[int] | None,
        uidNext: int | None,
    ) -> None:
        """
        Messages were copied.

        @param mailbox: from where.
        @param name: the name of the mailbox where they are now.
        @param uids: those of the copies, in the order of C{originals}, or L{None}.
        @param uidNext: what UIDNEXT was there before, or L{None}.
        """
        target = await settled(self._connection.account.select, name, 0)
        if uids is None:
            uids = await self._copiesSince(uidNext, target, originals)
        ids = await self.messageIDs(mailbox, originals)
        row = (await self._find(name, target)).row
        carried = {
            uid: pair for uid, pair in zip(uids, ids, strict=True) if isinstance(pair[0], str)
        }
        await self._run(self._index.addMessages, row, carried)

    async def _copiesSince(
        self, uidNext: int | None, target: Any, originals: Sequence[Any]
    ) -> Sequence[int]:
        if uidNext is None:
            raise JMAPAccessError("the mailbox tells neither UIDNEXT nor the UIDs of copies")
        since = parseSequenceSet(b"%d:*" % uidNext)
        found = [message for _, message in await settled(target.fetch, since, uid=1)]
        copies = [message for message in found if message.getUID() >= uidNext]
        sizes = [message.getSize() for message in originals]
        if [message.getSize() for message in copies] != sizes:
            raise JMAPAccessError("the copies cannot be told from other new messages")
        return [message.getUID() for message in copies]


def _octets(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value or "").encode("utf-8", "replace")
