# -*- test-case-name: tests.test_jmap_query -*-
"""
Email/query and Mailbox/query (RFC 8620, section 5.5; RFC 8621, sections 2.3 and 4.4): filter, sort,
window. Pure functions over a L{Snapshot}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from typing import Any

from txjmapaccess.jmap.problems import MethodProblem, invalidArguments
from txjmapaccess.jmap.session import EMAIL_SORT
from txjmapaccess.jmap.snapshot import Email, Snapshot

Condition = Callable[[Email], bool]

_DEEPEST = 20


def compileFilter(value: Any, snapshot: Snapshot, depth: int = _DEEPEST) -> Condition:
    """
    @param value: a FilterOperator, a FilterCondition or L{None}.

    @raise MethodProblem: C{invalidArguments}, or C{unsupportedFilter} for the conditions that look
        into messages.
    """
    if value is None:
        return lambda email: True
    if not isinstance(value, dict):
        raise invalidArguments("filter is not an object")
    if "operator" in value:
        return _operator(value, snapshot, depth)
    conditions = [_condition(name, wanted, snapshot) for name, wanted in value.items()]
    return lambda email: all(condition(email) for condition in conditions)


def _operator(value: dict[str, Any], snapshot: Snapshot, depth: int) -> Condition:
    operator, members = value["operator"], value.get("conditions")
    if depth == 0 or not isinstance(members, list) or None in members:
        raise invalidArguments("filter has no list of conditions, or too many in each other")
    conditions = [compileFilter(member, snapshot, depth - 1) for member in members]
    if operator == "AND":
        return lambda email: all(condition(email) for condition in conditions)
    if operator == "OR":
        return lambda email: any(condition(email) for condition in conditions)
    if operator == "NOT":
        return lambda email: not any(condition(email) for condition in conditions)
    raise invalidArguments("the operator of a filter is AND, OR or NOT")


def _keyword(value: Any) -> str:
    if not isinstance(value, str):
        raise invalidArguments("a keyword is not a string")
    return value.lower()


def _number(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise invalidArguments("a size is not an unsigned number")


def _ids(value: Any) -> frozenset[str]:
    if isinstance(value, list) and all(isinstance(member, str) for member in value):
        return frozenset(value)
    raise invalidArguments("a list of ids is needed")


def _date(value: Any) -> float:
    """
    A UTCDate (RFC 8620, section 1.4) in seconds since the epoch.
    """
    try:
        text = value.removesuffix("Z")
        if text == value:
            raise ValueError("not in UTC")
        return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()
    except (AttributeError, ValueError, OverflowError):
        raise invalidArguments("a date is not a UTCDate") from None


#: Conditions by name: how the value is checked, and how an Email is.
_CONDITIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Email, Any], bool]]] = {
    "inMailboxOtherThan": (_ids, lambda email, ids: bool(email.folderIDs - ids)),
    "before": (_date, lambda email, date: email.receivedAt < date),
    "after": (_date, lambda email, date: email.receivedAt >= date),
    "minSize": (_number, lambda email, size: email.size >= size),
    "maxSize": (_number, lambda email, size: email.size < size),
    "hasKeyword": (_keyword, lambda email, keyword: keyword in email.keywords),
    "notKeyword": (_keyword, lambda email, keyword: keyword not in email.keywords),
}

#: How many of a Thread's Emails must have a keyword.
_IN_THREAD: dict[str, Callable[[Iterable[bool]], bool]] = {
    "allInThreadHaveKeyword": all,
    "someInThreadHaveKeyword": any,
    "noneInThreadHaveKeyword": lambda found: not any(found),
}

_IN_MESSAGE = frozenset(
    ("hasAttachment", "text", "from", "to", "cc", "bcc", "subject", "body", "header")
)


def _condition(name: str, value: Any, snapshot: Snapshot) -> Condition:
    if name == "inMailbox":
        if not isinstance(value, str):
            raise invalidArguments("inMailbox is not an id")
        return lambda email: value in email.folderIDs
    if name in _IN_THREAD:
        return _threadCondition(_IN_THREAD[name], _keyword(value), snapshot)
    if name in _IN_MESSAGE:
        raise MethodProblem("unsupportedFilter")
    if name not in _CONDITIONS:
        raise invalidArguments(f"there is no filter condition {name}")
    check, matches = _CONDITIONS[name]
    wanted = check(value)
    return lambda email: matches(email, wanted)


def _threadCondition(
    quantity: Callable[[Iterable[bool]], bool], keyword: str, snapshot: Snapshot
) -> Condition:
    matching = {
        threadID
        for threadID, emails in snapshot.threads.items()
        if quantity(keyword in email.keywords for email in emails)
    }
    return lambda email: email.threadID in matching


def sortEmails(emails: Iterable[Email], comparators: Any, snapshot: Snapshot) -> list[Email]:
    """
    @param comparators: a list of Comparators or L{None}. Whatever they leave open goes by date, the
        latest first.

    @raise MethodProblem: C{invalidArguments} or C{unsupportedSort}.
    """
    ordered = sorted(emails, key=lambda email: (-email.receivedAt, email.id))
    if comparators is not None and not isinstance(comparators, list):
        raise invalidArguments("sort is not a list")
    keys = [_comparator(comparator, snapshot) for comparator in comparators or ()]
    for key, isAscending in reversed(keys):
        ordered.sort(key=key, reverse=not isAscending)
    return ordered


def _comparator(value: Any, snapshot: Snapshot) -> tuple[Callable[[Email], Any], bool]:
    if not isinstance(value, dict) or not isinstance(value.get("property"), str):
        raise invalidArguments("a comparator has no property")
    isAscending = value.get("isAscending", True)
    if not isinstance(isAscending, bool):
        raise invalidArguments("isAscending is true or false")
    name = value["property"]
    if name not in EMAIL_SORT:
        raise MethodProblem("unsupportedSort")
    if name == "receivedAt":
        return lambda email: email.receivedAt, isAscending
    if name == "size":
        return lambda email: email.size, isAscending
    return _condition(name, value.get("keyword"), snapshot), isAscending


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

    @raise MethodProblem: C{invalidArguments} or C{anchorNotFound}.
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
        raise MethodProblem("anchorNotFound")
    return max(0, ids.index(anchor) + offset)
