# -*- test-case-name: tests.jmap.test_mail -*-
"""
The responses of the methods that read no message. Pure functions over an L{AccountSnapshot}: they
take long for a large account, and run in a thread then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from txjmapaccess.jmap.accountsnapshot import AccountSnapshot, Email
from txjmapaccess.jmap.emailquery import collapseThreads, sortEmails, window
from txjmapaccess.jmap.errors import MethodError, invalidArguments
from txjmapaccess.jmap.mailboxmethods import MAILBOX_PROPERTIES, mailboxObject, queryMailboxes
from txjmapaccess.jmap.sessionobject import MAX_OBJECTS, stateOf


def mailboxesAnswer(snapshot: AccountSnapshot, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Mailbox/get (RFC 8621, section 2.1).
    """
    return _got(_mailboxes(snapshot), MAILBOX_PROPERTIES, arguments)


def _mailboxes(snapshot: AccountSnapshot) -> dict[str, dict[str, Any]]:
    return {mailbox.id: mailboxObject(mailbox, snapshot) for mailbox in snapshot.mailboxes.values()}


def threadsAnswer(snapshot: AccountSnapshot, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Thread/get (RFC 8621, section 3.1).
    """
    return _got(_threads(snapshot), ("id", "emailIds"), arguments)


def _threads(snapshot: AccountSnapshot) -> dict[str, dict[str, Any]]:
    return {
        threadID: {"id": threadID, "emailIds": [email.id for email in emails]}
        for threadID, emails in snapshot.threads.items()
    }


def mailboxQueryAnswer(snapshot: AccountSnapshot, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Mailbox/query (RFC 8621, section 2.3).
    """
    return _queried(queryMailboxes(snapshot, arguments), arguments)


def emailQueryAnswer(
    snapshot: AccountSnapshot, arguments: dict[str, Any], found: list[Email]
) -> dict[str, Any]:
    """
    Email/query (RFC 8621, section 4.4).

    @param found: what the filter matches.
    """
    emails = sortEmails(found, arguments.get("sort"), snapshot)
    if arguments.get("collapseThreads", False):
        emails = collapseThreads(emails)
    return _queried([email.id for email in emails], arguments)


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


def mailboxChangesAnswer(snapshot: AccountSnapshot, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Mailbox/changes (RFC 8621, section 2.2).
    """
    return {**_changes(stateOf(_mailboxes(snapshot)), arguments), "updatedProperties": None}


def threadChangesAnswer(snapshot: AccountSnapshot, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Thread/changes (RFC 8621, section 3.2).
    """
    return _changes(stateOf(_threads(snapshot)), arguments)


def emailChangesAnswer(snapshot: AccountSnapshot, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Email/changes (RFC 8621, section 4.3).
    """
    return _changes(emailState(snapshot), arguments)


def _changes(state: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    What has changed since a state (RFC 8620, section 5.2): nothing when it is the same, and else
    nobody knows, because nothing is kept from one request to the next.
    """
    since = arguments.get("sinceState")
    if not isinstance(since, str):
        raise invalidArguments("sinceState is not a string")
    if since != state:
        raise MethodError("cannotCalculateChanges")
    nothing: dict[str, list[str]] = {"created": [], "updated": [], "destroyed": []}
    return {"oldState": state, "newState": state, "hasMoreChanges": False, **nothing}


def lookUp(objects: Mapping[str, Any], arguments: dict[str, Any]) -> tuple[list[Any], list[str]]:
    """
    @return: those of C{objects} that C{ids} asks for, and the ids that are not there (RFC 8620,
        section 5.1).
    """
    ids = arguments.get("ids")
    if ids is not None and not (
        isinstance(ids, list) and all(isinstance(objectID, str) for objectID in ids)
    ):
        raise invalidArguments("ids is not a list of ids")
    wanted = list(objects if ids is None else dict.fromkeys(ids))
    if len(wanted) > MAX_OBJECTS:
        raise MethodError("requestTooLarge")
    found = [objects[objectID] for objectID in wanted if objectID in objects]
    return found, [objectID for objectID in wanted if objectID not in objects]


def _got(
    objects: Mapping[str, dict[str, Any]], known: tuple[str, ...], arguments: dict[str, Any]
) -> dict[str, Any]:
    found, notFound = lookUp(objects, arguments)
    wanted = _properties(known, arguments)
    chosen = [{name: made[name] for name in wanted} for made in found]
    return {"state": stateOf(objects), "list": chosen, "notFound": notFound}


def _properties(known: tuple[str, ...], arguments: dict[str, Any]) -> list[str]:
    """
    @return: those of the C{known} properties that are wanted.
    """
    names = arguments.get("properties")
    if names is None:
        return list(known)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise invalidArguments("properties is not a list of strings")
    for name in names:
        if name not in known:
            raise invalidArguments(f"there is no property {name}")
    return [name for name in known if name == "id" or name in names]


def _queried(ids: list[str], arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        "queryState": stateOf(ids),
        "canCalculateChanges": False,
        **window(ids, arguments, MAX_OBJECTS),
    }
