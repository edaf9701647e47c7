# -*- test-case-name: tests.imap.test_messagecommands -*-
"""
STORE (RFC 3501, section 6.4.6), and lists of flags (section 9), which APPEND has too.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.mail.imap4 import IMAP4Server, MessageSet

from txjmapaccess.imap.dispatch import REPLACED, command
from txjmapaccess.imap.grammar import SyntaxProblem
from txjmapaccess.imap.selectedmailbox import boundedSet, refuseReadOnly, sendFlags
from txjmapaccess.imap.storeaccess import ask

_MODE = re.compile(rb"([+-]?)FLAGS(\.SILENT)?\Z", re.IGNORECASE)
_MODES = {b"": 0, b"+": 1, b"-": -1}
_FLAG = rb'\\?[^\x00-\x20\x7f-\xff(){%*"\\\]]+'
_FLAGS = _FLAG + rb"(?: " + _FLAG + rb")*"
_LIST = re.compile(rb"\((" + _FLAGS + rb")?\)(?: |\Z)")
_BARE = re.compile(rb"(" + _FLAGS + rb")\Z")


def optionalFlags(connection: object, line: bytes) -> tuple[list[bytes], bytes]:
    """
    The optional flags of APPEND.
    """
    if line[:1] != b"(":
        return [], line
    match = _LIST.match(line)
    if match is None:
        raise SyntaxProblem("Malformed list of flags")
    return (match[1] or b"").split(), line[match.end() :]


def storedFlags(connection: object, line: bytes) -> tuple[list[bytes], bytes]:
    """
    The flags of STORE, with or without parentheses.
    """
    line = line.rstrip(b" ")
    match = _LIST.fullmatch(line) or _BARE.match(line)
    if match is None:
        raise SyntaxProblem("Malformed list of flags")
    return (match[1] or b"").split(), b""


@command(IMAP4Server.do_STORE)
async def storeFlags(
    connection: Any, tag: bytes, messages: MessageSet, mode: bytes, flags: list[bytes], uid: int = 0
) -> None:
    """
    STORE and UID STORE.
    """
    match = _MODE.match(mode)
    if match is None:
        raise SyntaxProblem("Unknown data item")
    refuseReadOnly(connection)
    chosen = boundedSet(connection, messages, uid)
    changed = None
    if chosen.ranges:
        names = [flag.decode("ascii") for flag in flags]
        store = connection.mbox.store
        changed = await ask(store, chosen, names, _MODES[match[1]], uid=uid)
    if changed and not match[2]:
        sendFlags(connection, changed, uid)
    connection.sendPositiveResponse(tag, b"STORE completed")


REPLACED[IMAP4Server.arg_flaglist] = storedFlags
