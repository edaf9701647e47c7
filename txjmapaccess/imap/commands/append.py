# -*- test-case-name: tests.imap.test_messagecommands -*-
"""
APPEND (RFC 3501, section 6.3.11).
"""

from __future__ import annotations

import re
from typing import Any

from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.coroutines import settled
from txjmapaccess.imap import arguments
from txjmapaccess.imap.commands.copy import TRY_CREATE, announceNew, certainUIDs
from txjmapaccess.imap.commands.storeflags import optionalFlags
from txjmapaccess.imap.dispatch import REPLACED, command
from txjmapaccess.imap.grammar import SyntaxProblem
from txjmapaccess.imap.modifiedutf7 import decodeName
from txjmapaccess.imap.storeaccess import ask, isTwisteds, mailboxNamed
from txjmapaccess.message.dates import isIMAPDateTime
from txjmapaccess.store.mailboxes import uidNextOf

_QUOTED = re.compile(rb'"([^"\\\x00-\x1f\x7f-\xff]{1,100})" ')


def optionalDate(connection: object, line: bytes) -> tuple[bytes | None, bytes]:
    """
    The optional date and time. Twisted's own client sends whatever its user passes, so the form of
    RFC 5322 is accepted too.
    """
    if line[:1] != b'"':
        return None, line
    match = _QUOTED.match(line)
    if match is None or not isIMAPDateTime(match[1].decode("ascii")):
        raise SyntaxProblem("Malformed date and time")
    return match[1], line[match.end() :]


@command()
async def append(
    connection: Any,
    tag: bytes,
    encodedName: bytes,
    flags: list[bytes],
    date: bytes | None,
    message: Any,
) -> None:
    """
    APPEND.

    @param message: an open file.
    """
    name = decodeName(encodedName)
    mailbox = await mailboxNamed(connection, name, missing=TRY_CREATE)
    if not isTwisteds(connection, "_cbAppendGotMailbox"):
        await settled(connection._cbAppendGotMailbox, mailbox, tag, flags, date, message)
        return
    uidNext, existsSent = uidNextOf(mailbox), connection._jmaExistsSent
    names = [flag.decode("ascii") for flag in flags]
    result = await ask(mailbox.addMessage, message, names, date)
    await announceNew(connection, name, mailbox, existsSent)
    code = b""
    if certainUIDs([result], uidNext):
        code = b"[APPENDUID %d %d] " % (mailbox.getUIDValidity(), result)
    connection.sendPositiveResponse(tag, code + b"APPEND complete")


REPLACED[IMAP4Server.auth_APPEND] = (
    append,
    arguments.astring,
    optionalFlags,
    optionalDate,
    arguments.message,
)
