# -*- test-case-name: tests.imap.test_searchcommand -*-
"""
Sets of messages on the wire (RFC 3501, section 9: sequence-set; RFC 4315: uid-set).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from twisted.mail.imap4 import MessageSet

from txjmapaccess.imap.grammar import SyntaxProblem
from txjmapaccess.store.messageset import messageSet

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
