# -*- test-case-name: tests.imap.test_searchcommand -*-
"""
Sets of messages (RFC 3501, section 9: sequence-set).
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable

from twisted.mail.imap4 import MessageSet

from txjmapaccess.imap.grammar import SyntaxProblem

_NUMBER = rb"(?:[1-9]\d{0,9}|\*)"
_RANGE = _NUMBER + rb"(?::" + _NUMBER + rb")?"
_SET = re.compile(_RANGE + rb"(?:," + _RANGE + rb")*\Z")


def sequenceSet(server: object, line: bytes) -> tuple[MessageSet, bytes]:
    """
    A sequence set (RFC 3501, section 9). C{*} is left open, for the mailbox to fill in.
    """
    text, _, rest = line.partition(b" ")
    return parseSequenceSet(text), rest


def parseSequenceSet(text: bytes) -> MessageSet:
    """
    What Twisted's C{parseIdList} does, in less time: that takes seconds for one long line.

    @raise SyntaxProblem: for what is no sequence set.
    """
    if _SET.match(text) is None:
        raise SyntaxProblem("Malformed sequence set")
    return messageSet(_range(part) for part in text.split(b","))


def _range(text: bytes) -> tuple[int | None, int | None]:
    low, _, high = text.partition(b":")
    numbers = sorted(math.inf if n == b"*" else int(n) for n in (low, high or low))
    first, last = (None if n == math.inf else int(n) for n in numbers)
    return first, last


def messageSet(ranges: Iterable[tuple[int | None, int | None]]) -> MessageSet:
    """
    @param ranges: the first and the last number of each, with L{None} for C{*} as the greatest.
    """
    return MessageSet(list(ranges))


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


def membership(text: bytes, last: int) -> Callable[[int], bool]:
    """
    @param text: a sequence set.
    @param last: what C{*} is.

    @return: whether a number is in it, quickly.
    """
    messages = parseSequenceSet(text)
    messages.last = last
    lows = [low for low, _ in messages.ranges]
    highs = [high for _, high in messages.ranges]

    def isIn(number: int) -> bool:
        place = bisect_right(lows, number) - 1
        return place >= 0 and number <= highs[place]

    return isIn


def uidSet(uids: Iterable[int]) -> bytes:
    """
    @return: UIDs as COPYUID has them: in their order, runs as ranges.
    """
    runs: list[list[int]] = []
    for uid in uids:
        if runs and runs[-1][1] + 1 == uid:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return b",".join(b"%d" % a if a == b else b"%d:%d" % (a, b) for a, b in runs)
