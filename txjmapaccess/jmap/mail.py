# -*- test-case-name: tests.jmap.test_mail -*-
"""
The methods of C{urn:ietf:params:jmap:mail} that read (RFC 8621): Mailbox, Thread and Email.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from txjmapaccess.jmap.accountreader import AccountReader
from txjmapaccess.jmap.accountsnapshot import AccountSnapshot, Email
from txjmapaccess.jmap.api import Method
from txjmapaccess.jmap.argumenttypes import checkNames, string
from txjmapaccess.jmap.authenticator import JMAPLogin
from txjmapaccess.jmap.blobs import blobOctets, parseBlobID
from txjmapaccess.jmap.emailmethods import emailChanges, emailQuery, emailState
from txjmapaccess.jmap.emailobject import emailObject
from txjmapaccess.jmap.emailproperties import parseEmailProperties
from txjmapaccess.jmap.emailsearch import EmailSearch
from txjmapaccess.jmap.errors import MethodError
from txjmapaccess.jmap.mailboxmethods import mailboxChanges, mailboxGet, mailboxQuery
from txjmapaccess.jmap.requestturns import RequestTurns
from txjmapaccess.jmap.standardmethods import lookUp
from txjmapaccess.jmap.threadmethods import threadChanges, threadGet

#: The work for one message of a snapshot, in octets of a message to parse.
_OCTETS = 20

_GET = frozenset(("accountId", "ids", "properties"))
_GET_EMAIL = _GET | {
    *("bodyProperties", "fetchTextBodyValues", "fetchHTMLBodyValues", "fetchAllBodyValues"),
    "maxBodyValueBytes",
}
_CHANGES = frozenset(("accountId", "sinceState", "maxChanges"))
_QUERY = frozenset(
    (
        *("accountId", "filter", "sort", "position", "anchor", "anchorOffset", "limit"),
        "calculateTotal",
    )
)

#: Methods whose response is always an error.
_ERRORS = {
    **dict.fromkeys(("Mailbox/queryChanges", "Email/queryChanges"), "cannotCalculateChanges"),
    **dict.fromkeys(("Mailbox/set", "Email/set", "Email/copy", "Email/import"), "accountReadOnly"),
}


class Mail:
    """
    The mail of one account, for one request: the first method that needs the account reads it, and
    all methods of the request see the same.

    @param login: whose account it is.
    @param turns: shares the reactor with others.
    """

    def __init__(self, login: JMAPLogin, turns: RequestTurns) -> None:
        self._accountID = login.accountID
        self._turns = turns
        self._reader = AccountReader(login.account, login.identifiers, turns)
        self._snapshot: AccountSnapshot | None = None
        self._size = 0

    @property
    def methods(self) -> Mapping[str, Method]:
        """
        The methods by name.
        """
        return {name: partial(self._respond, name) for name in (*_METHODS, *_ERRORS)}

    async def _respond(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if name in _METHODS:
            checkNames(arguments, _METHODS[name][1], "argument")
        if string(arguments.get("accountId"), "accountId") != self._accountID:
            raise MethodError("accountNotFound")
        if name in _ERRORS:
            raise MethodError(_ERRORS[name])
        return {"accountId": self._accountID, **await _METHODS[name][0](self, arguments)}

    async def close(self) -> None:
        """
        Close the mailboxes that were opened.
        """
        await self._reader.close()

    async def all(self) -> AccountSnapshot:
        """
        @return: the account, read once.
        """
        if self._snapshot is None:
            mailboxes, copies = await self._reader.read()
            self._size = _OCTETS * len(copies)
            self._snapshot = await self.work(AccountSnapshot, mailboxes, copies)
        return self._snapshot

    async def work(self, function: Callable[..., Any], *args: Any) -> Any:
        """
        Call a function that goes through the whole snapshot.
        """
        return await self._turns.work(self._size, function, *args)

    async def queryEmails(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """
        Email/query (RFC 8621, section 4.4).
        """
        snapshot = await self.all()
        search = await self.work(EmailSearch, arguments.get("filter"), snapshot)
        found = await self.work(search.candidates)
        if search.looksInside:
            found = [email for email in found if await self._matches(search, email)]
        response: dict[str, Any] = await self.work(emailQuery, snapshot, arguments, found)
        return response

    async def _matches(self, search: EmailSearch, email: Email) -> bool:
        octets = await self._octets(email)
        if octets is None:
            return False
        matches: bool = await self._turns.work(len(octets), search.matches, email, octets)
        return matches

    async def getEmails(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """
        Email/get (RFC 8621, section 4.2).
        """
        properties = parseEmailProperties(arguments)
        snapshot = await self.all()
        found, notFound = lookUp(snapshot.emails, arguments)
        objects = []
        for email in found:
            octets = await self._octets(email) if properties.needsOctets else b""
            if octets is None:
                notFound.append(email.id)
                continue
            objects.append(
                await self._turns.work(len(octets), emailObject, email, octets, properties)
            )
        state = await self.work(emailState, snapshot)
        return {"state": state, "list": objects, "notFound": notFound}

    async def _octets(self, email: Email) -> bytes | None:
        for copy in email.copies:
            octets = await self._reader.octets(copy)
            if octets is not None:
                return octets
        return None

    async def blob(self, blobID: str) -> bytes | None:
        """
        @return: the octets of a message or a part, or L{None} if there is no such blob.
        """
        parsed = parseBlobID(blobID)
        if parsed is None:
            return None
        emailID, partID = parsed
        email = (await self.all()).emails.get(emailID)
        octets = None if email is None else await self._octets(email)
        if octets is None:
            return None
        content: bytes | None = await self._turns.work(len(octets), blobOctets, octets, partID)
        return content


_MailMethod = Callable[[Mail, dict[str, Any]], Awaitable[dict[str, Any]]]


def _overSnapshot(
    function: Callable[[AccountSnapshot, dict[str, Any]], dict[str, Any]],
) -> _MailMethod:
    async def method(mail: Mail, arguments: dict[str, Any]) -> dict[str, Any]:
        response: dict[str, Any] = await mail.work(function, await mail.all(), arguments)
        return response

    return method


#: The methods and their arguments.
_METHODS: dict[str, tuple[_MailMethod, frozenset[str]]] = {
    "Mailbox/get": (_overSnapshot(mailboxGet), _GET),
    "Mailbox/changes": (_overSnapshot(mailboxChanges), _CHANGES),
    "Mailbox/query": (_overSnapshot(mailboxQuery), _QUERY | {"sortAsTree", "filterAsTree"}),
    "Thread/get": (_overSnapshot(threadGet), _GET),
    "Thread/changes": (_overSnapshot(threadChanges), _CHANGES),
    "Email/get": (Mail.getEmails, _GET_EMAIL),
    "Email/changes": (_overSnapshot(emailChanges), _CHANGES),
    "Email/query": (Mail.queryEmails, _QUERY | {"collapseThreads"}),
}
