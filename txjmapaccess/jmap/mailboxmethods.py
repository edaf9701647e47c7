# -*- test-case-name: tests.jmap.test_mail -*-
"""
Mailbox objects and Mailbox/query (RFC 8621, section 2). Pure functions over a L{AccountSnapshot}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from txjmapaccess.jmap.accountsnapshot import AccountSnapshot, SnapshotMailbox
from txjmapaccess.jmap.errors import MethodError, invalidArguments

#: This side reads only.
_RIGHTS = {
    "mayReadItems": True,
    "mayAddItems": False,
    "mayRemoveItems": False,
    "maySetSeen": False,
    "maySetKeywords": False,
    "mayCreateChild": False,
    "mayRename": False,
    "mayDelete": False,
    "maySubmit": False,
}

MAILBOX_PROPERTIES = (
    *("id", "name", "parentId", "role", "sortOrder", "totalEmails", "unreadEmails"),
    *("totalThreads", "unreadThreads", "myRights", "isSubscribed"),
)


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
    @return: the name below C{parent}; of more than one segment where there is no mailbox between.
    """
    below = mailbox.path[0 if parent is None else len(parent.path) :]
    return "Inbox" if below == ("INBOX",) else "/".join(below)


def queryMailboxes(snapshot: AccountSnapshot, arguments: dict[str, Any]) -> list[str]:
    """
    @return: the ids of the mailboxes that match.

    @raise MethodError: C{invalidArguments}, C{unsupportedFilter} or C{unsupportedSort}.
    """
    if arguments.get("sortAsTree") or arguments.get("filterAsTree"):
        raise MethodError("unsupportedFilter")
    mailboxes = [mailboxObject(mailbox, snapshot) for mailbox in snapshot.mailboxes.values()]
    matches = _filter(arguments.get("filter"))
    mailboxes = sorted(filter(matches, mailboxes), key=lambda m: (m["sortOrder"], m["name"]))
    for name, isAscending in reversed(_comparators(arguments.get("sort"))):
        mailboxes.sort(key=lambda m, name=name: m[name], reverse=not isAscending)  # type: ignore[misc]
    return [mailbox["id"] for mailbox in mailboxes]


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
    for name in value:
        if name not in _CONDITIONS:
            raise invalidArguments(f"there is no filter condition {name}")
    return lambda mailbox: all(_CONDITIONS[name](mailbox, value[name]) for name in value)


def _comparators(value: Any) -> list[tuple[str, bool]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(member, dict) for member in value):
        raise invalidArguments("sort is not a list of comparators")
    for comparator in value:
        if comparator.get("property") not in ("sortOrder", "name"):
            raise MethodError("unsupportedSort")
    return [(comparator["property"], comparator.get("isAscending", True)) for comparator in value]
