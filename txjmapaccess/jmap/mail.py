# -*- test-case-name: tests.test_jmap_mail -*-
"""
The methods of C{urn:ietf:params:jmap:mail} that read (RFC 8621): Mailbox, Thread and Email.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.logger import Logger

from txjmapaccess.jmap.api import Method
from txjmapaccess.jmap.emailobject import blobOctets, emailObject, parseBlobID, parseWanted
from txjmapaccess.jmap.mailboxes import mailboxObject, queryMailboxes
from txjmapaccess.jmap.pacing import Pacer
from txjmapaccess.jmap.problems import MethodProblem, invalidArguments
from txjmapaccess.jmap.query import collapseThreads, compileFilter, sortEmails, window
from txjmapaccess.jmap.reader import AccountReader
from txjmapaccess.jmap.session import MAX_OBJECTS, stateOf
from txjmapaccess.jmap.snapshot import Email, Snapshot

_GET = frozenset(("accountId", "ids", "properties"))
_GET_EMAIL = _GET | {
    *("bodyProperties", "fetchTextBodyValues", "fetchHTMLBodyValues", "fetchAllBodyValues"),
    "maxBodyValueBytes",
}
_QUERY = frozenset(
    (
        *("accountId", "filter", "sort", "position", "anchor", "anchorOffset", "limit"),
        "calculateTotal",
    )
)


class Mail:
    """
    The mail of one account, for one request: the account is read when the first method asks, and
    all methods of the request see the same.

    @param account: the L{twisted.mail.interfaces.IAccountIMAP}.
    @param accountID: its JMAP accountId.
    @param pacer: lets the reactor turn.
    """

    _log = Logger()

    def __init__(self, account: Any, accountID: str, pacer: Pacer) -> None:
        self._accountID = accountID
        self._pacer = pacer
        self._reader = AccountReader(account, pacer)
        self._snapshot: Snapshot | None = None

    @property
    def methods(self) -> Mapping[str, Method]:
        """
        The methods by name.
        """
        return {
            "Mailbox/get": self._checked(self.getMailboxes, _GET),
            "Mailbox/query": self._checked(
                self.queryMailboxes, _QUERY | {"sortAsTree", "filterAsTree"}
            ),
            "Thread/get": self._checked(self.getThreads, _GET),
            "Email/get": self._checked(self.getEmails, _GET_EMAIL),
            "Email/query": self._checked(self.queryEmails, _QUERY | {"collapseThreads"}),
        }

    def _checked(
        self, method: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]], known: frozenset[str]
    ) -> Method:
        async def checked(arguments: dict[str, Any]) -> dict[str, Any]:
            for name in arguments:
                if name not in known:
                    raise invalidArguments(f"there is no argument {name}")
            accountID = arguments.get("accountId")
            if not isinstance(accountID, str):
                raise invalidArguments("accountId is not a string")
            if accountID != self._accountID:
                raise MethodProblem("accountNotFound")
            return {"accountId": accountID, **await method(arguments)}

        return checked

    async def close(self) -> None:
        """
        Close what was opened.
        """
        await self._reader.close()

    async def _all(self) -> Snapshot:
        if self._snapshot is None:
            self._snapshot = await self._reader.snapshot()
        return self._snapshot

    async def getMailboxes(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """
        Mailbox/get (RFC 8621, section 2.1).
        """
        snapshot = await self._all()
        objects = {
            folder.id: mailboxObject(folder, snapshot) for folder in snapshot.folders.values()
        }
        found, notFound = _lookUp(objects, arguments)
        wanted = _properties(arguments, objects)
        chosen = [{name: made[name] for name in wanted(made)} for made in found]
        return {"state": stateOf(objects), "list": chosen, "notFound": notFound}

    async def queryMailboxes(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """
        Mailbox/query (RFC 8621, section 2.3).
        """
        ids = queryMailboxes(await self._all(), arguments)
        return _queried(ids, arguments)

    async def getThreads(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """
        Thread/get (RFC 8621, section 3.1).
        """
        threads = (await self._all()).threads
        objects = {
            threadID: {"id": threadID, "emailIds": [email.id for email in emails]}
            for threadID, emails in threads.items()
        }
        found, notFound = _lookUp(objects, arguments)
        wanted = _properties(arguments, {"": {"id": "", "emailIds": []}})
        chosen = [{name: made[name] for name in wanted(made)} for made in found]
        return {"state": stateOf(objects), "list": chosen, "notFound": notFound}

    async def queryEmails(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """
        Email/query (RFC 8621, section 4.4).
        """
        snapshot = await self._all()
        matches = compileFilter(arguments.get("filter"), snapshot)
        emails = sortEmails(
            filter(matches, snapshot.emails.values()), arguments.get("sort"), snapshot
        )
        if arguments.get("collapseThreads", False):
            emails = collapseThreads(emails)
        return _queried([email.id for email in emails], arguments)

    async def getEmails(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """
        Email/get (RFC 8621, section 4.2).
        """
        wanted = parseWanted(arguments)
        snapshot = await self._all()
        found, notFound = _lookUp(snapshot.emails, arguments)
        made = []
        for email in found:
            octets = await self._octets(email) if wanted.needsOctets else b""
            if octets is None:
                notFound.append(email.id)
                continue
            size = len(octets) if wanted.body else 0
            made.append(await self._pacer.work(size, emailObject, email, octets, wanted))
        return {"state": _emailState(snapshot), "list": made, "notFound": notFound}

    async def _octets(self, email: Email) -> bytes | None:
        for copy in email.copies:
            octets = await self._reader.octets(copy)
            if octets is not None:
                return octets
        return None

    async def blob(self, blobID: str) -> bytes | None:
        """
        @return: the octets of a message or a part, or L{None} when there is no such blob.
        """
        parsed = parseBlobID(blobID)
        if parsed is None:
            return None
        emailID, partID = parsed
        email = (await self._all()).emails.get(emailID)
        octets = None if email is None else await self._octets(email)
        if octets is None:
            return None
        content: bytes | None = await self._pacer.work(len(octets), blobOctets, octets, partID)
        return content


def _lookUp(objects: Mapping[str, Any], arguments: dict[str, Any]) -> tuple[list[Any], list[str]]:
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
        raise MethodProblem("requestTooLarge")
    found = [objects[objectID] for objectID in wanted if objectID in objects]
    return found, [objectID for objectID in wanted if objectID not in objects]


def _properties(
    arguments: dict[str, Any], objects: Mapping[str, dict[str, Any]]
) -> Callable[[dict[str, Any]], list[str]]:
    """
    @return: a function from an object to the names of its properties that are wanted.
    """
    names = arguments.get("properties")
    if names is None:
        return list
    known: set[str] = set().union(*objects.values())
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise invalidArguments("properties is not a list of strings")
    for name in names:
        if objects and name not in known:
            raise invalidArguments(f"there is no property {name}")
    return lambda made: [name for name in made if name == "id" or name in names]


def _queried(ids: list[str], arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        "queryState": stateOf(ids),
        "canCalculateChanges": False,
        **window(ids, arguments, MAX_OBJECTS),
    }


def _emailState(snapshot: Snapshot) -> str:
    return stateOf(
        [
            (email.id, sorted(email.folderIDs), sorted(email.keywords))
            for email in sorted(snapshot.emails.values(), key=lambda email: email.id)
        ]
    )
