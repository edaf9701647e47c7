# -*- test-case-name: tests.imap.test_messagecommands -*-
"""
STORE (RFC 3501, section 6.4.6).
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.defer import Deferred
from twisted.mail.imap4 import IMAP4Server, MessageSet

from txjmapaccess.imap.commands.flaglist import storedFlags
from txjmapaccess.imap.dispatch import REPLACED
from txjmapaccess.imap.grammar import SyntaxProblem
from txjmapaccess.imap.selectedmailbox import boundedSet, refuseReadOnly, sendFlags
from txjmapaccess.imap.storeaccess import ask, carryOut

_MODE = re.compile(rb"([+-]?)FLAGS(\.SILENT)?\Z", re.IGNORECASE)
_MODES = {b"": 0, b"+": 1, b"-": -1}


def storeFlags(
    connection: Any, tag: bytes, messages: MessageSet, mode: bytes, flags: list[bytes], uid: int = 0
) -> Deferred[None]:
    """
    STORE and UID STORE.
    """
    match = _MODE.match(mode)
    if match is None:
        raise SyntaxProblem("Unknown data item")
    names = [flag.decode("ascii") for flag in flags]
    return carryOut(_store(connection, tag, messages, _MODES[match[1]], names, uid, bool(match[2])))


async def _store(
    connection: Any,
    tag: bytes,
    messages: MessageSet,
    mode: int,
    flags: list[str],
    uid: int,
    silent: bool,
) -> None:
    refuseReadOnly(connection)
    chosen = boundedSet(connection, messages, uid)
    changed = None
    if chosen.ranges:
        changed = await ask(connection.mbox.store, chosen, flags, mode, uid=uid)
    if changed and not silent:
        sendFlags(connection, changed, uid)
    connection.sendPositiveResponse(tag, b"STORE completed")


REPLACED.update({IMAP4Server.do_STORE: storeFlags, IMAP4Server.arg_flaglist: storedFlags})
