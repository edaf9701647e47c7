# -*- test-case-name: tests.message.test_headers -*-
"""
Header fields (RFC 5322, section 2.2), cut out of a message as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.header import Header, decode_header
from typing import Any, NamedTuple

_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_FIELDS = re.compile(rb"^([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE)
_BLANK_FIRST = re.compile(rb"\r?\n")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Field(NamedTuple):
    """
    A header field.

    @ivar name: as it is written.
    @ivar raw: what follows the colon, folded as it stands, without the line end behind it.
    """

    name: str
    raw: bytes

    @property
    def value(self) -> bytes:
        """
        The value without the blank that stands behind the colon, folded with CRLF.
        """
        raw = self.raw
        value = raw[1:] if raw.startswith((b" ", b"\t")) else raw
        return value.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") if b"\n" in value else value


def splitFields(block: bytes) -> list[Field]:
    """
    @param block: a header, with any line ends.

    @return: its fields in order. Lines that are no fields (mbox's C{From } line) are left out, and
        with them what continues them.
    """
    make, kind = tuple.__new__, Field  # Half the time of Field(...).
    return [
        make(kind, (name.decode("ascii"), raw[:-1] if raw.endswith(b"\r") else raw))
        for name, raw in _FIELDS.findall(block.removeprefix(_BYTE_ORDER_MARK))
    ]


def endOfHeader(data: bytes, start: int = 0, end: int | None = None) -> int | None:
    """
    @return: where the body begins, behind the blank line, or L{None} when there is no blank line
        between C{start} and C{end}.
    """
    stop = len(data) if end is None else end
    blank = _BLANK_FIRST.match(data, start, stop) or _BLANK_LINE.search(data, start, stop)
    return blank.end() if blank else None


def endOfFields(data: bytes, start: int, end: int) -> int:
    """
    @return: where a header ends that no blank line ends: before the first line that cannot be in
        one.
    """
    position = start
    while position < end:
        line = data[position : (data.find(b"\n", position, end) + 1) or end]
        continues = position > start and line[:1] in (b" ", b"\t")
        if not (continues or _FIELD.match(line) or line.startswith((b"From ", b">From "))):
            return position
        position += len(line)
    return end


def firstValue(fields: Iterable[Field], name: str) -> bytes | None:
    """
    @param name: in lower case.

    @return: the first value of this field, or L{None}.
    """
    return next((field.value for field in fields if field.name.lower() == name), None)


def rawText(raw: bytes) -> str:
    """
    @return: a value as text, with its folding: octets that are not UTF-8 become U+FFFD, NUL is
        left out (RFC 8621, section 4.1.2.1).
    """
    return raw.replace(b"\0", b"").decode("utf-8", "replace")


def unfolded(text: str) -> str:
    """
    @return: a value on one line (RFC 5322, section 2.2.3).
    """
    return text.replace("\r", "").replace("\n", "")


def fieldOctets(value: Any) -> bytes:
    """
    @param value: the value of a header field, as any parser gives it.

    @return: the value as it is in the message.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, Header):  # What Python gives for octets that it does not know.
        return b"".join(
            text if isinstance(text, bytes) else text.encode("utf-8")
            for text, _ in decode_header(value)
        )
    text = str(value)
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # Surrogates that stand for no octets.
        return text.encode("utf-8", "replace")
