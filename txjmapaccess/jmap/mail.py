# -*- test-case-name: tests.jmap.test_mail -*-
"""
The methods of C{urn:ietf:params:jmap:mail} that read (RFC 8621): Mailbox, Thread and Email.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from txjmapaccess.jmap.accountreader import AccountReader
from txjmapaccess.jmap.accountsnapshot import AccountSnapshot, Email
from txjmapaccess.jmap.api import Method
from txjmapaccess.jmap.blobs import blobOctets, parseBlobID
from txjmapaccess.jmap.emailobject import emailObject
from txjmapaccess.jmap.emailproperties import parseEmailProperties
from txjmapaccess.jmap.emailsearch import EmailSearch
from txjmapaccess.jmap.errors import MethodError, invalidArguments
from txjmapaccess.jmap.requestturns import RequestTurns
from txjmapaccess.jmap.standardmethods import (
    emailChangesAnswer,
    emailQueryAnswer,
    emailState,
    lookUp,
    mailboxChangesAnswer,
    mailboxesAnswer,
    mailboxQueryAnswer,
    threadChangesAnswer,
    threadsAnswer,
)
from txjmapaccess.store.accountidentifiers import AccountIdentifiers

#: What going through one message of a snapshot is worth, in octets of a message to parse.
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

_Answer = Callable[[AccountSnapshot, dict[str, Any]], dict[str, Any]]

#: Methods that need no message to be read, and the arguments that they have.
_READ: dict[str, tuple[_Answer, frozenset[str]]] = {
    "Mailbox/get": (mailboxesAnswer, _GET),
    "Mailbox/changes": (mailboxChangesAnswer, _CHANGES),
    "Mailbox/query": (mailboxQueryAnswer, _QUERY | {"sortAsTree", "filterAsTree"}),
    "Thread/get": (threadsAnswer, _GET),
    "Thread/changes": (threadChangesAnswer, _CHANGES),
    "Email/changes": (emailChangesAnswer, _CHANGES),
}

#: Methods that are always answered with an error.
_REFUSED = {
    **dict.fromkeys(("Mailbox/queryChanges", "Email/queryChanges"), "cannotCalculateChanges"),
    **dict.fromkeys(("Mailbox/set", "Email/set", "Email/copy", "Email/import"), "accountReadOnly"),
}


class Mail:
    """
    The mail of one account, for one request: the account is read when the first method asks, and
    all methods of the request see the same.

    @param account: the L{twisted.mail.interfaces.IAccountIMAP}.
    @param accountID: its JMAP accountId.
    @param identifiers: those of the account.
    @param turns: let the reactor turn.
    """

    def __init__(
        self,
        account: Any,
        accountID: str,
        identifiers: AccountIdentifiers,
        turns: RequestTurns,
    ) -> None:
        self._accountID = accountID
        self._turns = turns
        self._reader = AccountReader(account, identifiers, turns)
        self._snapshot: AccountSnapshot | None = None
        self._size = 0

    @property
    def methods(self) -> Mapping[str, Method]:
        """
        The methods by name.
        """
        methods = {
            name: self._checked(self._answered(answer), known)
            for name, (answer, known) in _READ.items()
        }
        methods["Email/get"] = self._checked(self.getEmails, _GET_EMAIL)
        methods["Email/query"] = self._checked(self.queryEmails, _QUERY | {"collapseThreads"})
        methods.update((name, self._refused(problem)) for name, problem in _REFUSED.items())
        return methods

    def _refused(self, problem: str) -> Method:
        async def refused(arguments: dict[str, Any]) -> dict[str, Any]:
            self._checkAccount(arguments)
            raise MethodError(problem)

        return refused

    def _checked(self, method: Method, known: frozenset[str]) -> Method:
        async def checked(arguments: dict[str, Any]) -> dict[str, Any]:
            for name in arguments:
                if name not in known:
                    raise invalidArguments(f"there is no argument {name}")
            self._checkAccount(arguments)
            return {"accountId": self._accountID, **await method(arguments)}

        return checked

    def _checkAccount(self, arguments: dict[str, Any]) -> None:
        accountID = arguments.get("accountId")
        if not isinstance(accountID, str):
            raise invalidArguments("accountId is not a string")
        if accountID != self._accountID:
            raise MethodError("accountNotFound")

    async def close(self) -> None:
        """
        Close what was opened.
        """
        await self._reader.close()

    async def _all(self) -> AccountSnapshot:
        if self._snapshot is None:
            mailboxes, copies = await self._reader.read()
            self._size = _OCTETS * len(copies)
            self._snapshot = await self._turns.work(self._size, AccountSnapshot, mailboxes, copies)
        return self._snapshot

    def _answered(self, answer: _Answer) -> Method:
        async def method(arguments: dict[str, Any]) -> dict[str, Any]:
            snapshot = await self._all()
            result: dict[str, Any] = await self._turns.work(self._size, answer, snapshot, arguments)
            return result

        return method

    async def queryEmails(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """
        Email/query (RFC 8621, section 4.4).
        """
        snapshot = await self._all()
        search = await self._turns.work(self._size, EmailSearch, arguments.get("filter"), snapshot)
        found = await self._turns.work(self._size, search.candidates)
        if search.looksInside:
            found = [email for email in found if await self._matches(search, email)]
        result: dict[str, Any] = await self._turns.work(
            self._size, emailQueryAnswer, snapshot, arguments, found
        )
        return result

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
        wanted = parseEmailProperties(arguments)
        snapshot = await self._all()
        found, notFound = lookUp(snapshot.emails, arguments)
        made = []
        for email in found:
            octets = await self._octets(email) if wanted.needsOctets else b""
            if octets is None:
                notFound.append(email.id)
                continue
            made.append(await self._turns.work(len(octets), emailObject, email, octets, wanted))
        state = await self._turns.work(self._size, emailState, snapshot)
        return {"state": state, "list": made, "notFound": notFound}

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
        content: bytes | None = await self._turns.work(len(octets), blobOctets, octets, partID)
        return content
