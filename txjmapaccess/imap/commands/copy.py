# -*- test-case-name: tests.imap.test_messagecommands -*-
"""
COPY (RFC 3501, section 6.4.7), and what it has in common with APPEND. Both tell the UIDs that they
gave (RFC 4315, section 3) where these are certain.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.logger import Logger
from twisted.mail.imap4 import IMAP4Server, IMessageCopier, MailboxException, MessageSet

from txjmapaccess.coroutines import settled
from txjmapaccess.imap.commands.noop import Updates
from txjmapaccess.imap.dispatch import REPLACED, CommandRefused
from txjmapaccess.imap.modifiedutf7 import decodeName
from txjmapaccess.imap.sequenceset import uidSet
from txjmapaccess.imap.storeaccess import refusalOf
from txjmapaccess.store.mailboxes import uidNextOf
from txjmapaccess.store.messages import openMessage

#: Seconds between two looks whether a COPY of somebody else's has come to its end.
_LOOK = 0.02

TRY_CREATE = b"[TRYCREATE] No such mailbox"


def certainUIDs(results: list[Any], uidNext: Any) -> list[int] | None:
    """
    Whether what C{addMessage} returned are UIDs: Twisted says "message id", and some mailboxes
    take that for a sequence number. None of these is as large as UIDNEXT was, unless it is the
    same as the UID.

    @param uidNext: UIDNEXT before the messages were added, or L{None}.

    @return: the UIDs, or L{None}.
    """
    if not isinstance(uidNext, int) or not results:
        return None
    if not all(isinstance(uid, int) and uid >= uidNext for uid in results):
        return None
    return results


class CopyCommand(Updates):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.
    """

    _log = Logger()

    def do_COPY(
        self, tag: bytes, messages: MessageSet, name: bytes, uid: int = 0
    ) -> Deferred[None]:
        """
        COPY and UID COPY.
        """
        return self.carryOut(tag, self._copy(tag, messages, decodeName(name), uid))

    async def _copy(self, tag: bytes, messages: MessageSet, name: str, uid: int) -> None:
        mailbox = await self.openMailbox(name, missing=TRY_CREATE)
        told, uidNext = self.existsTold, uidNextOf(mailbox)
        if not self.isTwisteds("_cbCopySelectedMailbox"):
            originals = []
            if self.hasObjectIDs():
                originals = [message for _, message in await self.fetchMessages(messages, uid)]
            theirs = partial(self._copyTheirWay, tag, messages, name, uid, mailbox)
            await self._copying(originals, name, mailbox, uidNext, theirs)
            return
        originals = [message for _, message in await self.fetchMessages(messages, uid)]
        work = partial(self._copyAll, originals, mailbox, uidNext)
        copies = await self._copying(originals, name, mailbox, uidNext, work)
        await self.announceNew(name, mailbox, told)
        code = b""
        if copies is not None:
            uids = uidSet(message.getUID() for message in originals), uidSet(copies)
            code = b"[COPYUID %d %b %b] " % (mailbox.getUIDValidity(), *uids)
        self.sendPositiveResponse(tag, code + b"COPY completed")

    async def _copying(
        self,
        originals: list[Any],
        name: str,
        mailbox: Any,
        uidNext: Any,
        work: Callable[[], Awaitable[Any]],
    ) -> Any:
        if not originals:
            return await work()
        source = self.selectedName
        args = (self.mbox, originals, name, mailbox, uidNext, source)
        return await self.changing("copying", args, work)

    async def _copyTheirWay(
        self, tag: bytes, messages: MessageSet, name: str, uid: int, mailbox: Any
    ) -> None:
        # Each command has an object of its own here.
        command = self._command
        await settled(self._cbCopySelectedMailbox, mailbox, tag, messages, name, uid)
        while self._running is not None and self._command is command and not self._ended:
            looked: Deferred[None] = Deferred()
            self.callLater(_LOOK, partial(looked.callback, None))
            await looked

    async def _copyAll(self, originals: list[Any], mailbox: Any, uidNext: Any) -> list[int] | None:
        """
        @return: the UIDs of the copies, or L{None} when they are not known.
        """
        copier: Any = IMessageCopier(mailbox, None)
        if copier is None:
            added = [await self._addCopy(message, mailbox) for message in originals]
            return certainUIDs(added, uidNext)
        # All at once, so that a mailbox can carry them out together.
        copying = [maybeDeferred(copier.copy, message) for message in originals]
        results = await DeferredList(copying, consumeErrors=True)
        failures = [result for succeeded, result in results if not succeeded]
        if failures:
            self._copyFailed(failures)
        uids = [uid for _, uid in results]
        return uids if uids and all(isinstance(uid, int) for uid in uids) else None

    async def _addCopy(self, message: Any, mailbox: Any) -> Any:
        flags, date = message.getFlags(), message.getInternalDate()
        with closing(await openMessage(message, self.turns())) as file:
            return await self.ask(mailbox.addMessage, file, flags, date)

    def _copyFailed(self, failures: list[Any]) -> None:
        for failure in failures:
            if not failure.check(MailboxException):
                self._log.failure("A message was not copied", failure=failure)
                raise CommandRefused(b"[SERVERBUG] Some messages were not copied")
        raise CommandRefused(refusalOf(failures[0].value))

    async def announceNew(self, name: str, mailbox: Any, told: int) -> None:
        """
        Tell the client at once when messages have come into the mailbox that it has selected
        (RFC 3501, section 6.3.11), unless the mailbox has done so.

        @param told: C{existsTold} as it was before they came.
        """
        if self.mbox is None or (name != self.selectedName and mailbox is not self.mbox):
            return
        await self.pollMailbox()
        if self.existsTold == told:
            self.newMessages(self.mbox.getMessageCount(), None)


REPLACED[IMAP4Server.do_COPY] = CopyCommand.do_COPY
