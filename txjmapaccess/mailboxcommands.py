# -*- test-case-name: tests.test_mailboxcommands -*-
"""
Commands about whole mailboxes (RFC 3501, section 6.3; RFC 3691): CREATE, DELETE, RENAME,
SUBSCRIBE, UNSUBSCRIBE, SELECT, EXAMINE, UNSELECT, STATUS.

Each waits for the account before it answers. What an account says in an exception is for the log;
the client gets a response code (RFC 5530) and a fixed sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.mail.imap4 import (
    ICloseableMailbox,
    IMAP4Server,
    MailboxCollision,
    MailboxException,
    MessageSet,
    NoSuchMailbox,
    ReadOnlyMailbox,
)
from twisted.python.failure import Failure

from txjmapaccess import arguments
from txjmapaccess.dispatch import REPLACED, CommandRefused
from txjmapaccess.errors import TemporaryFailure
from txjmapaccess.identifying import LEFT_OUT, Identifying
from txjmapaccess.mailboxnames import decodeName, encodeName, isInbox
from txjmapaccess.messageset import bounded, parseSequenceSet
from txjmapaccess.statusitems import ORDINARY, formatStatus, statusItems
from txjmapaccess.waiting import ClientGone, Turns, settled

#: How far beyond what a mailbox says about its UIDs they may be all the same.
_UID_MARGIN = 1_000_000
_NO_SUCH_MAILBOX = b"[NONEXISTENT] No such mailbox"


def refusalOf(error: MailboxException) -> bytes:
    """
    @return: what a client is told about a mailbox that will not do what it asked for (RFC 5530,
        section 3).
    """
    if isinstance(error, MailboxCollision):
        return b"[ALREADYEXISTS] There is such a mailbox already"
    if isinstance(error, NoSuchMailbox):
        return _NO_SUCH_MAILBOX
    if isinstance(error, ReadOnlyMailbox):
        return b"[NOPERM] The mailbox is read-only"
    return b"[CANNOT] Not possible with this mailbox"


def isSelectable(mailbox: Any) -> bool:
    """
    @return: whether a mailbox is more than a level of the hierarchy.
    """
    return not any(flag.lower() == "\\noselect" for flag in mailbox.getFlags())


class MailboxCommands(Identifying):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.

    @ivar selectedName: the name by which the client has selected a mailbox, or L{None}.
    """

    _log = Logger()

    selectedName: str | None = None
    _examining = False

    # What all commands need

    def isTwisteds(self, name: str) -> bool:
        """
        @return: whether a method is Twisted's own. One that a server overrides is called as it
            is.
        """
        return getattr(type(self), name) is getattr(IMAP4Server, name)

    def carryOut(self, tag: bytes, coroutine: Coroutine[Any, Any, None]) -> Deferred[None]:
        """
        Let a command go on. Its failure is answered by the dispatch.
        """
        command = Deferred.fromCoroutine(coroutine)
        command.addErrback(lambda failure: failure.trap(ClientGone) and None)
        return command

    async def ask(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """
        Ask the account or a mailbox, and wait for the answer.

        @raise CommandRefused: when it says that it cannot.
        """
        try:
            return await settled(method, *args, **kwargs)
        except MailboxException as e:
            raise CommandRefused(refusalOf(e)) from e
        except TemporaryFailure as e:
            self._log.error("The mail store is not available: {reason}", reason=str(e))
            raise CommandRefused(b"[UNAVAILABLE] Temporarily not available") from e

    async def openMailbox(self, name: str, *rw: int, missing: bytes = _NO_SUCH_MAILBOX) -> Any:
        """
        @param rw: as L{twisted.mail.interfaces.IAccountIMAP.select} takes it.
        @param missing: the refusal when there is no such mailbox.

        @return: the mailbox.
        """
        try:
            mailbox = await settled(self.account.select, name, *rw)
        except NoSuchMailbox:
            mailbox = None
        except MailboxException as e:
            raise CommandRefused(refusalOf(e)) from e
        except TemporaryFailure as e:
            self._log.error("The mail store is not available: {reason}", reason=str(e))
            raise CommandRefused(b"[UNAVAILABLE] Temporarily not available") from e
        if mailbox is None:
            raise CommandRefused(missing)
        return mailbox

    # Names

    def do_CREATE(self, tag: bytes, name: bytes) -> Deferred[None]:
        """
        CREATE (RFC 3501, section 6.3.3), with MAILBOXID (RFC 8474, section 4.1).
        """
        return self.carryOut(tag, self._create(tag, decodeName(name)))

    async def _create(self, tag: bytes, name: str) -> None:
        if isInbox(name):
            raise CommandRefused(b"[ALREADYEXISTS] INBOX is always there")
        if not await self.ask(self.account.create, name):
            raise CommandRefused(b"Mailbox not created")
        code = b""
        mailboxID = await self._mailboxIDByName(name)
        if mailboxID != LEFT_OUT:
            code = b"[MAILBOXID (" + mailboxID.encode("ascii") + b")] "
        self.sendPositiveResponse(tag, code + b"Mailbox created")

    async def _mailboxIDByName(self, name: str) -> str:
        if not self.hasObjectIDs():
            return LEFT_OUT
        try:
            mailbox = await self.openMailbox(name, 0)
        except Exception:
            self._log.failure("A mailbox that was just created cannot be opened")
            return LEFT_OUT
        return await self.mailboxIDOf(name, mailbox)

    def do_DELETE(self, tag: bytes, name: bytes) -> Deferred[None]:
        """
        DELETE (RFC 3501, section 6.3.4).
        """
        return self.carryOut(tag, self._delete(tag, decodeName(name)))

    async def _delete(self, tag: bytes, name: str) -> None:
        if isInbox(name):
            raise CommandRefused(b"[CANNOT] INBOX cannot be deleted")
        await self.ask(self.account.delete, name)
        await self.tellIdentifiers("deleted", name)
        self.sendPositiveResponse(tag, b"Mailbox deleted")

    def do_RENAME(self, tag: bytes, old: bytes, new: bytes) -> Deferred[None]:
        """
        RENAME (RFC 3501, section 6.3.5). INBOX cannot be renamed, as in Twisted.
        """
        return self.carryOut(tag, self._rename(tag, decodeName(old), decodeName(new)))

    async def _rename(self, tag: bytes, old: str, new: str) -> None:
        if isInbox(old):
            raise CommandRefused(b"[CANNOT] INBOX cannot be renamed")
        if isInbox(new):
            raise CommandRefused(b"[ALREADYEXISTS] INBOX is always there")
        await self.tellIdentifiers("renaming", old, new)
        try:
            await self.ask(self.account.rename, old, new)
        except BaseException:
            await self.tellIdentifiers("notRenamed", old, new)
            raise
        await self.tellIdentifiers("renamed", old, new)
        if self.selectedName == old:
            self.selectedName = new
        self.sendPositiveResponse(tag, b"Mailbox renamed")

    def do_SUBSCRIBE(self, tag: bytes, name: bytes) -> Deferred[None]:
        """
        SUBSCRIBE (RFC 3501, section 6.3.6).
        """
        return self.carryOut(tag, self._subscribe(tag, decodeName(name)))

    async def _subscribe(self, tag: bytes, name: str) -> None:
        await self.ask(self.account.subscribe, name)
        self.sendPositiveResponse(tag, b"Subscribed")

    def do_UNSUBSCRIBE(self, tag: bytes, name: bytes) -> Deferred[None]:
        """
        UNSUBSCRIBE (RFC 3501, section 6.3.7).
        """
        return self.carryOut(tag, self._unsubscribe(tag, decodeName(name)))

    async def _unsubscribe(self, tag: bytes, name: str) -> None:
        await self.ask(self.account.unsubscribe, name)
        self.sendPositiveResponse(tag, b"Unsubscribed")

    # Opening and leaving

    def selectWork(self, tag: bytes, name: bytes, rw: int, cmdName: bytes) -> Deferred[None]:
        """
        SELECT and EXAMINE (RFC 3501, sections 6.3.1 and 6.3.2; RFC 8474, section 4.2).
        """
        return self.carryOut(tag, self._select(tag, decodeName(name), rw, cmdName))

    async def _select(self, tag: bytes, name: str, rw: int, cmdName: bytes) -> None:
        await self.leaveMailbox()
        mailbox = await self.openMailbox(name, rw)
        if not isSelectable(mailbox):
            raise CommandRefused(b"[CANNOT] This name is no mailbox that can be selected")
        mailboxID = await self.mailboxIDOf(name, mailbox)
        if self._ended or self.state != "auth":  # The client has gone in the meantime.
            closeable: Any = ICloseableMailbox(mailbox, None)
            if closeable is not None:
                await settled(closeable.close)
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
        try:
            uidNext = mailbox.getUIDNext()
        except Exception:
            uidNext = None  # Twisted never asks for it, so not every mailbox can tell.
        if isinstance(uidNext, int):
            self.sendPositiveResponse(None, b"[UIDNEXT %d] Predicted next UID" % uidNext)
        if not rw:
            self.sendPositiveResponse(None, b"[PERMANENTFLAGS ()] Read-only")

    def sendPositiveResponse(self, tag: bytes | None = None, message: bytes = b"") -> None:
        """
        Send an OK. EXAMINE opens a mailbox read-only, whatever the mailbox says about itself.
        """
        if tag is not None and self._examining and message[:12] == b"[READ-WRITE]":
            message = b"[READ-ONLY]" + message[12:]
        if message[:1] == b"[" and message[-1:] == b"]":
            message += b" Ok"  # There must be a text (RFC 3501, section 9: resp-text).
        super().sendPositiveResponse(tag, message)

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
        await self._release(mailbox)

    async def _release(self, mailbox: Any) -> None:
        if mailbox is None:
            return
        try:
            mailbox.removeListener(self)
            closeable: Any = ICloseableMailbox(mailbox, None)
            if closeable is not None:
                await settled(closeable.close)
        except Exception:
            self._log.failure("A mailbox could not be closed")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Twisted closes a mailbox when a client is silent for too long, but not when it is gone.
        """
        Deferred.fromCoroutine(self._release(self.mbox))
        super().connectionLost(reason)

    def do_UNSELECT(self, tag: bytes) -> Deferred[None]:
        """
        UNSELECT (RFC 3691).
        """
        return self.carryOut(tag, self._unselect(tag))

    async def _unselect(self, tag: bytes) -> None:
        await self.leaveMailbox()
        self.sendPositiveResponse(tag, b"Unselected")

    # STATUS

    def hasStatusExtensions(self) -> bool:
        """
        @return: whether STATUS has SIZE, and LIST has STATUS: not where another server has its
            own.
        """
        names = ("auth_STATUS", "auth_LIST")
        return all(getattr(self, name) is getattr(IMAP4Server, name) for name in names)

    def do_STATUS(self, tag: bytes, name: bytes, items: list[str]) -> Deferred[None]:
        """
        STATUS (RFC 3501, section 6.3.10).
        """
        return self.carryOut(tag, self._status(tag, decodeName(name), items))

    async def _status(self, tag: bytes, name: str, items: list[str]) -> None:
        mailbox = await self.openMailbox(name, 0)
        if not isSelectable(mailbox):
            raise CommandRefused(_NO_SUCH_MAILBOX)
        if not self.isTwisteds("_cbStatusGotMailbox") and set(items).issubset(ORDINARY):
            await settled(self._cbStatusGotMailbox, mailbox, tag, name, items)
            return
        self.sendUntaggedResponse(await self.statusOf(name, mailbox, items))
        self.sendPositiveResponse(tag, b"STATUS completed")

    async def statusOf(self, name: str, mailbox: Any, items: list[str]) -> bytes:
        """
        @return: the STATUS response of a mailbox.
        """
        values = {}
        ordinary = [item for item in items if item in ORDINARY]
        if ordinary:
            asked = await self.ask(mailbox.requestStatus, ordinary)
            values = {str(item).upper(): value for item, value in asked.items()}
        if "SIZE" in items:
            values["SIZE"] = await self._sizeOf(mailbox)
        mailboxID = LEFT_OUT
        if "MAILBOXID" in items:
            mailboxID = await self.mailboxIDOf(name, mailbox)
        answer = formatStatus(items, values, mailboxID)
        return b"STATUS " + encodeName(name) + b" " + answer

    async def _sizeOf(self, mailbox: Any) -> int:
        """
        @return: the octets of all messages (RFC 8438).
        """
        try:
            return int((await settled(mailbox.requestStatus, ["SIZE"]))["SIZE"])
        except Exception:
            pass  # Twisted knows of no SIZE, so not every mailbox can tell.
        turns = self.turns()
        total = 0
        for _, message in await self.ask(mailbox.fetch, parseSequenceSet(b"1:*"), uid=0):
            total += message.getSize()
            if turns.isOver():
                await turns.pause()
        return total

    # Messages

    async def fetchMessages(self, messages: MessageSet, uid: int) -> list[tuple[int, Any]]:
        """
        @return: messages of the selected mailbox, with their sequence numbers.
        """
        return list(await self.ask(self.mbox.fetch, self.boundedSet(messages, uid), uid=uid))

    def boundedSet(self, messages: MessageSet, uid: int) -> MessageSet:
        """
        @return: C{messages} without numbers that no message of the selected mailbox can have.
        """
        count = self.mbox.getMessageCount()
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

    def turns(self) -> Turns:
        """
        @return: what a long command takes its turns from.
        """
        return Turns(self.seconds, self.callLater, lambda: self._ended)

    def inTurns(self, steps: Iterator[Any]) -> Deferred[None]:
        """
        What L{twisted.mail.imap4.iterateInReactor} is, but with more than one step in a turn.
        """

        async def run() -> None:
            turns = self.turns()
            for step in steps:
                if isinstance(step, Deferred):
                    await step
                elif turns.isOver():
                    await turns.pause()

        return Deferred.fromCoroutine(run())


REPLACED.update(
    {
        IMAP4Server.do_CREATE: MailboxCommands.do_CREATE,
        IMAP4Server.do_DELETE: MailboxCommands.do_DELETE,
        IMAP4Server.do_RENAME: MailboxCommands.do_RENAME,
        IMAP4Server.do_SUBSCRIBE: MailboxCommands.do_SUBSCRIBE,
        IMAP4Server.do_UNSUBSCRIBE: MailboxCommands.do_UNSUBSCRIBE,
        IMAP4Server._selectWork: MailboxCommands.selectWork,
        IMAP4Server.auth_STATUS: (MailboxCommands.do_STATUS, arguments.astring, statusItems),
    }
)
