# -*- test-case-name: tests.jmap.test_identifiers -*-
"""
Where the identifiers of an account come from: from its store, or from the index
(L{txjmapaccess.objectid.ObjectIDIndex}) that the IMAP server uses, so that they are the same on
both sides.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from txjmapaccess.credentials import LoginRecord
from txjmapaccess.imap.objectids import StoreIdentifiers
from txjmapaccess.imap.waiting import Turns
from txjmapaccess.maildir.identifiers import accountID
from txjmapaccess.store.sharedidentifiers import storeAccountID
from txjmapaccess.verdict import Unknown


class IndexedIdentifiers:
    """
    Identifiers from an index. It is made for connections: this looks to it like one.

    @param index: the index.
    @param account: the L{twisted.mail.interfaces.IAccountIMAP}.
    @param username: the name of the user, for C{accountName} of the index.
    @param reactor: where this runs.

    @ivar loginRecord: what is known about the user.
    @ivar selectedName: the name of the mailbox that is being read.
    @ivar callLater: as of the reactor.
    """

    mbox = None

    def __init__(self, index: Any, account: Any, username: str, reactor: Any) -> None:
        self.account = account
        self.loginRecord = LoginRecord(username, "JMAP", Unknown(), time.time())
        self.selectedName = ""
        self.callLater = reactor.callLater
        self._identifiers = index.ofConnection(self)

    def turns(self) -> Turns:
        """
        @return: what long work takes its turns from.
        """
        return Turns(time.monotonic, self.callLater)

    def inTurns(self, steps: Iterator[Any]) -> Deferred[None]:
        """
        Run all steps, waiting for those that are Deferreds.
        """
        return runThrough(steps)

    async def mailboxID(self, name: str, mailbox: Any) -> object:
        """
        @return: the MAILBOXID, not checked. The messages that are asked about next are in this
            mailbox.
        """
        self.selectedName = name
        found: object = await self._identifiers.mailboxID(name, mailbox)
        return found

    async def messageIDs(
        self, mailbox: Any, messages: Sequence[Any]
    ) -> list[tuple[object, object]]:
        """
        @return: see L{StoreIdentifiers.messageIDs}.
        """
        found: list[tuple[object, object]] = await self._identifiers.messageIDs(mailbox, messages)
        return found


def runThrough(steps: Iterator[Any]) -> Deferred[None]:
    """
    What L{twisted.mail.imap4.MessageProducer} takes for a scheduler: runs all steps, waiting for
    those that are Deferreds.
    """

    async def run() -> None:
        for step in steps:
            if isinstance(step, Deferred):
                await step

    return Deferred.fromCoroutine(run())


class Identification:
    """
    Finds the identifiers of accounts.

    @ivar index: the L{ObjectIDIndex<txjmapaccess.objectid.ObjectIDIndex>}, or L{None} for stores
        that have identifiers.
    """

    def __init__(self, index: Any = None) -> None:
        self.index = index
        self._ofStore = StoreIdentifiers()

    async def accountID(self, account: Any, username: str) -> str:
        """
        @return: the JMAP accountId (RFC 8620, section 1.6.2).

        @raise JMAPAccessError: when the store gives what can be none.
        """
        found = await storeAccountID(account)
        return accountID(username) if found is None else found

    def of(self, account: Any, username: str, reactor: Any) -> Any:
        """
        @return: L{StoreIdentifiers} or L{IndexedIdentifiers}.
        """
        if self.index is None:
            return self._ofStore
        return IndexedIdentifiers(self.index, account, username, reactor)
