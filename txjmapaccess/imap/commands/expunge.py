# -*- test-case-name: tests.imap.test_messagecommands -*-
"""
EXPUNGE and CLOSE (RFC 3501, sections 6.4.2 and 6.4.3).
"""

from __future__ import annotations

from typing import Any

from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.imap.dispatch import command
from txjmapaccess.imap.selectedmailbox import isReadOnly, leaveMailbox, refuseReadOnly
from txjmapaccess.imap.storeaccess import ask


@command(IMAP4Server.do_EXPUNGE)
async def expunge(connection: Any, tag: bytes) -> None:
    """
    EXPUNGE.
    """
    refuseReadOnly(connection)
    connection.messagesExpunged(await ask(connection.mbox.expunge) or ())
    connection.sendPositiveResponse(tag, b"EXPUNGE completed")


@command(IMAP4Server.do_CLOSE)
async def close(connection: Any, tag: bytes) -> None:
    """
    CLOSE: EXPUNGE without responses, then UNSELECT.
    """
    if not isReadOnly(connection):
        await ask(connection.mbox.expunge)
    await leaveMailbox(connection)
    connection.sendPositiveResponse(tag, b"CLOSE completed")
