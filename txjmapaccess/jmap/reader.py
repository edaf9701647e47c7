# -*- test-case-name: tests.jmap.test_reader -*-
"""
Reads an account (L{twisted.mail.interfaces.IAccountIMAP}): all of it for a
L{Snapshot<txjmapaccess.jmap.snapshot.Snapshot>}, and single messages. Every method
of an account, mailbox or message may return a Deferred.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import Any

from twisted.mail.imap4 import MessageSet

from txjmapaccess.coroutines import settled
from txjmapaccess.errors import JMAPAccessError, MessageExpunged
from txjmapaccess.jmap.flags import asText, keywordsOf, roleOf
from txjmapaccess.jmap.snapshot import Copy, Folder
from txjmapaccess.message.dates import secondsOf
from txjmapaccess.pacing import Turns
from txjmapaccess.store.accountidentifiers import AccountIdentifiers
from txjmapaccess.store.mailboxes import (
    attributesOf,
    closeMailbox,
    isSelectable,
    listMailboxes,
    openMailbox,
)
from txjmapaccess.store.mailboxnames import levels, nameText
from txjmapaccess.store.messages import readMessage
from txjmapaccess.store.objectids import LEFT_OUT, MessageIDs

#: Messages.
_CHUNK = 100


class AccountReader:
    """
    Reads one account. What it opens stays open until L{close}.

    @param account: the L{twisted.mail.interfaces.IAccountIMAP}.
    @param identifiers: those of the account.
    @param turns: let the reactor turn.
    """

    def __init__(self, account: Any, identifiers: AccountIdentifiers, turns: Turns) -> None:
        self._account = account
        self._identifiers = identifiers
        self._turns = turns
        self._mailboxes: dict[str, Any] = {}

    async def close(self) -> None:
        """
        Close the mailboxes.
        """
        mailboxes, self._mailboxes = self._mailboxes, {}
        for mailbox in mailboxes.values():
            await closeMailbox(mailbox)

    async def read(self) -> tuple[list[Folder], list[Copy]]:
        """
        @return: all that the account holds.
        """
        folders: list[Folder] = []
        copies: list[Copy] = []
        roles: set[str] = set()
        for name, information in await self._list():
            folder = await self._open(name, information, roles)
            if folder is not None:
                folders.append(folder)
                copies.extend(await self._copies(folder.id, nameText(name)))
        return folders, copies

    async def _list(self) -> list[tuple[str | bytes, Any]]:
        try:
            return await listMailboxes(self._account)
        except JMAPAccessError:
            self._identifiers.withhold()
            raise

    async def _open(self, name: str | bytes, information: Any, roles: set[str]) -> Folder | None:
        attributes = await attributesOf(information)
        if not isSelectable(attributes):
            return None
        mailbox = await openMailbox(self._account, name, False)
        if mailbox is None:
            return None
        folderID = await self._identifiers.readMailboxID(nameText(name), mailbox)
        if folderID == LEFT_OUT or folderID in self._mailboxes:
            if folderID != LEFT_OUT:
                self._identifiers.reportTwin(nameText(name), mailbox)
            await closeMailbox(mailbox)
            return None
        self._mailboxes[folderID] = mailbox
        delimiter = asText(await settled(information.getHierarchicalDelimiter))
        path = levels(nameText(name), delimiter)
        role = roleOf(path, attributes)
        # There is one mailbox with a role at most (RFC 8621, section 2).
        role = None if role in roles else role
        roles.update(() if role is None else (role,))
        return Folder(folderID, path, role, bool(await settled(self._account.isSubscribed, name)))

    async def _copies(self, folderID: str, name: str) -> list[Copy]:
        mailbox = self._mailboxes[folderID]
        count = await settled(mailbox.getMessageCount)
        if not count:
            return []
        fetched = await settled(mailbox.fetch, MessageSet(1, count), False)
        messages = (message for _, message in fetched)
        copies: list[Copy] = []
        while chunk := list(islice(messages, _CHUNK)):
            identifiers = await self._identifiers.messageIDs(mailbox, chunk, name)
            for message, ids in zip(chunk, identifiers, strict=True):
                copies.extend(await self._copy(folderID, message, ids))
                if self._turns.isOver():
                    await self._turns.pause()
        return copies

    async def _copy(self, folderID: str, message: Any, ids: MessageIDs) -> Iterable[Copy]:
        """
        @return: one copy, or nothing for a message that JMAP does not have.
        """
        keywords = keywordsOf(await settled(message.getFlags))
        if keywords is None or ids.email == LEFT_OUT:
            return ()
        uid = await settled(message.getUID)
        # Where the store has no threads, each Email is one (RFC 8621, section 3).
        thread = ids.thread or ids.email
        date = secondsOf(await settled(message.getInternalDate)) or 0
        size = await settled(message.getSize)
        return (Copy(ids.email, thread, folderID, uid, date, size, keywords),)

    async def octets(self, copy: Copy) -> bytes | None:
        """
        @return: the message, or L{None} when it is gone.
        """
        mailbox = self._mailboxes.get(copy.folderID)
        if mailbox is None:
            return None
        for _, message in await settled(mailbox.fetch, MessageSet(copy.uid), True):
            with suppress(MessageExpunged):
                return await readMessage(message, self._turns)
        return None
