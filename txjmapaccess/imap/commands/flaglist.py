# -*- test-case-name: tests.imap.test_messagecommands -*-
"""
The arguments of APPEND and STORE (RFC 3501, section 9), in the form in which Twisted's parsers give
them: flags and dates are L{bytes}.
"""

from __future__ import annotations

import re

from txjmapaccess.imap.grammar import SyntaxProblem
from txjmapaccess.message.dates import isIMAPDateTime

_FLAG = rb'\\?[^\x00-\x20\x7f-\xff(){%*"\\\]]+'
_FLAGS = _FLAG + rb"(?: " + _FLAG + rb")*"
_LIST = re.compile(rb"\((" + _FLAGS + rb")?\)(?: |\Z)")
_BARE = re.compile(rb"(" + _FLAGS + rb")\Z")
_QUOTED = re.compile(rb'"([^"\\\x00-\x1f\x7f-\xff]{1,100})" ')


def optionalFlags(server: object, line: bytes) -> tuple[list[bytes], bytes]:
    """
    The flags of APPEND, which may be left out.
    """
    if line[:1] != b"(":
        return [], line
    match = _LIST.match(line)
    if match is None:
        raise SyntaxProblem("Malformed list of flags")
    return (match[1] or b"").split(), line[match.end() :]


def optionalDate(server: object, line: bytes) -> tuple[bytes | None, bytes]:
    """
    The date and time of APPEND, which may be left out. Twisted's own client sends whatever its
    user gives it, so the form of RFC 5322 is good too.
    """
    if line[:1] != b'"':
        return None, line
    match = _QUOTED.match(line)
    if match is None or not isIMAPDateTime(match[1].decode("ascii")):
        raise SyntaxProblem("Malformed date and time")
    return match[1], line[match.end() :]


def storedFlags(server: object, line: bytes) -> tuple[list[bytes], bytes]:
    """
    The flags of STORE, with or without parentheses.
    """
    line = line.rstrip(b" ")
    match = _LIST.fullmatch(line) or _BARE.match(line)
    if match is None:
        raise SyntaxProblem("Malformed list of flags")
    return (match[1] or b"").split(), b""
