# -*- test-case-name: tests.jmap.test_emailmethods -*-
"""
Email/changes and Email/query (RFC 8621, sections 4.3 and 4.4). Pure functions over an
L{AccountSnapshot}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from txjmapaccess.jmap.accountsnapshot import AccountSnapshot, Email
from txjmapaccess.jmap.filterconditions import storedCondition
from txjmapaccess.jmap.sessionobject import EMAIL_SORT, stateOf
from txjmapaccess.jmap.standardmethods import changesResponse, queryResponse, sortBy


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

    def keyOf(comparator: dict[str, Any]) -> Callable[[Email], Any]:
        name = comparator["property"]
        if name in ("receivedAt", "size"):
            return attrgetter(name)
        return storedCondition(name, comparator.get("keyword"), snapshot)

    sortBy(ordered, comparators, EMAIL_SORT, keyOf)
    return ordered


def collapseThreads(emails: Iterable[Email]) -> list[Email]:
    """
    @return: the first Email of each Thread (RFC 8621, section 4.4.3).
    """
    first: dict[str, Email] = {}
    for email in emails:
        first.setdefault(email.threadID, email)
    return list(first.values())
