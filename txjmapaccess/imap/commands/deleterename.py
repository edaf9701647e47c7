# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
DELETE and RENAME (RFC 3501, sections 6.3.4 and 6.3.5).
"""

from __future__ import annotations

from typing import Any

from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.imap.dispatch import CommandRefused, command
from txjmapaccess.imap.modifiedutf7 import decodeName
from txjmapaccess.store.mailboxnames import isInbox


@command(IMAP4Server.do_DELETE)
async def delete(connection: Any, tag: bytes, encodedName: bytes) -> None:
    """
    DELETE.
    """
    name = decodeName(encodedName)
    if isInbox(name):
        raise CommandRefused(b"[CANNOT] INBOX cannot be deleted")
    await connection.deleteIdentified(name)
    connection.sendPositiveResponse(tag, b"Mailbox deleted")


@command(IMAP4Server.do_RENAME)
async def rename(connection: Any, tag: bytes, encodedOld: bytes, encodedNew: bytes) -> None:
    """
    RENAME. INBOX cannot be renamed, as in Twisted.
    """
    old = decodeName(encodedOld)
    new = decodeName(encodedNew)
    if isInbox(old):
        raise CommandRefused(b"[CANNOT] INBOX cannot be renamed")
    if isInbox(new):
        raise CommandRefused(b"[ALREADYEXISTS] INBOX is always there")
    await connection.renameIdentified(old, new)
    connection.sendPositiveResponse(tag, b"Mailbox renamed")
