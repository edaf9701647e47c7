# -*- test-case-name: tests.imap.test_searchcommand -*-
"""
Literals, and arguments with literals anywhere among them: those of SEARCH and ID.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.defer import Deferred
from twisted.mail.imap4 import LiteralString

from txjmapaccess.imap.grammar import Literal, SyntaxProblem, parseLiteral

#: Octets of a literal that is kept in memory: a token of 48 KiB in the place of a password fits.
MOST_IN_STRING = 64 * 1024
#: Octets of all lines and literals of one command.
_MOST_IN_ALL = 2 * MOST_IN_STRING
_ANNOUNCEMENT = re.compile(rb"\{\d{1,10}\+?\}\Z")
_TOKEN = re.compile(
    rb' *(?:(?P<paren>[()])|"(?P<quoted>(?:[^"\\\r\n\0]|\\["\\])*)"(?=[ )]|\Z)'
    rb'|(?P<atom>[^\x00-\x20\x7f-\xff(){"\\]+|\\[A-Za-z]+)(?=[ ()]|\Z))'
)
_ESCAPED = re.compile(rb"\\(.)")


def receiveLiteral(connection: Any, literal: Literal, receiver: Any) -> None:
    """
    Read a literal.

    @param receiver: L{twisted.mail.imap4.LiteralString}, or what works like it.

    @raise SyntaxProblem: for one that is not synchronizing, where LITERAL+ is not offered.
    """
    if not (literal.synchronizing or b"LITERAL+" in connection._jmaSettings.offered):
        raise SyntaxProblem("Malformed literal")
    connection._jmaAnnounced = None
    connection.parseState = "pending"
    connection._pendingLiteral = receiver
    connection.setRawMode()
    if literal.synchronizing:
        connection.sendContinuationRequest(b"Ready for %d octets" % literal.size)
    else:
        connection._jmaTakeInput()


class DiscardedLiteral:
    """
    The counterpart of L{twisted.mail.imap4.LiteralString} for a literal that is discarded.
    """

    def __init__(self, size: int) -> None:
        self._missing = size

    def write(self, data: bytes) -> bytes | None:
        """
        @return: what follows the literal, or L{None} while it goes on.
        """
        taken = min(self._missing, len(data))
        self._missing -= taken
        return data[taken:] if self._missing == 0 else None


class String(bytes):
    """
    What was in a quoted string or a literal.
    """


class Parenthesis(bytes):
    """
    C{(} or C{)}.
    """


OPEN, CLOSE = Parenthesis(b"("), Parenthesis(b")")


def tokens(connection: Any, line: bytes) -> tuple[list[bytes], bytes] | Deferred[Any]:
    """
    The rest of a command, as L{String}s, L{Parenthesis} and atoms.

    @return: the tokens, or a Deferred of them when there are literals.
    """
    if _ANNOUNCEMENT.search(line) is None:
        return tokensIn(line), b""
    return Deferred.fromCoroutine(_withLiterals(connection, line))


async def _withLiterals(connection: Any, line: bytes) -> tuple[list[bytes], bytes]:
    found: list[bytes] = []
    octets = 0
    while (match := _ANNOUNCEMENT.search(line)) is not None:
        literal = parseLiteral(line[match.start() :])
        octets += len(line) + literal.size
        if octets > _MOST_IN_ALL:
            raise SyntaxProblem("Arguments too long")
        found += tokensIn(line[: match.start()])
        received: Deferred[tuple[bytes, bytes]] = Deferred()
        receiveLiteral(connection, literal, LiteralString(literal.size, received))
        value, line = await received
        found.append(String(value))
    return found + tokensIn(line), b""


def tokensIn(text: bytes) -> list[bytes]:
    """
    @raise SyntaxProblem: for what cannot be cut into tokens.
    """
    found: list[bytes] = []
    position, end = 0, len(text.rstrip(b" "))
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise SyntaxProblem("Malformed argument")
        position = match.end()
        if match["paren"]:
            found.append(OPEN if match["paren"] == b"(" else CLOSE)
        elif match["atom"]:
            found.append(match["atom"])
        else:
            found.append(String(_ESCAPED.sub(rb"\1", match["quoted"])))
    return found
