# -*- test-case-name: tests.maildir.test_mailbox -*-
"""
Message sets, and the messages that FETCH gets for one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar, overload

from txjmapaccess.maildir.snapshot import Entry

_T = TypeVar("_T")


def positions(messages: Any, uid: bool | int, entries: Sequence[Entry]) -> list[int]:
    """
    @param messages: a L{twisted.mail.imap4.MessageSet}, whose C{last} may be set or not.
    @param uid: whether it has UIDs.

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


def _uidOf(entry: Entry) -> int:
    return entry.uid


def _setLast(messages: Any, last: int) -> None:
    with suppress(ValueError):  # It is set already.
        messages.last = last


class Numbered(Sequence[tuple[int, _T]], Generic[_T]):
    """
    Messages with their sequence numbers, each made when it is asked for: what a message has read
    of its file is not kept longer than the message is used.

    @param where: positions in C{entries}.
    @param entries: those of a mailbox.
    @param make: makes a message of an entry.
    """

    def __init__(
        self, where: Sequence[int], entries: Sequence[Entry], make: Callable[[Entry], _T]
    ) -> None:
        self._where = where
        self._entries = entries
        self._make = make

    def __len__(self) -> int:
        return len(self._where)

    @overload
    def __getitem__(self, index: int) -> tuple[int, _T]: ...

    @overload
    def __getitem__(self, index: slice) -> Numbered[_T]: ...

    def __getitem__(self, index: int | slice) -> tuple[int, _T] | Numbered[_T]:
        if isinstance(index, slice):
            return Numbered(self._where[index], self._entries, self._make)
        where = self._where[index]
        return where + 1, self._make(self._entries[where])

    def __iter__(self) -> Iterator[tuple[int, _T]]:
        entries, make = self._entries, self._make
        return ((where + 1, make(entries[where])) for where in self._where)
