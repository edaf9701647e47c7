# -*- test-case-name: tests.imap.test_searchcommand -*-
"""
Whether a message matches a search key (RFC 3501, section 6.4.4). Which texts a message has, and
how they are compared, is the same for every protocol (L{txjmapaccess.message.searchable}).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from txjmapaccess.imap.commands.searchkeys import Key
from txjmapaccess.imap.sequenceset import parseSequenceSet
from txjmapaccess.message.dates import dayOf
from txjmapaccess.message.headerdict import rawFields
from txjmapaccess.message.headers import fieldOctets
from txjmapaccess.message.searchable import SearchableMessage, fieldText
from txjmapaccess.store.messageset import membership


class ContentNeeded(Exception):
    """
    A test needs the octets of the message.
    """


@dataclass
class Candidate:
    """
    A message that a search looks at.

    @ivar sequence: its sequence number.
    @ivar emailID: its EMAILID, when the search asks for one, otherwise anything.
    @ivar threadID: likewise.
    @ivar octets: the whole message, when a test needs it.
    """

    sequence: int
    message: Any
    emailID: str | None = None
    threadID: str | None = None
    octets: bytes | None = None

    @cached_property
    def texts(self) -> SearchableMessage:
        """
        What can be found in it.

        @raise ContentNeeded: when the message must be read first.
        """
        if self.octets is None:
            raise ContentNeeded()
        return SearchableMessage(self.octets)


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
            _text(field).lower() == name and wanted in fieldText(fieldOctets(value))
            for field, value in rawFields(fields)
        )

    return test


def _body(wanted: str) -> Test:
    return lambda candidate: wanted in candidate.texts.body


def _whole(wanted: str) -> Test:
    return lambda c: wanted in c.texts.header or wanted in c.texts.body


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
