# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
SUBSCRIBE and UNSUBSCRIBE (RFC 3501, sections 6.3.6 and 6.3.7).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.imap.dispatch import REPLACED
from txjmapaccess.imap.modifiedutf7 import decodeName
from txjmapaccess.imap.storeaccess import ask, carryOut


def subscribe(connection: Any, tag: bytes, name: bytes) -> Deferred[None]:
    """
    SUBSCRIBE.
    """
    method = connection.account.subscribe
    return carryOut(_answer(connection, tag, method, decodeName(name), b"Subscribed"))


def unsubscribe(connection: Any, tag: bytes, name: bytes) -> Deferred[None]:
    """
    UNSUBSCRIBE.
    """
    method = connection.account.unsubscribe
    return carryOut(_answer(connection, tag, method, decodeName(name), b"Unsubscribed"))


async def _answer(connection: Any, tag: bytes, method: Any, name: str, text: bytes) -> None:
    await ask(method, name)
    connection.sendPositiveResponse(tag, text)


REPLACED.update({IMAP4Server.do_SUBSCRIBE: subscribe, IMAP4Server.do_UNSUBSCRIBE: unsubscribe})
