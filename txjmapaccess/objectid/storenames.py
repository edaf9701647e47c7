# -*- test-case-name: tests.objectid.test_changes -*-
"""
Which mailboxes an account has, and by which names.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from twisted.mail.imap4 import NoSuchMailbox

from txjmapaccess.imap.asking import isSelectable
from txjmapaccess.imap.mailboxnames import folded, listedName
from txjmapaccess.imap.waiting import settled
from txjmapaccess.store.sharedidentifiers import checkedListing


async def listedNames(account: Any) -> frozenset[str]:
    """
    @param account: an L{twisted.mail.interfaces.IAccountIMAP}.

    @return: the names of all its mailboxes, as it spells them.
    """
    return frozenset(
        name.decode("imap4-utf-7") if isinstance(name, bytes) else name
        for name, information in checkedListing(await settled(account.listMailboxes, "", "*"))
        if isSelectable(information)
    )


class StoreNames:
    """
    The names that an account lists, as far as they are known.

    @param connection: has an C{account}.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._listed: frozenset[str] = frozenset()

    async def refreshed(self) -> frozenset[str]:
        """
        @return: the names of all mailboxes now.
        """
        self._listed = await listedNames(self._connection.account)
        return self._listed

    async def spelling(self, name: str) -> str:
        """
        @return: the name by which the store lists the mailbox; C{name} itself if it does not.
        """
        if name in self._listed:
            return name
        return listedName(name, await self.refreshed())

    async def mailbox(self, name: str) -> Any:
        """
        @return: a mailbox, or L{None}.
        """
        try:
            return await settled(self._connection.account.select, name, 0)
        except NoSuchMailbox:
            return None

    async def isThere(self, name: str, listed: Collection[str]) -> bool:
        """
        @param listed: what L{refreshed} found.

        @return: whether there is a mailbox that has this name, and not only answers to it.
        """
        if name in listed:
            return True
        if any(folded(name) == folded(each) for each in listed):
            return False
        mailbox = await self.mailbox(name)  # Not everything that there is must be listed.
        return mailbox is not None and isSelectable(mailbox)
