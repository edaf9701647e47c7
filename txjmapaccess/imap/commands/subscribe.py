# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
SUBSCRIBE and UNSUBSCRIBE (RFC 3501, sections 6.3.6 and 6.3.7).
"""

from __future__ import annotations

from typing import Any

from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.imap.dispatch import command
from txjmapaccess.imap.modifiedutf7 import decodeName
from txjmapaccess.imap.storeaccess import ask


@command(IMAP4Server.do_SUBSCRIBE)
async def subscribe(connection: Any, tag: bytes, name: bytes) -> None:
    """
    SUBSCRIBE.
    """
    await ask(connection.account.subscribe, decodeName(name))
    connection.sendPositiveResponse(tag, b"Subscribed")


@command(IMAP4Server.do_UNSUBSCRIBE)
async def unsubscribe(connection: Any, tag: bytes, name: bytes) -> None:
    """
    UNSUBSCRIBE.
    """
    await ask(connection.account.unsubscribe, decodeName(name))
    connection.sendPositiveResponse(tag, b"Unsubscribed")
