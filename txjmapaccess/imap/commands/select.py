# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
SELECT and EXAMINE (RFC 3501, sections 6.3.1 and 6.3.2), with MAILBOXID (RFC 8474, section 4.2);
UNSELECT (RFC 3691).
"""

from __future__ import annotations

from typing import Any

from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.coroutines import settled
from txjmapaccess.imap.dispatch import ADDED, CommandRefused, command
from txjmapaccess.imap.modifiedutf7 import decodeName
from txjmapaccess.imap.objectidentifiers import mailboxIDOf
from txjmapaccess.imap.selectedmailbox import leaveMailbox
from txjmapaccess.imap.storeaccess import mailboxNamed
from txjmapaccess.store.mailboxes import attributesOf, closeMailbox, isSelectable, uidNextOf
from txjmapaccess.store.objectids import LEFT_OUT


@command(IMAP4Server._selectWork)
async def select(connection: Any, tag: bytes, encodedName: bytes, rw: int, cmdName: bytes) -> None:
    """
    SELECT and EXAMINE.
    """
    name = decodeName(encodedName)
    await leaveMailbox(connection)
    mailbox = await mailboxNamed(connection, name, rw)
    if not isSelectable(await attributesOf(mailbox)):
        raise CommandRefused(b"[CANNOT] This name is no mailbox that can be selected")
    mailboxID = await mailboxIDOf(connection, name, mailbox)
    if connection._jmaEnded or connection.state != "auth":  # The client has gone in the meantime.
        await closeMailbox(mailbox)
        return
    # What Twisted's _cbSelectWork leaves out; servers override that one.
    if mailboxID != LEFT_OUT:
        code = b"[MAILBOXID (" + mailboxID.encode("ascii") + b")]"
        connection.sendPositiveResponse(None, code + b" Ok")
    uidNext = uidNextOf(mailbox)
    if isinstance(uidNext, int):
        connection.sendPositiveResponse(None, b"[UIDNEXT %d] Predicted next UID" % uidNext)
    if not rw:
        connection.sendPositiveResponse(None, b"[PERMANENTFLAGS ()] Read-only")
    connection._jmaExamining = not rw
    connection._jmaSelectedName = name
    await settled(connection._cbSelectWork, mailbox, cmdName, tag)


@command()
async def unselect(connection: Any, tag: bytes) -> None:
    """
    UNSELECT.
    """
    await leaveMailbox(connection)
    connection.sendPositiveResponse(tag, b"Unselected")


ADDED["select", b"UNSELECT"] = (b"UNSELECT", (unselect,))
