# -*- test-case-name: tests.jmap.test_emailmethods -*-
"""
Email/changes and Email/query (RFC 8621, sections 4.3 and 4.4). Pure functions over an
L{AccountSnapshot}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from txjmapaccess.jmap.accountsnapshot import AccountSnapshot, Email
from txjmapaccess.jmap.argumenttypes import boolean
from txjmapaccess.jmap.errors import MethodError, invalidArguments
from txjmapaccess.jmap.filterconditions import storedCondition
from txjmapaccess.jmap.sessionobject import EMAIL_SORT, stateOf
from txjmapaccess.jmap.standardmethods import changesResponse, queryResponse


def emailState(snapshot: AccountSnapshot) -> str:
    """
    @return: the state of all Emails.
    """
    return stateOf(
        [
            (email.id, sorted(email.mailboxIDs), sorted(email.keywords))
            for email in sorted(snapshot.emails.values(), key=lambda email: email.id)
        ]
    )


def emailChanges(snapshot: AccountSnapshot, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Email/changes (RFC 8621, section 4.3).
    """
    return changesResponse(emailState(snapshot), arguments)


def emailQuery(
    snapshot: AccountSnapshot, arguments: dict[str, Any], found: list[Email]
) -> dict[str, Any]:
    """
    Email/query (RFC 8621, section 4.4).

    @param found: the Emails that the filter matches.
    """
    emails = sortEmails(found, arguments.get("sort"), snapshot)
    if arguments.get("collapseThreads", False):
        emails = collapseThreads(emails)
    return queryResponse([email.id for email in emails], arguments)


def sortEmails(emails: Iterable[Email], comparators: Any, snapshot: AccountSnapshot) -> list[Email]:
    """
    @param comparators: a list of Comparators or L{None}. Emails that are equal by them are sorted
        by date, the latest first.

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
    isAscending = boolean(value.get("isAscending", True), "isAscending")
    name = value["property"]
    if name not in EMAIL_SORT:
        raise MethodError("unsupportedSort")
    if name == "receivedAt":
        return lambda email: email.receivedAt, isAscending
    if name == "size":
        return lambda email: email.size, isAscending
    return storedCondition(name, value.get("keyword"), snapshot), isAscending


def collapseThreads(emails: Iterable[Email]) -> list[Email]:
    """
    @return: the first Email of each Thread (RFC 8621, section 4.4.3).
    """
    first: dict[str, Email] = {}
    for email in emails:
        first.setdefault(email.threadID, email)
    return list(first.values())
