# -*- test-case-name: tests.imap.test_serializer -*-
"""
Arguments of commands: what Twisted's C{arg_} functions do, to the letter of the grammar.

Each takes the server and what is left of the line, and returns the value and what is left then,
or a Deferred of both, when the value is a literal.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.mail.imap4 import LiteralFile, LiteralString

from txjmapaccess.imap.grammar import SyntaxProblem, parseLiteral, parseString
from txjmapaccess.imap.literals import MOST_IN_STRING, receiveLiteral

#: Octets of a message in APPEND.
MOST_IN_MESSAGE = 128 * 1024 * 1024

Parsed = tuple[Any, bytes]


def astring(connection: Any, line: bytes) -> Parsed | Deferred[Parsed]:
    """
    An astring: an atom, a quoted string with its escapes undone, or a literal.
    """
    return parseString(line) or _literal(connection, line, LiteralString, MOST_IN_STRING)


def message(connection: Any, line: bytes) -> Parsed | Deferred[Parsed]:
    """
    The literal of APPEND, as an open file.
    """
    if not line:
        raise SyntaxProblem("Missing literal")
    return _literal(connection, line, LiteralFile, MOST_IN_MESSAGE)


def _literal(connection: Any, line: bytes, receiver: Any, most: int) -> Deferred[Parsed]:
    literal = parseLiteral(line)
    if literal.size > most:
        raise SyntaxProblem("Literal too long")
    received: Deferred[Parsed] = Deferred()
    received.addCallback(_withoutSpace)
    receiveLiteral(connection, literal, receiver(literal.size, received))
    return received


def _withoutSpace(parsed: Parsed) -> Parsed:
    value, rest = parsed
    if rest and not rest.startswith(b" "):
        raise SyntaxProblem("Missing space after a literal")
    return value, rest[1:]
