# -*- test-case-name: tests.imap.test_updates -*-
"""
NOOP and CHECK (RFC 3501, sections 6.1.2 and 6.4.1): both poll the selected mailbox.
"""

from __future__ import annotations

from typing import Any

from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.imap.dispatch import command
from txjmapaccess.imap.selectedmailbox import pollMailbox
from txjmapaccess.imap.storeaccess import ask


@command(IMAP4Server.do_NOOP)
async def noop(connection: Any, tag: bytes) -> None:
    """
    NOOP.
    """
    await pollMailbox(connection)
    connection.sendPositiveResponse(tag, b"NOOP No operation performed")


@command(IMAP4Server.do_CHECK)
async def check(connection: Any, tag: bytes) -> None:
    """
    CHECK. A server may override C{checkpoint}.
    """
    await ask(connection.checkpoint)
    await pollMailbox(connection)
    connection.sendPositiveResponse(tag, b"CHECK completed")
