# -*- test-case-name: tests.imap.test_messagecommands -*-
"""
Commands that change messages (RFC 3501, sections 6.3.11 and 6.4): APPEND, STORE, EXPUNGE, CLOSE.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.mail.imap4 import IMAP4Server, MessageSet

from txjmapaccess.coroutines import settled
from txjmapaccess.imap import arguments
from txjmapaccess.imap.commands.copy import TRY_CREATE, CopyCommand, certainUIDs
from txjmapaccess.imap.commands.flaglist import optionalDate, optionalFlags, storedFlags
from txjmapaccess.imap.dispatch import REPLACED, CommandRefused
from txjmapaccess.imap.grammar import SyntaxProblem
from txjmapaccess.imap.modifiedutf7 import decodeName
from txjmapaccess.store.mailboxes import uidNextOf

_READ_ONLY = b"[NOPERM] The mailbox is read-only"

_MODE = re.compile(rb"([+-]?)FLAGS(\.SILENT)?\Z", re.IGNORECASE)
_MODES = {b"": 0, b"+": 1, b"-": -1}


class MessageCommands(CopyCommand):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.
    """

    _log = Logger()

    # APPEND

    def do_APPEND(
        self, tag: bytes, name: bytes, flags: list[bytes], date: bytes | None, message: Any
    ) -> Deferred[None]:
        """
        APPEND.

        @param message: an open file.
        """
        return self.carryOut(tag, self._append(tag, decodeName(name), flags, date, message))

    async def _append(
        self, tag: bytes, name: str, flags: list[bytes], date: bytes | None, message: Any
    ) -> None:
        mailbox = await self.openMailbox(name, missing=TRY_CREATE)
        if not self.isTwisteds("_cbAppendGotMailbox"):
            await settled(self._cbAppendGotMailbox, mailbox, tag, flags, date, message)
            return
        uidNext, told = uidNextOf(mailbox), self.existsTold
        names = [flag.decode("ascii") for flag in flags]
        result = await self.ask(mailbox.addMessage, message, names, date)
        await self.announceNew(name, mailbox, told)
        code = b""
        if certainUIDs([result], uidNext):
            code = b"[APPENDUID %d %d] " % (mailbox.getUIDValidity(), result)
        self.sendPositiveResponse(tag, code + b"APPEND complete")

    # STORE

    def do_STORE(
        self, tag: bytes, messages: MessageSet, mode: bytes, flags: list[bytes], uid: int = 0
    ) -> Deferred[None]:
        """
        STORE and UID STORE.
        """
        match = _MODE.match(mode)
        if match is None:
            raise SyntaxProblem("Unknown data item")
        names = [flag.decode("ascii") for flag in flags]
        return self.carryOut(
            tag, self._store(tag, messages, _MODES[match[1]], names, uid, bool(match[2]))
        )

    async def _store(
        self, tag: bytes, messages: MessageSet, mode: int, flags: list[str], uid: int, silent: bool
    ) -> None:
        if self.isReadOnly():
            raise CommandRefused(_READ_ONLY)
        chosen = self.boundedSet(messages, uid)
        changed = None
        if chosen.ranges:
            changed = await self.ask(self.mbox.store, chosen, flags, mode, uid=uid)
        if changed and not silent:
            self.sendFlags(changed, uid)
        self.sendPositiveResponse(tag, b"STORE completed")

    # EXPUNGE and CLOSE

    def do_EXPUNGE(self, tag: bytes) -> Deferred[None]:
        """
        EXPUNGE.
        """
        return self.carryOut(tag, self._expunge(tag))

    async def _expunge(self, tag: bytes) -> None:
        if self.isReadOnly():
            raise CommandRefused(_READ_ONLY)
        self.messagesExpunged(await self.ask(self.mbox.expunge) or ())
        self.sendPositiveResponse(tag, b"EXPUNGE completed")

    def do_CLOSE(self, tag: bytes) -> Deferred[None]:
        """
        CLOSE: as EXPUNGE, without a word, and then as UNSELECT.
        """
        return self.carryOut(tag, self._closeSelected(tag))

    async def _closeSelected(self, tag: bytes) -> None:
        if not self.isReadOnly():
            await self.ask(self.mbox.expunge)
        await self.leaveMailbox()
        self.sendPositiveResponse(tag, b"CLOSE completed")


REPLACED.update(
    {
        IMAP4Server.auth_APPEND: (
            MessageCommands.do_APPEND,
            arguments.astring,
            optionalFlags,
            optionalDate,
            arguments.message,
        ),
        IMAP4Server.do_STORE: MessageCommands.do_STORE,
        IMAP4Server.arg_flaglist: storedFlags,
        IMAP4Server.do_EXPUNGE: MessageCommands.do_EXPUNGE,
        IMAP4Server.do_CLOSE: MessageCommands.do_CLOSE,
    }
)
