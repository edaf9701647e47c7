# -*- test-case-name: tests.jmap.test_emailquery -*-
"""
The filters of Email/query (RFC 8620, section 5.5; RFC 8621, section 4.4.1). Pure functions over a
L{AccountSnapshot}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from txjmapaccess.jmap.accountsnapshot import AccountSnapshot, Email
from txjmapaccess.jmap.errors import invalidArguments
from txjmapaccess.message.dates import parseUTCDate

Condition = Callable[[Email], bool]

#: Makes a condition from its name, its value, and whether it is negated.
InMessage = Callable[[str, Any, bool], Condition]


def compileFilter(
    value: Any,
    snapshot: AccountSnapshot,
    inMessage: InMessage,
    isNegated: bool = False,
    depth: int = 20,
) -> Condition:
    """
    @param value: a FilterOperator, a FilterCondition or L{None}.
    @param inMessage: makes the conditions that look into messages.
    @param isNegated: whether what is compiled stands below an odd number of NOTs.
    @param depth: how many operators may stand in each other.

    @raise MethodError: C{invalidArguments}.
    """
    if value is None:
        return lambda email: True
    if not isinstance(value, dict):
        raise invalidArguments("filter is not an object")
    if "operator" in value:
        return _operator(value, snapshot, inMessage, isNegated, depth)
    conditions = [
        inMessage(name, wanted, isNegated)
        if name in IN_MESSAGE
        else _condition(name, wanted, snapshot)
        for name, wanted in value.items()
    ]
    return lambda email: all(condition(email) for condition in conditions)


def _operator(
    value: dict[str, Any],
    snapshot: AccountSnapshot,
    inMessage: InMessage,
    isNegated: bool,
    depth: int,
) -> Condition:
    operator, members = value["operator"], value.get("conditions")
    if depth == 0 or not isinstance(members, list) or None in members:
        raise invalidArguments("filter has no list of conditions, or too many in each other")
    below = isNegated != (operator == "NOT")
    conditions = [
        compileFilter(member, snapshot, inMessage, below, depth - 1) for member in members
    ]
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
        return parseUTCDate(value)
    except (AttributeError, ValueError, OverflowError):
        raise invalidArguments("a date is not a UTCDate") from None


#: Conditions by name: how the value is checked, and how an Email is.
_CONDITIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Email, Any], bool]]] = {
    "inMailboxOtherThan": (_ids, lambda email, ids: bool(email.mailboxIDs - ids)),
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

#: Conditions that look into messages.
IN_MESSAGE = frozenset(
    ("hasAttachment", "text", "from", "to", "cc", "bcc", "subject", "body", "header")
)


def keywordCondition(name: str, value: Any, snapshot: AccountSnapshot) -> Condition:
    """
    @param name: C{hasKeyword}, or one that goes over Threads.
    """
    return _condition(name, value, snapshot)


def _condition(name: str, value: Any, snapshot: AccountSnapshot) -> Condition:
    if name == "inMailbox":
        if not isinstance(value, str):
            raise invalidArguments("inMailbox is not an id")
        return lambda email: value in email.mailboxIDs
    if name in _IN_THREAD:
        return _threadCondition(_IN_THREAD[name], _keyword(value), snapshot)
    if name not in _CONDITIONS:
        raise invalidArguments(f"there is no filter condition {name}")
    check, matches = _CONDITIONS[name]
    wanted = check(value)
    return lambda email: matches(email, wanted)


def _threadCondition(
    quantity: Callable[[Iterable[bool]], bool], keyword: str, snapshot: AccountSnapshot
) -> Condition:
    matching = {
        threadID
        for threadID, emails in snapshot.threads.items()
        if quantity(keyword in email.keywords for email in emails)
    }
    return lambda email: email.threadID in matching
