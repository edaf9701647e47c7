# -*- test-case-name: tests.jmap.test_accountreader -*-
"""
Reads an account (L{twisted.mail.interfaces.IAccountIMAP}): everything for an
L{AccountSnapshot<txjmapaccess.jmap.accountsnapshot.AccountSnapshot>}, and single messages. Every
method of an account, mailbox or message may return a Deferred.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from typing import Any

from twisted.mail.imap4 import MessageSet

from txjmapaccess.coroutines import settled
from txjmapaccess.errors import JMAPAccessError, MessageExpunged
from txjmapaccess.jmap.accountsnapshot import Copy, SnapshotMailbox
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

#: Messages whose identifiers are read together.
_CHUNK = 100

#: Roles (RFC 8621, section 2) by the attributes of RFC 6154 and RFC 8457.
_ROLES = {
    f"\\{role}": role
    for role in (
        *("all", "archive", "drafts", "flagged", "important", "junk", "sent", "subscribed"),
        "trash",
    )
}


class AccountReader:
    """
    Reads one account. The mailboxes stay open until L{close}.

    @param account: the L{twisted.mail.interfaces.IAccountIMAP}.
    @param identifiers: those of the account.
    @param turns: shares the reactor with others.
    """

    def __init__(self, account: Any, identifiers: AccountIdentifiers, turns: Turns) -> None:
        self._account = account
        self._identifiers = identifiers
        self._turns = turns
        self._opened: dict[str, Any] = {}

    async def close(self) -> None:
        """
        Close the mailboxes.
        """
        opened, self._opened = self._opened, {}
        for mailbox in opened.values():
            await closeMailbox(mailbox)

    async def read(self) -> tuple[list[SnapshotMailbox], list[Copy]]:
        """
        @return: the mailboxes and messages of the account.
        """
        mailboxes: list[SnapshotMailbox] = []
        copies: list[Copy] = []
        roles: set[str | None] = set()
        for name, information in await self._list():
            found = await self._open(name, information, roles)
            if found is not None:
                mailboxes.append(found)
                copies.extend(await self._copies(found.id, nameText(name)))
        return mailboxes, copies

    async def _list(self) -> list[tuple[str | bytes, Any]]:
        try:
            return await listMailboxes(self._account)
        except JMAPAccessError:
            self._identifiers.withhold()
            raise

    async def _open(
        self, name: str | bytes, information: Any, roles: set[str | None]
    ) -> SnapshotMailbox | None:
        attributes = await attributesOf(information)
        if not isSelectable(attributes):
            return None
        mailbox = await openMailbox(self._account, name, False)
        if mailbox is None:
            return None
        mailboxID = await self._identifiers.readMailboxID(nameText(name), mailbox)
        if mailboxID == LEFT_OUT or mailboxID in self._opened:
            if mailboxID != LEFT_OUT:
                self._identifiers.reportTwin(nameText(name), mailbox)
            await closeMailbox(mailbox)
            return None
        self._opened[mailboxID] = mailbox
        path = levels(nameText(name), _text(await settled(information.getHierarchicalDelimiter)))
        role = roleOf(path, attributes)
        # Only one mailbox may have a role (RFC 8621, section 2).
        role = None if role in roles else role
        roles.add(role)
        isSubscribed = bool(await settled(self._account.isSubscribed, name))
        return SnapshotMailbox(mailboxID, path, role, isSubscribed)

    async def _copies(self, mailboxID: str, name: str) -> list[Copy]:
        mailbox = self._opened[mailboxID]
        count = await settled(mailbox.getMessageCount)
        if not count:
            return []
        fetched = await settled(mailbox.fetch, MessageSet(1, count), False)
        messages = (message for _, message in fetched)
        copies: list[Copy] = []
        while chunk := list(islice(messages, _CHUNK)):
            identifiers = await self._identifiers.messageIDs(mailbox, chunk, name)
            for message, ids in zip(chunk, identifiers, strict=True):
                copy = await self._copy(mailboxID, message, ids)
                if copy is not None:
                    copies.append(copy)
                if self._turns.isOver():
                    await self._turns.pause()
        return copies

    async def _copy(self, mailboxID: str, message: Any, ids: MessageIDs) -> Copy | None:
        """
        @return: L{None} for a message that JMAP does not have.
        """
        keywords = keywordsOf(await settled(message.getFlags))
        if keywords is None or ids.email == LEFT_OUT:
            return None
        uid = await settled(message.getUID)
        # Where the store has no threads, each Email is one (RFC 8621, section 3).
        thread = ids.thread or ids.email
        date = secondsOf(await settled(message.getInternalDate)) or 0
        size = await settled(message.getSize)
        return Copy(ids.email, thread, mailboxID, uid, date, size, keywords)

    async def octets(self, copy: Copy) -> bytes | None:
        """
        @return: the message, or L{None} if it no longer exists.
        """
        mailbox = self._opened.get(copy.mailboxID)
        if mailbox is None:
            return None
        for _, message in await settled(mailbox.fetch, MessageSet(copy.uid), True):
            with suppress(MessageExpunged):
                return await readMessage(message, self._turns)
        return None


def roleOf(path: tuple[str, ...], attributes: Iterable[str | bytes]) -> str | None:
    """
    @param attributes: the attributes that LIST shows.

    @return: the role of a mailbox (RFC 8621, section 2).
    """
    if path == ("INBOX",):
        return "inbox"
    roles = (_ROLES.get(_text(attribute).lower()) for attribute in attributes)
    return next(filter(None, roles), None)


def keywordsOf(flags: Iterable[str | bytes]) -> frozenset[str] | None:
    """
    @param flags: the flags of a message.

    @return: the keywords (RFC 8621, section 4.1.1), or L{None} for a message that is deleted: JMAP
        does not see it.
    """
    return _keywordsOf(tuple(flags))


@lru_cache(1024)
def _keywordsOf(flags: tuple[str | bytes, ...]) -> frozenset[str] | None:
    # Few combinations are in use, and most messages share them.
    keywords = set()
    for flag in flags:
        name = _text(flag).lower()
        if name == "\\deleted":
            return None
        if name in ("\\seen", "\\answered", "\\flagged", "\\draft"):
            keywords.add("$" + name[1:])
        elif not name.startswith("\\"):
            keywords.add(name)
    return frozenset(keywords)


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
