# -*- test-case-name: tests.jmap.test_mailboxmethods -*-
"""
Mailbox/get, Mailbox/changes and Mailbox/query (RFC 8621, section 2). Pure functions over an
L{AccountSnapshot}.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from txjmapaccess.jmap.accountsnapshot import AccountSnapshot, SnapshotMailbox
from txjmapaccess.jmap.argumenttypes import checkNames
from txjmapaccess.jmap.errors import MethodError, invalidArguments
from txjmapaccess.jmap.sessionobject import stateOf
from txjmapaccess.jmap.standardmethods import changesResponse, getResponse, queryResponse, sortBy

#: The account is read-only.
_RIGHTS = {
    "mayReadItems": True,
    **dict.fromkeys(("mayAddItems", "mayRemoveItems", "maySetSeen", "maySetKeywords"), False),
    **dict.fromkeys(("mayCreateChild", "mayRename", "mayDelete", "maySubmit"), False),
}

_PROPERTIES = (
    *("id", "name", "parentId", "role", "sortOrder", "totalEmails", "unreadEmails"),
    *("totalThreads", "unreadThreads", "myRights", "isSubscribed"),
)


def mailboxGet(snapshot: AccountSnapshot, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Mailbox/get (RFC 8621, section 2.1).
    """
    return getResponse(_mailboxes(snapshot), _PROPERTIES, arguments)


def mailboxChanges(snapshot: AccountSnapshot, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Mailbox/changes (RFC 8621, section 2.2).
    """
    state = stateOf(_mailboxes(snapshot))
    return {**changesResponse(state, arguments), "updatedProperties": None}


def mailboxQuery(snapshot: AccountSnapshot, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Mailbox/query (RFC 8621, section 2.3).
    """
    return queryResponse(queryMailboxes(snapshot, arguments), arguments)


def _mailboxes(snapshot: AccountSnapshot) -> dict[str, dict[str, Any]]:
    return {each.id: mailboxObject(each, snapshot) for each in snapshot.mailboxes.values()}


def mailboxObject(mailbox: SnapshotMailbox, snapshot: AccountSnapshot) -> dict[str, Any]:
    """
    @return: the Mailbox object with all its properties.
    """
    parent = snapshot.parentOf(mailbox)
    emails = snapshot.contents[mailbox.id]
    return {
        "id": mailbox.id,
        "name": _nameUnder(mailbox, parent),
        "parentId": None if parent is None else parent.id,
        "role": mailbox.role,
        "sortOrder": 1 if mailbox.role == "inbox" else 10,
        "totalEmails": len(emails),
        "unreadEmails": sum(email.isUnread for email in emails),
        "totalThreads": len({email.threadID for email in emails}),
        "unreadThreads": snapshot.unreadThreads(mailbox.id),
        "myRights": _RIGHTS,
        "isSubscribed": mailbox.isSubscribed,
    }


def _nameUnder(mailbox: SnapshotMailbox, parent: SnapshotMailbox | None) -> str:
    """
    @return: the name below C{parent}; with several segments where no mailbox is in between.
    """
    below = mailbox.path[0 if parent is None else len(parent.path) :]
    return "Inbox" if below == ("INBOX",) else "/".join(below)


def queryMailboxes(snapshot: AccountSnapshot, arguments: dict[str, Any]) -> list[str]:
    """
    @return: the ids of the mailboxes that match, sorted.

    @raise MethodError: C{invalidArguments}, C{unsupportedFilter} or C{unsupportedSort}.
    """
    if arguments.get("sortAsTree") or arguments.get("filterAsTree"):
        raise MethodError("unsupportedFilter")
    matches = _filter(arguments.get("filter"))
    found = sorted(
        filter(matches, _mailboxes(snapshot).values()), key=lambda m: (m["sortOrder"], m["name"])
    )
    sortBy(found, arguments.get("sort"), ("sortOrder", "name"), lambda c: itemgetter(c["property"]))
    return [mailbox["id"] for mailbox in found]


_CONDITIONS: dict[str, Callable[[dict[str, Any], Any], bool]] = {
    "parentId": lambda mailbox, value: mailbox["parentId"] == value,
    "name": lambda mailbox, value: str(value).lower() in mailbox["name"].lower(),
    "role": lambda mailbox, value: mailbox["role"] == value,
    "hasAnyRole": lambda mailbox, value: (mailbox["role"] is not None) is value,
    "isSubscribed": lambda mailbox, value: mailbox["isSubscribed"] is value,
}


def _filter(value: Any) -> Callable[[dict[str, Any]], bool]:
    if value is None:
        return lambda mailbox: True
    if not isinstance(value, dict):
        raise invalidArguments("filter is not an object")
    if "operator" in value:
        raise MethodError("unsupportedFilter")
    checkNames(value, _CONDITIONS, "filter condition")
    return lambda mailbox: all(_CONDITIONS[name](mailbox, value[name]) for name in value)
