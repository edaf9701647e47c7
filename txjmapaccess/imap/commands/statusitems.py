# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
The items of STATUS (RFC 3501, section 6.3.10; RFC 8438; RFC 8474, section 4.3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from txjmapaccess.imap.grammar import SyntaxProblem

#: Those that every L{twisted.mail.interfaces.IMailboxIMAP} has.
ORDINARY = ("MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN")
_KNOWN = frozenset((*ORDINARY, "SIZE", "MAILBOXID"))

_LIST = re.compile(rb"\(([A-Za-z]+(?: [A-Za-z]+)*)\) *")


def parseItems(text: bytes) -> tuple[list[str], bytes]:
    """
    @return: the items in upper case, each once, and what follows their list.

    @raise SyntaxProblem: for anything but a list of known items.
    """
    match = _LIST.match(text)
    if match is None:
        raise SyntaxProblem("Malformed list of status items")
    names = dict.fromkeys(match[1].decode("ascii").upper().split(" "))
    if not _KNOWN.issuperset(names):
        raise SyntaxProblem("Unknown status item")
    return list(names), text[match.end() :]


def statusItems(connection: Any, line: bytes) -> tuple[list[str], bytes]:
    """
    The argument of STATUS.
    """
    return offeredItems(connection, parseItems(line))


def offeredItems(connection: Any, parsed: tuple[list[str], bytes]) -> tuple[list[str], bytes]:
    """
    @param parsed: what L{parseItems} gave.

    @raise SyntaxProblem: for an item of an extension that the server does not offer.
    """
    offered = connection._jmaSettings.offered
    if "SIZE" in parsed[0] and b"STATUS=SIZE" not in offered:
        raise SyntaxProblem("Unknown status item")
    if "MAILBOXID" in parsed[0] and b"OBJECTID" not in offered:
        raise SyntaxProblem("Unknown status item")
    return parsed


def formatStatus(items: list[str], values: Mapping[str, Any], mailboxID: str) -> bytes:
    """
    @param values: numbers, by item in upper case.
    @param mailboxID: C{""} to leave it out.

    @return: the parenthesised list of a STATUS response. What has no value is left out.
    """
    pairs = []
    for item in items:
        if item == "MAILBOXID":
            if mailboxID:
                pairs.append(f"MAILBOXID ({mailboxID})")
        elif isinstance(values.get(item), int):
            pairs.append(f"{item} {int(values[item])}")
    return b"(" + " ".join(pairs).encode("ascii") + b")"
