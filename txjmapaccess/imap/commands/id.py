# -*- test-case-name: tests.imap.test_sessioncommands -*-
"""
ID (RFC 2971).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from txjmapaccess.imap.dispatch import ADDED
from txjmapaccess.imap.grammar import SyntaxProblem, quote
from txjmapaccess.imap.literals import CLOSE, OPEN, Parenthesis, String, tokens

_MOST_FIELDS = 30


def idFields(connection: Any, line: bytes) -> tuple[None, bytes] | Deferred[Any]:
    """
    The argument of ID. It is checked and ignored: no client gets special treatment.
    """
    found = tokens(connection, line)
    if isinstance(found, Deferred):
        return found.addCallback(_checkedFields)
    return _checkedFields(found)


def _checkedFields(found: tuple[list[bytes], bytes]) -> tuple[None, bytes]:
    words = found[0]
    if len(words) == 1 and words[0].upper() == b"NIL" and not isinstance(words[0], String):
        return None, b""
    fields = words[1:-1]
    if words[:1] != [OPEN] or words[-1:] != [CLOSE] or len(words) < 2 or len(fields) % 2:
        raise SyntaxProblem("Malformed list of fields")
    for name, value in zip(fields[::2], fields[1::2], strict=True):
        isNIL = value.upper() == b"NIL" and not isinstance(value, Parenthesis)
        if not isinstance(name, String) or not (isinstance(value, String) or isNIL):
            raise SyntaxProblem("Malformed list of fields")
    if len(fields) > 2 * _MOST_FIELDS:
        raise SyntaxProblem("Too many fields")
    return None, b""


def identify(connection: Any, tag: bytes, _: None) -> None:
    """
    ID.
    """
    fields = connection._jmaSettings.serverID.items()
    words = [quote(word.encode("ascii")) for field in fields for word in field]
    answer = b"(" + b" ".join(words) + b")" if words else b"NIL"
    connection.sendUntaggedResponse(b"ID " + answer)
    connection.sendPositiveResponse(tag, b"ID completed")


ADDED.update(
    dict.fromkeys(
        (("unauth", b"ID"), ("auth", b"ID"), ("select", b"ID")),
        (b"ID", (identify, idFields)),
    )
)
