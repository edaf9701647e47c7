# -*- test-case-name: tests.store.test_messageset -*-
"""
Message sets (L{twisted.mail.imap4.MessageSet}), and the messages of a mailbox that are in one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar, overload

from twisted.mail.imap4 import MessageSet

_T = TypeVar("_T")


def messageSet(ranges: Iterable[tuple[int | None, int | None]]) -> MessageSet:
    """
    @param ranges: the first and the last number of each, with L{None} for C{*} as the greatest.
    """
    return MessageSet(list(ranges))


def since(number: int) -> MessageSet:
    """
    @return: C{number} and all above it. The greatest one is among them, even where it is below.
    """
    return messageSet([(number, None)])


def bounded(messages: MessageSet, greatest: int) -> MessageSet:
    """
    @param messages: in which C{*} is still open.

    @return: the same messages of a mailbox in which no number is greater than C{greatest}. Some
        mailboxes go through all numbers of a set, and a client can name four thousand million.
    """
    ranges: list[tuple[int | None, int | None]] = []
    for low, high in messages.ranges:
        if high is None:
            # * is there, even when what is before it is beyond it.
            ranges.append((None if low is None or low > greatest else low, None))
        elif low <= greatest:
            ranges.append((low, min(high, greatest)))
    return messageSet(ranges)


def membership(messages: MessageSet, last: int) -> Callable[[int], bool]:
    """
    @param last: what C{*} is.

    @return: whether a number is in C{messages}, quickly.
    """
    _setLast(messages, last)
    lows = [low for low, _ in messages.ranges]
    highs = [high for _, high in messages.ranges]

    def isIn(number: int) -> bool:
        place = bisect_right(lows, number) - 1
        return place >= 0 and number <= highs[place]

    return isIn


def _setLast(messages: Any, last: int) -> None:
    with suppress(ValueError):  # It is set already.
        messages.last = last


class HasUID(Protocol):
    """
    What a mailbox knows of a message.
    """

    @property
    def uid(self) -> int: ...


_Entry = TypeVar("_Entry", bound=HasUID)


def positions(messages: Any, uid: bool | int, entries: Sequence[HasUID]) -> list[int]:
    """
    @param messages: a L{MessageSet}, whose C{last} may be set or not.
    @param uid: whether it has UIDs.
    @param entries: those of a mailbox, by UID.

    @return: where in C{entries} its messages are, ascending. What is not there is left out.
    """
    highest = (entries[-1].uid if uid else len(entries)) if entries else 0
    _setLast(messages, highest)
    found: list[int] = []
    for low, high in messages.ranges:
        if uid:
            first = bisect_left(entries, low, key=_uidOf)
            found.extend(range(first, bisect_right(entries, high, key=_uidOf)))
        else:
            found.extend(range(max(low, 1) - 1, min(high, len(entries))))
    return found


def _uidOf(entry: HasUID) -> int:
    return entry.uid


class Numbered(Sequence[tuple[int, _T]], Generic[_T, _Entry]):
    """
    Messages with their sequence numbers, each made when it is asked for: what a message has read
    of its file is not kept longer than the message is used.

    @param where: positions in C{entries}.
    @param entries: those of a mailbox.
    @param make: makes a message of an entry.
    """

    def __init__(
        self, where: Sequence[int], entries: Sequence[_Entry], make: Callable[[_Entry], _T]
    ) -> None:
        self._where = where
        self._entries = entries
        self._make = make

    def __len__(self) -> int:
        return len(self._where)

    @overload
    def __getitem__(self, index: int) -> tuple[int, _T]: ...

    @overload
    def __getitem__(self, index: slice) -> Numbered[_T, _Entry]: ...

    def __getitem__(self, index: int | slice) -> tuple[int, _T] | Numbered[_T, _Entry]:
        if isinstance(index, slice):
            return Numbered(self._where[index], self._entries, self._make)
        where = self._where[index]
        return where + 1, self._make(self._entries[where])

    def __iter__(self) -> Iterator[tuple[int, _T]]:
        entries, make = self._entries, self._make
        return ((where + 1, make(entries[where])) for where in self._where)
