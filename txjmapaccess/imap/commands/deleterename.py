# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
DELETE and RENAME (RFC 3501, sections 6.3.4 and 6.3.5).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.imap.dispatch import REPLACED, CommandRefused
from txjmapaccess.imap.modifiedutf7 import decodeName
from txjmapaccess.imap.storeaccess import carryOut
from txjmapaccess.store.mailboxnames import isInbox


def delete(connection: Any, tag: bytes, name: bytes) -> Deferred[None]:
    """
    DELETE.
    """
    return carryOut(_delete(connection, tag, decodeName(name)))


async def _delete(connection: Any, tag: bytes, name: str) -> None:
    if isInbox(name):
        raise CommandRefused(b"[CANNOT] INBOX cannot be deleted")
    await connection.deleteIdentified(name)
    connection.sendPositiveResponse(tag, b"Mailbox deleted")


def rename(connection: Any, tag: bytes, old: bytes, new: bytes) -> Deferred[None]:
    """
    RENAME. INBOX cannot be renamed, as in Twisted.
    """
    return carryOut(_rename(connection, tag, decodeName(old), decodeName(new)))


async def _rename(connection: Any, tag: bytes, old: str, new: str) -> None:
    if isInbox(old):
        raise CommandRefused(b"[CANNOT] INBOX cannot be renamed")
    if isInbox(new):
        raise CommandRefused(b"[ALREADYEXISTS] INBOX is always there")
    await connection.renameIdentified(old, new)
    connection.sendPositiveResponse(tag, b"Mailbox renamed")


REPLACED.update({IMAP4Server.do_DELETE: delete, IMAP4Server.do_RENAME: rename})
