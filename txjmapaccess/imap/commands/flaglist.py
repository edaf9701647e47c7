# -*- test-case-name: tests.imap.test_messagecommands -*-
"""
The flags of APPEND and STORE (RFC 3501, section 9), as L{bytes}, like those of Twisted's parsers.
"""

from __future__ import annotations

import re

from txjmapaccess.imap.grammar import SyntaxProblem

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
