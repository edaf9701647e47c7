# -*- test-case-name: tests.test_searchcommand -*-
"""
Sets of messages (RFC 3501, section 9: sequence-set).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from twisted.mail.imap4 import MessageSet, parseIdList

from txjmapaccess.grammar import SyntaxProblem

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
    @raise SyntaxProblem: for what is no sequence set.
    """
    if _SET.match(text) is None:
        raise SyntaxProblem("Malformed sequence set")
    # *:* is *, but Twisted does not take it.
    parsed: MessageSet = parseIdList(text.replace(b"*:*", b"*"))
    return parsed


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
