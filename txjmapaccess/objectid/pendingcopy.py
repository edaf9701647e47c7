# -*- test-case-name: tests.objectid.test_mailboxchanges -*-
"""
COPY: the copies get the EMAILIDs and THREADIDs of their sources (RFC 8474, section 5.1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from txjmapaccess.coroutines import settled
from txjmapaccess.errors import JMAPAccessError
from txjmapaccess.objectid.accountindex import AccountIndex
from txjmapaccess.objectid.mailboxchanges import Change
from txjmapaccess.objectid.pendingchanges import IDs
from txjmapaccess.store.messageset import since


class PendingCopy:
    """
    Messages that are being copied. Until this is settled, new messages of the mailbox have no
    identifiers.

    @param change: the copying, begun.
    @param sizes: of the sources, in octets.
    @param ids: of the sources; of those that could not be read, exceptions.
    @param target: the mailbox to which they are copied.
    @param uidNext: what UIDNEXT is there before, or L{None}.
    """

    def __init__(
        self,
        index: AccountIndex,
        run: Callable[..., Deferred[Any]],
        change: Change,
        sizes: Sequence[int],
        ids: Sequence[tuple[object, object]],
        target: Any,
        uidNext: int | None,
    ) -> None:
        self._index = index
        self._run = run
        self._change = change
        self._sizes = sizes
        self._ids = ids
        self._target = target
        self._uidNext = uidNext
        self.refused = change.refused
        self.doubtful = change.doubtful

    async def done(self, uids: Sequence[int] | None) -> None:
        """
        They were copied.

        @param uids: of the copies, in the order of the sources, or L{None}: then they are looked
            for.
        """
        try:
            if uids is None:
                uids = await self._newUIDs()
            if uids:
                carried: dict[int, IDs] = {
                    uid: (email, str(thread))
                    for uid, (email, thread) in zip(uids, self._ids, strict=True)
                    if isinstance(email, str)
                }
                await self._run(self._index.addCopies, self._change.begun[0], carried)
                self._change.begun = ()
        finally:
            await self._change.refused()  # What is noted, if it is still there, is settled.

    async def _newUIDs(self) -> Sequence[int]:
        if self._uidNext is None:
            raise JMAPAccessError("the mailbox provides neither UIDNEXT nor the UIDs of copies")
        fetched = await settled(self._target.fetch, since(self._uidNext), uid=1)
        found = [message for _, message in fetched]
        # Others may have copied something while we waited for them.
        known = await self._run(
            self._index.knownSince, self._change.begun[0].mailbox, self._uidNext
        )
        copies = [
            message
            for message in found
            if message.getUID() >= self._uidNext and message.getUID() not in known
        ]
        if copies and [message.getSize() for message in copies] != self._sizes:
            raise JMAPAccessError("the copies cannot be distinguished from other new messages")
        return [message.getUID() for message in copies]
