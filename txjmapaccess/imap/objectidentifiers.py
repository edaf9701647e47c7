# -*- test-case-name: tests.objectid.test_objectid -*-
"""
The object identifiers (RFC 8474) of a connection's account.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from txjmapaccess.credentials import Authentication, LoginRecord
from txjmapaccess.interfaces import IObjectIDAccount
from txjmapaccess.pacing import Turns
from txjmapaccess.store.accountidentifiers import AccountIdentifiers
from txjmapaccess.store.objectids import LEFT_OUT, MessageIDs
from txjmapaccess.store.openaccount import OpenAccount
from txjmapaccess.store.serveridentifiers import ServerIdentifiers
from txjmapaccess.verdict import Unknown


def turns(connection: Any) -> Turns:
    """
    @return: what a long command takes its turns from.
    """
    seconds = connection._jmaSettings.seconds
    return Turns(seconds, connection.callLater, lambda: connection._jmaEnded)


def hasObjectIDs(connection: Any) -> bool:
    """
    @return: whether mailboxes and messages have identifiers.
    """
    if connection._jmaSettings.objectIDs is not None:
        return True
    account = connection.account
    return account is not None and IObjectIDAccount(account, None) is not None


def offersObjectIDs(connection: Any) -> bool:
    """
    @return: whether clients see them.
    """
    return b"OBJECTID" in connection._jmaSettings.offered and hasObjectIDs(connection)


def identifiersOf(connection: Any) -> AccountIdentifiers:
    """
    @return: the identifiers of a connection's account.
    """
    identifiers: AccountIdentifiers | None = connection._jmaIdentifiers
    if identifiers is None:
        opened = OpenAccount(connection.account, connection.loginRecord, lambda: turns(connection))
        identifiers = connection._jmaIdentifiers = _identification(connection).of(opened)
    return identifiers


async def identifiersShared(connection: Any, authentication: Authentication, account: Any) -> bool:
    """
    See L{ServerIdentifiers.areShared}.
    """
    username, mechanism = authentication.username, authentication.mechanism
    record = LoginRecord(username, mechanism, Unknown(), time.time())
    opened = OpenAccount(account, record, lambda: turns(connection))
    return await _identification(connection).areShared(opened)


def _identification(connection: Any) -> ServerIdentifiers:
    server = connection.factory if connection.portal is None else connection.portal
    return ServerIdentifiers(connection._jmaSettings.objectIDs, server)


async def mailboxIDOf(connection: Any, name: str, mailbox: Any) -> str:
    """
    @return: the MAILBOXID, or L{LEFT_OUT}.
    """
    if not offersObjectIDs(connection):
        return LEFT_OUT
    return await identifiersOf(connection).mailboxID(name, mailbox)


async def messageIDsOf(connection: Any, messages: Sequence[Any]) -> list[MessageIDs]:
    """
    @return: the identifiers of C{messages} of the selected mailbox, in the same order.
    """
    if not offersObjectIDs(connection):
        return [MessageIDs(LEFT_OUT, LEFT_OUT)] * len(messages)
    identifiers = identifiersOf(connection)
    return await identifiers.messageIDs(connection.mbox, messages, connection._jmaSelectedName)
