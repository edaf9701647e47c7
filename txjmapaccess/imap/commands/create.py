# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
Commands about the names of mailboxes (RFC 3501, section 6.3): CREATE, DELETE, RENAME, SUBSCRIBE,
UNSUBSCRIBE. Each waits for the account before it answers.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.imap.commands.select import SelectCommands
from txjmapaccess.imap.dispatch import REPLACED, CommandRefused
from txjmapaccess.imap.modifiedutf7 import decodeName
from txjmapaccess.store.mailboxes import MailboxNames, openMailbox
from txjmapaccess.store.mailboxnames import isInbox
from txjmapaccess.store.objectids import LEFT_OUT


class MailboxCommands(SelectCommands):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.
    """

    # For commands of a server's own, too: with identifiers from an index, mailboxes must not be
    # made, renamed or deleted in another way.

    def createIdentified(self, name: str) -> Deferred[Any]:
        """
        @return: a Deferred of what the account gives.
        """
        return self._change("creating", self.account.create, name)

    def deleteIdentified(self, name: str) -> Deferred[Any]:
        """
        @return: a Deferred of what the account gives.
        """
        return self._change("deleting", self.account.delete, name)

    def renameIdentified(self, old: str, new: str) -> Deferred[Any]:
        """
        @return: a Deferred of what the account gives.
        """

        def renamed(result: Any) -> Any:
            if self.selectedName == old:
                self.selectedName = new
            return result

        return self._change("renaming", self.account.rename, old, new).addCallback(renamed)

    def _change(self, what: str, method: Any, *names: str) -> Deferred[Any]:
        work = partial(self.ask, method, *names)
        return Deferred.fromCoroutine(self.changing(what, names, work))

    # Commands

    def do_CREATE(self, tag: bytes, name: bytes) -> Deferred[None]:
        """
        CREATE (RFC 3501, section 6.3.3), with MAILBOXID (RFC 8474, section 4.1).
        """
        return self.carryOut(tag, self._create(tag, decodeName(name)))

    async def _create(self, tag: bytes, name: str) -> None:
        if isInbox(name):
            raise CommandRefused(b"[ALREADYEXISTS] INBOX is always there")
        if not await self.createIdentified(name):
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
            mailbox = await openMailbox(self.account, name, 0)
            if mailbox is None:  # A delimiter at the end, perhaps (RFC 3501, section 6.3.3).
                name = await MailboxNames(self.account).spelling(name)
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
        await self.deleteIdentified(name)
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
        await self.renameIdentified(old, new)
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


REPLACED.update(
    {
        IMAP4Server.do_CREATE: MailboxCommands.do_CREATE,
        IMAP4Server.do_DELETE: MailboxCommands.do_DELETE,
        IMAP4Server.do_RENAME: MailboxCommands.do_RENAME,
        IMAP4Server.do_SUBSCRIBE: MailboxCommands.do_SUBSCRIBE,
        IMAP4Server.do_UNSUBSCRIBE: MailboxCommands.do_UNSUBSCRIBE,
    }
)
