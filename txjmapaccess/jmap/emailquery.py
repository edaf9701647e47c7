# -*- test-case-name: tests.jmap.test_emailquery -*-
"""
Email/query (RFC 8620, section 5.5; RFC 8621, section 4.4): sort and window. Pure functions over a
L{AccountSnapshot}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from txjmapaccess.jmap.accountsnapshot import AccountSnapshot, Email
from txjmapaccess.jmap.emailfilter import keywordCondition
from txjmapaccess.jmap.errors import MethodError, invalidArguments
from txjmapaccess.jmap.sessionobject import EMAIL_SORT


def sortEmails(emails: Iterable[Email], comparators: Any, snapshot: AccountSnapshot) -> list[Email]:
    """
    @param comparators: a list of Comparators or L{None}. Whatever they leave open goes by date, the
        latest first.

    @raise MethodError: C{invalidArguments} or C{unsupportedSort}.
    """
    ordered = sorted(emails, key=lambda email: (-email.receivedAt, email.id))
    if comparators is not None and not isinstance(comparators, list):
        raise invalidArguments("sort is not a list")
    keys = [_comparator(comparator, snapshot) for comparator in comparators or ()]
    for key, isAscending in reversed(keys):
        ordered.sort(key=key, reverse=not isAscending)
    return ordered


def _comparator(value: Any, snapshot: AccountSnapshot) -> tuple[Callable[[Email], Any], bool]:
    if not isinstance(value, dict) or not isinstance(value.get("property"), str):
        raise invalidArguments("a comparator has no property")
    isAscending = value.get("isAscending", True)
    if not isinstance(isAscending, bool):
        raise invalidArguments("isAscending is true or false")
    name = value["property"]
    if name not in EMAIL_SORT:
        raise MethodError("unsupportedSort")
    if name == "receivedAt":
        return lambda email: email.receivedAt, isAscending
    if name == "size":
        return lambda email: email.size, isAscending
    return keywordCondition(name, value.get("keyword"), snapshot), isAscending


def collapseThreads(emails: Iterable[Email]) -> list[Email]:
    """
    @return: the first Email of each Thread (RFC 8621, section 4.4.3).
    """
    first: dict[str, Email] = {}
    for email in emails:
        first.setdefault(email.threadID, email)
    return list(first.values())


def window(ids: Sequence[str], arguments: dict[str, Any], most: int) -> dict[str, Any]:
    """
    @param arguments: C{position}, C{anchor}, C{anchorOffset}, C{limit}, C{calculateTotal}.
    @param most: how many ids are given at most.

    @return: C{position}, C{ids}, C{total} and C{limit} of the response.

    @raise MethodError: C{invalidArguments} or C{anchorNotFound}.
    """
    start = _start(ids, arguments)
    limit = arguments.get("limit")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 0):
        raise invalidArguments("limit is not an unsigned number")
    given = most if limit is None else min(limit, most)
    result: dict[str, Any] = {"position": start, "ids": list(ids[start : start + given])}
    if given != limit:
        result["limit"] = given
    if arguments.get("calculateTotal") is True:
        result["total"] = len(ids)
    return result


def _start(ids: Sequence[str], arguments: dict[str, Any]) -> int:
    anchor = arguments.get("anchor")
    offset = arguments.get("position" if anchor is None else "anchorOffset", 0)
    if not isinstance(offset, int) or isinstance(offset, bool):
        raise invalidArguments("position and anchorOffset are numbers")
    if anchor is None:
        return offset if offset >= 0 else max(0, len(ids) + offset)
    if anchor not in ids:
        raise MethodError("anchorNotFound")
    return max(0, ids.index(anchor) + offset)
