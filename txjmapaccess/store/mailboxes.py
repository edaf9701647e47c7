# -*- test-case-name: tests.store.test_mailboxes -*-
"""
Mailboxes of any account (L{twisted.mail.interfaces.IAccountIMAP}): which there are, opening and
closing them. Every method of a store may return a Deferred.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from twisted.logger import Logger
from twisted.mail.imap4 import NoSuchMailbox
from twisted.mail.interfaces import ICloseableMailboxIMAP

from txjmapaccess.coroutines import settled
from txjmapaccess.errors import JMAPAccessError
from txjmapaccess.store.mailboxnames import folded, listedName, nameText

_log = Logger()


async def openMailbox(account: Any, name: str | bytes, *rw: int) -> Any:
    """
    @param rw: as L{twisted.mail.interfaces.IAccountIMAP.select} takes it.

    @return: the mailbox, or L{None} when there is none.
    """
    try:
        return await settled(account.select, name, *rw)
    except NoSuchMailbox:
        return None


async def closeMailbox(mailbox: Any, listener: Any = None) -> None:
    """
    Close a mailbox. What fails is logged.

    @param listener: what has been added to it as a listener, or L{None}.
    """
    try:
        if listener is not None:
            mailbox.removeListener(listener)
        closeable: Any = ICloseableMailboxIMAP(mailbox, None)
        if closeable is not None:
            await settled(closeable.close)
    except Exception:
        _log.failure("A mailbox could not be closed")


async def attributesOf(mailbox: Any) -> list[str]:
    """
    @return: the attributes of a mailbox that LIST shows (RFC 3501, section 7.2.2).
    """
    flags: Iterable[str | bytes] = await settled(mailbox.getFlags)
    return [flag.decode("utf-8", "replace") if isinstance(flag, bytes) else flag for flag in flags]


def isSelectable(attributes: Iterable[str]) -> bool:
    """
    @param attributes: see L{attributesOf}.

    @return: whether a mailbox is more than a level of the hierarchy.
    """
    return "\\noselect" not in map(str.lower, attributes)


def uidNextOf(mailbox: Any) -> Any:
    """
    @return: UIDNEXT, or L{None} when it is not known.
    """
    try:
        return mailbox.getUIDNext()
    except Exception:
        return None  # Twisted seldom asks for it, so not every mailbox can tell.


def steadyUIDValidity(mailbox: Any) -> int:
    """
    @return: the UIDVALIDITY of a mailbox.

    @raise JMAPAccessError: when it is another one at each look (RFC 3501, section 2.3.1.1).
    """
    found: int = mailbox.getUIDValidity()
    if mailbox.getUIDValidity() != found:
        raise JMAPAccessError("its UIDVALIDITY changes from one look to the next")
    return found


async def listMailboxes(account: Any) -> list[tuple[str | bytes, Any]]:
    """
    @return: all mailboxes of an account, with their names. Twisted takes pairs in anything that can
        be iterated over.

    @raise JMAPAccessError: when the account gives none of that.
    """
    listed = await settled(account.listMailboxes, "", "*")
    try:
        pairs = [(name, mailbox) for name, mailbox in listed]
    except (TypeError, ValueError):
        pairs = []
        isGood = False
    else:
        isGood = all(isinstance(name, (str, bytes)) for name, _ in pairs)
    if not isGood or isinstance(listed, (str, bytes, Mapping)):
        what = type(listed).__name__
        raise JMAPAccessError(f"listMailboxes gives {what} instead of names and mailboxes")
    return pairs


class MailboxNames:
    """
    The names that an account lists.

    @param account: an L{twisted.mail.interfaces.IAccountIMAP}.

    @ivar listed: what L{refreshed} found last.
    """

    def __init__(self, account: Any) -> None:
        self._account = account
        self.listed: frozenset[str] = frozenset()

    async def refreshed(self) -> frozenset[str]:
        """
        @return: the names of all mailboxes now, as the account spells them.
        """
        listed = await listMailboxes(self._account)
        self.listed = frozenset(
            [
                nameText(name)
                for name, information in listed
                if isSelectable(await attributesOf(information))
            ]
        )
        return self.listed

    async def spelling(self, name: str) -> str:
        """
        @return: the name by which the store lists the mailbox; C{name} itself if it does not.
        """
        if name in self.listed:
            return name
        return listedName(name, await self.refreshed())

    async def mailbox(self, name: str) -> Any:
        """
        @return: a mailbox, or L{None}.
        """
        return await openMailbox(self._account, name, 0)

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
        return mailbox is not None and isSelectable(await attributesOf(mailbox))
