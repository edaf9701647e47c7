# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
STATUS (RFC 3501, section 6.3.10; RFC 8438; RFC 8474, section 4.3).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.coroutines import settled
from txjmapaccess.imap import arguments
from txjmapaccess.imap.commands.statusitems import ORDINARY, formatStatus, statusItems
from txjmapaccess.imap.dispatch import REPLACED, CommandRefused
from txjmapaccess.imap.modifiedutf7 import decodeName, encodeName
from txjmapaccess.imap.storeaccess import NO_SUCH_MAILBOX, StoreAccess
from txjmapaccess.store.mailboxes import attributesOf, isSelectable
from txjmapaccess.store.messageset import since
from txjmapaccess.store.objectids import LEFT_OUT


class StatusCommand(StoreAccess):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.
    """

    auth_STATUS: Any
    auth_LIST: Any

    def hasStatusExtensions(self) -> bool:
        """
        @return: whether STATUS has SIZE, and LIST has STATUS: not where another server has its
            own.
        """
        return (
            self.auth_STATUS is IMAP4Server.auth_STATUS and self.auth_LIST is IMAP4Server.auth_LIST
        )

    def do_STATUS(self, tag: bytes, name: bytes, items: list[str]) -> Deferred[None]:
        """
        STATUS (RFC 3501, section 6.3.10).
        """
        return self.carryOut(tag, self._status(tag, decodeName(name), items))

    async def _status(self, tag: bytes, name: str, items: list[str]) -> None:
        mailbox = await self.openMailbox(name, 0)
        if not isSelectable(await attributesOf(mailbox)):
            raise CommandRefused(NO_SUCH_MAILBOX)
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
        for _, message in await self.ask(mailbox.fetch, since(1), uid=0):
            total += message.getSize()
            if turns.isOver():
                await turns.pause()
        return total


REPLACED[IMAP4Server.auth_STATUS] = (StatusCommand.do_STATUS, arguments.astring, statusItems)
