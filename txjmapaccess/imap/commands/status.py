# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
STATUS (RFC 3501, section 6.3.10; RFC 8438; RFC 8474, section 4.3).
"""

from __future__ import annotations

from typing import Any

from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.coroutines import settled
from txjmapaccess.imap import arguments
from txjmapaccess.imap.commands.statusitems import ORDINARY, formatStatus, statusItems
from txjmapaccess.imap.dispatch import REPLACED, CommandRefused, command
from txjmapaccess.imap.modifiedutf7 import decodeName, encodeName
from txjmapaccess.imap.objectidentifiers import mailboxIDOf, turns
from txjmapaccess.imap.storeaccess import (
    NO_SUCH_MAILBOX,
    ask,
    isTwisteds,
    mailboxNamed,
)
from txjmapaccess.pacing import Turns
from txjmapaccess.store.mailboxes import attributesOf, isSelectable
from txjmapaccess.store.messageset import since
from txjmapaccess.store.objectids import LEFT_OUT


@command()
async def status(connection: Any, tag: bytes, encodedName: bytes, items: list[str]) -> None:
    """
    STATUS.
    """
    name = decodeName(encodedName)
    mailbox = await mailboxNamed(connection, name, 0)
    if not isSelectable(await attributesOf(mailbox)):
        raise CommandRefused(NO_SUCH_MAILBOX)
    isTheirs = not isTwisteds(connection, "_cbStatusGotMailbox")
    if isTheirs and set(items).issubset(ORDINARY):
        await settled(connection._cbStatusGotMailbox, mailbox, tag, name, items)
        return
    connection.sendUntaggedResponse(await statusOf(connection, name, mailbox, items))
    connection.sendPositiveResponse(tag, b"STATUS completed")


async def statusOf(connection: Any, name: str, mailbox: Any, items: list[str]) -> bytes:
    """
    @return: the STATUS response of a mailbox.
    """
    values = {}
    ordinary = [item for item in items if item in ORDINARY]
    if ordinary:
        found = await ask(mailbox.requestStatus, ordinary)
        values = {str(item).upper(): value for item, value in found.items()}
    if "SIZE" in items:
        values["SIZE"] = await _sizeOf(mailbox, turns(connection))
    mailboxID = LEFT_OUT
    if "MAILBOXID" in items:
        mailboxID = await mailboxIDOf(connection, name, mailbox)
    answer = formatStatus(items, values, mailboxID)
    return b"STATUS " + encodeName(name) + b" " + answer


async def _sizeOf(mailbox: Any, turns: Turns) -> int:
    """
    @return: the octets of all messages (RFC 8438).
    """
    try:
        return int((await settled(mailbox.requestStatus, ["SIZE"]))["SIZE"])
    except Exception:
        pass  # Twisted knows of no SIZE, so not every mailbox can tell.
    total = 0
    for _, message in await ask(mailbox.fetch, since(1), uid=0):
        total += message.getSize()
        if turns.isOver():
            await turns.pause()
    return total


REPLACED[IMAP4Server.auth_STATUS] = (status, arguments.astring, statusItems)
