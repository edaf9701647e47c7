# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
The selected mailbox: SELECT, EXAMINE (RFC 3501, sections 6.3.1 and 6.3.2), UNSELECT (RFC 3691), and
what commands in the selected state have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.mail.imap4 import IMAP4Server, MessageSet
from twisted.python.failure import Failure

from txjmapaccess.coroutines import settled
from txjmapaccess.imap.dispatch import REPLACED, CommandRefused
from txjmapaccess.imap.modifiedutf7 import decodeName
from txjmapaccess.imap.storeaccess import StoreAccess
from txjmapaccess.store.mailboxes import attributesOf, closeMailbox, isSelectable, uidNextOf
from txjmapaccess.store.messageset import bounded, messageSet
from txjmapaccess.store.objectids import LEFT_OUT

#: How far beyond what a mailbox says about its UIDs they may be all the same.
_UID_MARGIN = 1_000_000


class SelectCommands(StoreAccess):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.
    """

    _examining = False

    def selectWork(self, tag: bytes, name: bytes, rw: int, cmdName: bytes) -> Deferred[None]:
        """
        SELECT and EXAMINE (RFC 3501, sections 6.3.1 and 6.3.2; RFC 8474, section 4.2).
        """
        return self.carryOut(tag, self._select(tag, decodeName(name), rw, cmdName))

    async def _select(self, tag: bytes, name: str, rw: int, cmdName: bytes) -> None:
        await self.leaveMailbox()
        mailbox = await self.openMailbox(name, rw)
        if not isSelectable(await attributesOf(mailbox)):
            raise CommandRefused(b"[CANNOT] This name is no mailbox that can be selected")
        mailboxID = await self.mailboxIDOf(name, mailbox)
        if self._ended or self.state != "auth":  # The client has gone in the meantime.
            await closeMailbox(mailbox)
            return
        self._announceMailbox(mailbox, mailboxID, rw)
        self._examining = not rw
        self.selectedName = name
        await settled(self._cbSelectWork, mailbox, cmdName, tag)

    def _announceMailbox(self, mailbox: Any, mailboxID: str, rw: int) -> None:
        # What Twisted's _cbSelectWork leaves out; servers override that one.
        if mailboxID != LEFT_OUT:
            code = b"[MAILBOXID (" + mailboxID.encode("ascii") + b")]"
            self.sendPositiveResponse(None, code + b" Ok")
        uidNext = uidNextOf(mailbox)
        if isinstance(uidNext, int):
            self.sendPositiveResponse(None, b"[UIDNEXT %d] Predicted next UID" % uidNext)
        if not rw:
            self.sendPositiveResponse(None, b"[PERMANENTFLAGS ()] Read-only")

    def readable(self, tag: bytes | None, message: bytes) -> bytes:
        """
        EXAMINE opens a mailbox read-only, whatever the mailbox says about itself.
        """
        if tag is not None and self._examining and message[:12] == b"[READ-WRITE]":
            message = b"[READ-ONLY]" + message[12:]
        return super().readable(tag, message)

    def isReadOnly(self) -> bool:
        """
        @return: whether the selected mailbox must not be changed.
        """
        return self._examining or not self.mbox.isWriteable()

    async def leaveMailbox(self) -> None:
        """
        Leave the selected mailbox, if there is one, without an expunge.
        """
        mailbox, self.mbox, self.selectedName = self.mbox, None, None
        self._examining = False
        if self.state == "select":
            self.state = "auth"
        if mailbox is not None:
            await closeMailbox(mailbox, self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Twisted closes a mailbox when a client is silent for too long, but not when it is gone.
        """
        if self.mbox is not None:
            Deferred.fromCoroutine(closeMailbox(self.mbox, self))
        super().connectionLost(reason)

    def do_UNSELECT(self, tag: bytes) -> Deferred[None]:
        """
        UNSELECT (RFC 3691).
        """
        return self.carryOut(tag, self._unselect(tag))

    async def _unselect(self, tag: bytes) -> None:
        await self.leaveMailbox()
        self.sendPositiveResponse(tag, b"Unselected")

    # Messages

    async def fetchMessages(self, messages: MessageSet, uid: int) -> list[tuple[int, Any]]:
        """
        @return: messages of the selected mailbox, with their sequence numbers.
        """
        chosen = self.boundedSet(messages, uid)
        # Twisted's sets cannot be asked anything when they are empty.
        return list(await self.ask(self.mbox.fetch, chosen, uid=uid)) if chosen.ranges else []

    def boundedSet(self, messages: MessageSet, uid: int) -> MessageSet:
        """
        @return: C{messages} without numbers that no message of the selected mailbox can have.
        """
        count = self.mbox.getMessageCount()
        if not count:
            return messageSet(())
        if not uid:
            return bounded(messages, count)
        try:
            greatest = max(self.mbox.getUIDNext(), self.mbox.getUID(count)) + _UID_MARGIN
        except Exception:
            return messages  # Twisted seldom asks for them, so not every mailbox can tell.
        return bounded(messages, greatest)

    def sendFlags(self, changed: Mapping[int, Iterable[str]], uid: int) -> None:
        """
        Send FETCH responses with flags.

        @param changed: the flags by sequence number.
        @param uid: whether a UID command is answered: then UIDs are told too (RFC 3501, section
            6.4.8).
        """
        for sequence, flags in changed.items():
            ofMessage = b" UID %d" % self.mbox.getUID(sequence) if uid else b""
            text = " ".join(flags).encode("ascii")
            self.sendUntaggedResponse(b"%d FETCH (FLAGS (%b)%b)" % (sequence, text, ofMessage))


REPLACED[IMAP4Server._selectWork] = SelectCommands.selectWork
