# -*- test-case-name: tests.objectid.test_objectid -*-
"""
Object identifiers (RFC 8474) as a connection shows them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from txjmapaccess.credentials import Authentication, LoginRecord
from txjmapaccess.imap.dispatch import CommandDispatch
from txjmapaccess.pacing import Turns
from txjmapaccess.store.accountidentifiers import AccountIdentifiers
from txjmapaccess.store.objectids import LEFT_OUT, MessageIDs
from txjmapaccess.store.openaccount import OpenAccount
from txjmapaccess.store.serveridentifiers import ServerIdentifiers
from txjmapaccess.verdict import Unknown


class ObjectIdentifiers(CommandDispatch):
    """
    To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.

    @ivar selectedName: the name by which the client has selected a mailbox, or L{None}.
    """

    if TYPE_CHECKING:
        loginRecord: LoginRecord | None
        seconds: Callable[[], float]

        def hasObjectIDs(self) -> bool: ...
        def offersObjectIDs(self) -> bool: ...

    selectedName: str | None = None
    _identifiers: AccountIdentifiers | None = None

    def turns(self) -> Turns:
        """
        @return: what a long command takes its turns from.
        """
        return Turns(self.seconds, self.callLater, lambda: self._ended)

    def identifiers(self) -> AccountIdentifiers:
        """
        @return: the identifiers of this connection's account.
        """
        if self._identifiers is None:
            opened = OpenAccount(self.account, self.loginRecord, self.turns)
            self._identifiers = self._identification().of(opened)
        return self._identifiers

    async def identifiersShared(self, authentication: Authentication, account: Any) -> bool:
        """
        See L{ServerIdentifiers.areShared}.
        """
        username, mechanism = authentication.username, authentication.mechanism
        record = LoginRecord(username, mechanism, Unknown(), time.time())
        return await self._identification().areShared(OpenAccount(account, record, self.turns))

    def _identification(self) -> ServerIdentifiers:
        server = self.factory if self.portal is None else self.portal
        return ServerIdentifiers(self._jmaSettings.objectIDs, server)

    async def mailboxIDOf(self, name: str, mailbox: Any) -> str:
        """
        @return: the MAILBOXID, or L{LEFT_OUT}.
        """
        if not self.offersObjectIDs():
            return LEFT_OUT
        return await self.identifiers().mailboxID(name, mailbox)

    async def messageIDsOf(self, mailbox: Any, messages: Sequence[Any]) -> list[MessageIDs]:
        """
        @return: the identifiers of C{messages} of the selected mailbox, in the same order.
        """
        if not self.offersObjectIDs():
            return [MessageIDs(LEFT_OUT, LEFT_OUT)] * len(messages)
        return await self.identifiers().messageIDs(mailbox, messages, self.selectedName)

    async def searchIDs(self, kind: str, value: str, mailbox: Any) -> frozenset[int] | None:
        """
        See L{AccountIdentifiers.search}.
        """
        return await self.identifiers().search(kind, value, mailbox, self.selectedName)

    async def beginChange(self, what: str, *args: Any) -> Any:
        """
        See L{AccountIdentifiers.beginChange}.
        """
        if not self.hasObjectIDs():
            return None
        return await self.identifiers().beginChange(what, *args)

    async def endChange(self, change: Any, outcome: str, *args: Any) -> None:
        """
        See L{AccountIdentifiers.endChange}.
        """
        await self.identifiers().endChange(change, outcome, *args)
