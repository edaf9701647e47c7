# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
CREATE (RFC 3501, section 6.3.3), with MAILBOXID (RFC 8474, section 4.1).
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger
from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.imap.dispatch import CommandRefused, command
from txjmapaccess.imap.modifiedutf7 import decodeName
from txjmapaccess.imap.objectidentifiers import hasObjectIDs, mailboxIDOf
from txjmapaccess.imap.storeaccess import mailboxNamed
from txjmapaccess.store.mailboxes import MailboxNames, openMailbox
from txjmapaccess.store.mailboxnames import isInbox
from txjmapaccess.store.objectids import LEFT_OUT

_log = Logger()


@command(IMAP4Server.do_CREATE)
async def create(connection: Any, tag: bytes, encodedName: bytes) -> None:
    """
    CREATE.
    """
    name = decodeName(encodedName)
    if isInbox(name):
        raise CommandRefused(b"[ALREADYEXISTS] INBOX is always there")
    if not await connection.createIdentified(name):
        raise CommandRefused(b"Mailbox not created")
    code = b""
    mailboxID = await _mailboxIDByName(connection, name)
    if mailboxID != LEFT_OUT:
        code = b"[MAILBOXID (" + mailboxID.encode("ascii") + b")] "
    connection.sendPositiveResponse(tag, code + b"Mailbox created")


async def _mailboxIDByName(connection: Any, name: str) -> str:
    if not hasObjectIDs(connection):
        return LEFT_OUT
    try:
        mailbox = await openMailbox(connection.account, name, 0)
        if mailbox is None:  # A delimiter at the end, perhaps (RFC 3501, section 6.3.3).
            name = await MailboxNames(connection.account).spelling(name)
            mailbox = await mailboxNamed(connection, name, 0)
    except Exception:
        _log.failure("A mailbox that was just created cannot be opened")
        return LEFT_OUT
    return await mailboxIDOf(connection, name, mailbox)
