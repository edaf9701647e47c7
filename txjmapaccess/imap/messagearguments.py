# -*- test-case-name: tests.imap.test_messagecommands -*-
"""
The arguments of APPEND and STORE (RFC 3501, section 9), in the form in which Twisted's parsers give
them: flags and dates are L{bytes}.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_tz

from txjmapaccess.imap.grammar import SyntaxProblem

_FLAG = rb'\\?[^\x00-\x20\x7f-\xff(){%*"\\\]]+'
_FLAGS = _FLAG + rb"(?: " + _FLAG + rb")*"
_LIST = re.compile(rb"\((" + _FLAGS + rb")?\)(?: |\Z)")
_BARE = re.compile(rb"(" + _FLAGS + rb")\Z")
_QUOTED = re.compile(rb'"([^"\\\x00-\x1f\x7f-\xff]{1,100})" ')
_DATE = re.compile(
    r"(?: \d|\d\d)-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d{4}"
    r" \d\d:\d\d:\d\d [+-]\d{4}\Z",
    re.IGNORECASE,
)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


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
    if match is None or not _isDate(match[1].decode("ascii")):
        raise SyntaxProblem("Malformed date and time")
    return match[1], line[match.end() :]


def _isDate(text: str) -> bool:
    if _DATE.match(text) is None:
        return parsedate_tz(text) is not None
    day, month, year = text[:11].split("-")
    hour, minute, second = text[12:20].split(":")
    try:
        # A leap second is one that datetime does not know.
        datetime(
            int(year),
            _MONTHS.index(month.lower()) + 1,
            int(day),
            int(hour),
            int(minute),
            min(int(second), 59) if int(second) <= 60 else 99,
        )
    except ValueError:
        return False
    return int(text[22:24]) < 24 and int(text[24:26]) < 60


def storedFlags(server: object, line: bytes) -> tuple[list[bytes], bytes]:
    """
    The flags of STORE, with or without parentheses.
    """
    line = line.rstrip(b" ")
    match = _LIST.fullmatch(line) or _BARE.match(line)
    if match is None:
        raise SyntaxProblem("Malformed list of flags")
    return (match[1] or b"").split(), b""
