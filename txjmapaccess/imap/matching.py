# -*- test-case-name: tests.imap.test_searchcommand -*-
"""
Whether a message matches a search key (RFC 3501, section 6.4.4). Texts are compared without regard
to the case of letters, after the decoding of headers (RFC 2047) and of the text parts of a body.
"""

from __future__ import annotations

import base64
import quopri
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import parsedate_tz
from typing import Any

from twisted.mail.imap4 import subparts

from txjmapaccess.imap.searchkeys import Key
from txjmapaccess.imap.sequenceset import parseSequenceSet
from txjmapaccess.store.messageset import membership

_DEEPEST = 20


@dataclass
class Candidate:
    """
    A message that a search looks at.

    @ivar sequence: its sequence number.
    @ivar emailID: its EMAILID, when the search asks for one, otherwise anything.
    @ivar threadID: likewise.
    """

    sequence: int
    message: Any
    emailID: str | None = None
    threadID: str | None = None


Test = Callable[[Candidate], bool]


def compileKey(key: Key, lastSequence: int, lastUID: int) -> Test:
    """
    @param lastSequence: what C{*} is as a sequence number.
    @param lastUID: what C{*} is as a UID.

    @return: a function that says whether a L{Candidate} matches.
    """
    if key.name in ("AND", "OR"):
        # What costs least first.
        inner = sorted(key.value, key=_cost)
        tests = [compileKey(part, lastSequence, lastUID) for part in inner]
        joined = all if key.name == "AND" else any
        return lambda candidate: joined(test(candidate) for test in tests)
    if key.name == "NOT":
        test = compileKey(key.value[0], lastSequence, lastUID)
        return lambda candidate: not test(candidate)
    if key.name == "SEQUENCE":
        isInSequences = membership(parseSequenceSet(key.value), lastSequence)
        return lambda candidate: isInSequences(candidate.sequence)
    if key.name == "UID":
        isInUIDs = membership(parseSequenceSet(key.value), lastUID)
        return lambda candidate: isInUIDs(candidate.message.getUID())
    make: Callable[[Any], Test] = _TESTS[key.name]
    return make(key.value)


def _cost(key: Key) -> int:
    if key.name in ("AND", "OR", "NOT"):
        return max(_cost(part) for part in key.value)
    return {"HEADER": 1, "BODY": 3, "TEXT": 3}.get(key.name, 1 if "SENT" in key.name else 0)


def _flag(flag: str) -> Test:
    return lambda c: any(_text(name).lower() == flag for name in c.message.getFlags())


def _header(value: tuple[str, str]) -> Test:
    name, wanted = value

    def test(candidate: Candidate) -> bool:
        fields = candidate.message.getHeaders(False, name)
        return any(
            field.lower() == name and wanted in decodeHeader(text) for field, text in fields.items()
        )

    return test


def _body(wanted: str) -> Test:
    return lambda c: any(wanted in text for text in texts(c.message))


def _whole(wanted: str) -> Test:
    def test(candidate: Candidate) -> bool:
        fields = candidate.message.getHeaders(True)
        if any(wanted in decodeHeader(f"{name}: {text}") for name, text in fields.items()):
            return True
        return any(wanted in text for text in texts(candidate.message))

    return test


def _internalDate(compare: Callable[[date, date], bool]) -> Callable[[date], Test]:
    def make(wanted: date) -> Test:
        def test(candidate: Candidate) -> bool:
            day = dayOf(candidate.message.getInternalDate())
            return day is not None and compare(day, wanted)

        return test

    return make


def _sent(compare: Callable[[date, date], bool]) -> Callable[[date], Test]:
    def make(wanted: date) -> Test:
        def test(candidate: Candidate) -> bool:
            fields = candidate.message.getHeaders(False, "date")
            day = dayOf(fields.get("date"))
            return day is not None and compare(day, wanted)

        return test

    return make


_TESTS: dict[str, Callable[[Any], Test]] = {
    "ALL": lambda _: lambda candidate: True,
    "AMONG": lambda uids: lambda c: c.message.getUID() in uids,
    "FLAG": _flag,
    "HEADER": _header,
    "BODY": _body,
    "TEXT": _whole,
    "LARGER": lambda octets: lambda c: c.message.getSize() > octets,
    "SMALLER": lambda octets: lambda c: c.message.getSize() < octets,
    "BEFORE": _internalDate(date.__lt__),
    "ON": _internalDate(date.__eq__),
    "SINCE": _internalDate(date.__ge__),
    "SENTBEFORE": _sent(date.__lt__),
    "SENTON": _sent(date.__eq__),
    "SENTSINCE": _sent(date.__ge__),
    "EMAILID": lambda wanted: lambda c: c.emailID == wanted,
    "THREADID": lambda wanted: lambda c: c.threadID == wanted,
}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def dayOf(value: str | bytes | None) -> date | None:
    """
    @param value: a date and time in the form of RFC 5322.

    @return: the day as it is written there, whatever the time zone.
    """
    parsed = parsedate_tz(_text(value or ""))
    try:
        return None if parsed is None else date(*parsed[:3])
    except ValueError:
        return None


def decodeHeader(value: str | bytes) -> str:
    """
    @return: the text of a header field, for comparison.
    """
    text = "".join(_text(value).splitlines())
    if "=?" in text:
        # What cannot be decoded is compared as it stands.
        with suppress(LookupError, ValueError, HeaderParseError):
            text = str(make_header(decode_header(text)))
    return text.casefold()


def texts(part: Any, depth: int = 0) -> Iterator[str]:
    """
    @return: the text parts of a message, for comparison.
    """
    if part.isMultipart():
        if depth < _DEEPEST:
            for sub in subparts(part):
                yield from texts(sub, depth + 1)
        return
    fields = part.getHeaders(False, "content-type", "content-transfer-encoding")
    kind = _text(fields.get("content-type") or "text/plain").lower()
    if kind.startswith(("text/", "message/")):
        data = part.getBodyFile().read()
        yield _decodeText(data, kind, fields.get("content-transfer-encoding")).casefold()


def _decodeText(data: bytes, kind: str, encoding: str | None) -> str:
    how = _text(encoding or "").strip().lower()
    if how == "quoted-printable":
        data = quopri.decodestring(data)
    elif how == "base64":
        with suppress(ValueError):
            data = base64.b64decode(data)
    charset = kind.partition("charset=")[2].partition(";")[0].strip(" \t\r\n\"'") or "utf-8"
    try:
        return data.decode(charset, "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")
