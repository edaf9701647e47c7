# -*- test-case-name: tests.imap.test_grammar -*-
"""
The grammar of IMAP commands (RFC 3501 and RFC 9051, section 9), as pure functions.

A L{SyntaxProblem} has a fixed sentence for the client: nothing that the client sent is in it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from twisted.mail.imap4 import IllegalClientResponse

_TAG = re.compile(rb"[!#$&',\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]+(?= |\Z)")
_COMMAND = re.compile(_TAG.pattern + rb" +([A-Za-z0-9.=_-]+)(?: |\Z)")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\0]|\\["\\])*)"(?: |\Z)')
#: ASTRING-CHAR, and the wildcards of LIST: servers that others wrote parse those as astrings too.
_ATOM = re.compile(rb'([^\x00-\x20\x7f-\xff(){"\\]+)(?: |\Z)')
_LITERAL = re.compile(rb"\{(\d{1,10})(\+?)\}\Z")
_ANNOUNCED = re.compile(rb"\{(\d{1,10})\+\}\Z")
_ESCAPED = re.compile(rb"\\(.)")


class SyntaxProblem(IllegalClientResponse):
    """
    A command that breaks the grammar: C{BAD}, with this text, which is safe to show.
    """


class Literal(NamedTuple):
    """
    The announcement of a literal (RFC 3501, section 4.3; RFC 7888).

    @ivar size: in octets.
    @ivar synchronizing: whether the client waits for a continuation request.
    """

    size: int
    synchronizing: bool


def commandName(line: bytes) -> bytes:
    """
    @return: the name of the command of a line that starts with a tag and a name.

    @raise SyntaxProblem: for any other.
    """
    match = _COMMAND.match(line)
    if match is not None:
        return match[1]
    if tagOf(line) is None:
        raise SyntaxProblem("Illegal tag")
    raise SyntaxProblem("Illegal command" if line.split(None, 1)[1:] else "Missing command")


def tagOf(line: bytes) -> bytes | None:
    """
    @return: the tag of a line (C{1*<any ASTRING-CHAR except "+">}), or L{None} for what is none.
    """
    match = _TAG.match(line)
    return None if match is None else match[0]


def announcedLiteral(line: bytes) -> int | None:
    """
    @return: the size of the non-synchronizing literal that follows this line whether the server
        wants it or not, or L{None}.
    """
    match = _ANNOUNCED.search(line)
    return None if match is None else int(match[1])


def parseLiteral(text: bytes) -> Literal:
    """
    @raise SyntaxProblem: unless C{text} is C{{n}} or C{{n+}}.
    """
    match = _LITERAL.match(text)
    if match is None:
        raise SyntaxProblem("Malformed literal")
    return Literal(int(match[1]), not match[2])


def parseString(text: bytes) -> tuple[bytes, bytes] | None:
    """
    Parse an astring that is not a literal from the start of C{text}.

    @return: its value and what follows the space after it, or L{None} when a
        literal stands there.
    """
    if text[:1] == b"{":
        return None
    if text[:1] == b'"':
        match = _QUOTED.match(text)
        if match is None:
            raise SyntaxProblem("Malformed quoted string")
        value = match[1]
        if b"\\" in value:
            value = _ESCAPED.sub(rb"\1", value)
        return value, text[match.end() :]
    if not text:
        raise SyntaxProblem("Missing argument")
    match = _ATOM.match(text)
    if match is None:
        raise SyntaxProblem("Malformed argument")
    return match[1], text[match.end() :]


def quote(text: bytes) -> bytes:
    """
    @return: C{text} as a quoted string, with IMAP's escapes (RFC 3501, section 4.3).

    @raise ValueError: for what no quoted string can hold.
    """
    if re.search(rb"[\x00-\x1f\x7f-\xff]", text):
        raise ValueError("a quoted string may contain only visible ASCII and spaces")
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
