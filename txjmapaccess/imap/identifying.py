# -*- test-case-name: tests.objectid.test_objectid -*-
"""
Object identifiers (RFC 8474) as a connection finds them: from the store, by adaptation, or from an
L{txjmapaccess.objectid.ObjectIDIndex}. Every one is checked before a client sees it. One that
cannot be shown is left out, and logged once for the object at fault.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from txjmapaccess.credentials import LoginRecord
from txjmapaccess.errors import JMAPAccessError, TemporaryFailure
from txjmapaccess.imap.dispatch import CommandDispatch
from txjmapaccess.imap.faults import MOST_OBJECTS, Observed, observedAt
from txjmapaccess.imap.objectids import LEFT_OUT, MessageIDs, StoreIdentifiers, isObjectID
from txjmapaccess.imap.waiting import ClientGone, settled
from txjmapaccess.interfaces import IObjectIDAccount, IObjectIDSearch
from txjmapaccess.store.identifierfailures import (
    WITHHELD_SECONDS,
    AccountFailures,
    identifierFailures,
)
from txjmapaccess.store.sharedidentifiers import checkedListing, sawMailboxID

#: Without these an account cannot be used over JMAP. A message can be without its own.
_OF_ACCOUNT = frozenset(("MAILBOXID", "accountId"))


def _problem(error: Exception) -> str:
    # Of an exception that is not ours nobody knows what its text holds.
    return str(error) if isinstance(error, JMAPAccessError) else f"{type(error).__name__} raised"


class Identifying(CommandDispatch):
    """
    To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.
    """

    _log = Logger()

    if TYPE_CHECKING:
        objectIDs: Any
        loginRecord: LoginRecord | None
        seconds: Callable[[], float]

        def hasObjectIDs(self) -> bool: ...

    _identifiers: Any = None
    _observed: Observed | None = None

    def identifiers(self) -> Any:
        """
        @return: where the identifiers of this connection's account come from.
        """
        if self._identifiers is None:
            index = self.objectIDs
            self._identifiers = StoreIdentifiers() if index is None else index.ofConnection(self)
        return self._identifiers

    def _others(self) -> Observed:
        """
        @return: what all connections of this server know.
        """
        if self._observed is None:
            self._observed = observedAt(self.portal)
        return self._observed

    def identifierFailures(self) -> AccountFailures:
        """
        @return: what the logins of this server know about the identifiers of this account.
        """
        server = self.factory if self.portal is None else self.portal
        return AccountFailures(identifierFailures(server), self._user())

    # Mailboxes

    async def mailboxIDOf(self, name: str, mailbox: Any) -> str:
        """
        @return: the MAILBOXID, or L{LEFT_OUT}.
        """
        if not self.hasObjectIDs():
            return LEFT_OUT
        try:
            value = await self.identifiers().mailboxID(name, mailbox)
            found = self._checked("MAILBOXID", value, mailbox, name)
            # An index has no identifier twice.
            if found == LEFT_OUT or self.objectIDs or await self._belongsTo(name, found):
                if found != LEFT_OUT:
                    sawMailboxID(self.identifierFailures(), name, mailbox, found)
                return found
            self._report("MAILBOXID", mailbox, name, "another mailbox has it too")
        except ClientGone:
            raise
        except Exception as e:
            self._checked("MAILBOXID", e, mailbox, name)
        return LEFT_OUT

    async def _belongsTo(self, name: str, mailboxID: str) -> bool:
        names = self._others().mailboxNames(await self._accountID())
        before = names.get(mailboxID, name)
        if before != name and await self._areTwo(before, name):
            # Renamed, by somebody else, unless a mailbox of the old name still has it.
            mailbox = await settled(self.account.select, before, 0)
            if mailbox is not None:
                other = await self.identifiers().mailboxID(before, mailbox)
                if other == mailboxID:
                    return False
        names[mailboxID] = name
        return True

    async def _accountID(self) -> object:
        try:
            return await settled(IObjectIDAccount(self.account).getAccountID)
        except Exception as e:
            self._report("accountId", self.account, "", _problem(e), e)
            return self._user()

    async def _areTwo(self, one: str, other: str) -> bool:
        # One mailbox may answer to several names, but it is listed once.
        listed = await settled(self.account.listMailboxes, "", "*")
        return {one, other}.issubset(name for name, _ in checkedListing(listed))

    # Messages

    async def messageIDsOf(self, mailbox: Any, messages: Sequence[Any]) -> list[MessageIDs]:
        """
        @return: the identifiers of C{messages}, in the same order.
        """
        if not self.hasObjectIDs():
            return [MessageIDs(LEFT_OUT, LEFT_OUT)] * len(messages)
        try:
            found = await self.identifiers().messageIDs(mailbox, messages)
        except ClientGone:
            raise
        except Exception as e:
            self._report("EMAILID", mailbox, self._selected(), _problem(e), e)
            return [MessageIDs(LEFT_OUT, LEFT_OUT)] * len(messages)
        emails = {email for email, _ in found if isinstance(email, str)}
        return [
            MessageIDs(
                self._checkedOf("EMAILID", email, message),
                self._checkedThread(thread, message, emails),
            )
            for (email, thread), message in zip(found, messages, strict=True)
        ]

    def _checkedThread(self, thread: object, message: Any, emails: Collection[str]) -> str | None:
        if thread is None:
            return None
        if thread in emails:
            subject = self._selected(), message.getUID()
            self._report("THREADID", message, subject, "it is an EMAILID too")
            return LEFT_OUT
        return self._checkedOf("THREADID", thread, message)

    def _checkedOf(self, kind: str, value: object, message: Any) -> str:
        if isinstance(value, str) and isObjectID(value):
            return value
        return self._checked(kind, value, message, (self._selected(), message.getUID()))

    def _selected(self) -> str:
        return getattr(self, "selectedName", None) or ""

    async def searchIDs(self, kind: str, value: str, mailbox: Any) -> frozenset[int] | None:
        """
        Search an index.

        @param kind: C{EMAILID} or C{THREADID}.

        @return: the UIDs of the messages that have it; or L{None} where there is no index, and each
            message must be asked.

        @raise TemporaryFailure: when the index cannot be used.
        """
        index: Any = IObjectIDSearch(mailbox, None)
        if self.objectIDs is not None:
            index = _Searching(self.identifiers(), mailbox)
        if index is None:
            return None
        search = index.searchEmailID if kind == "EMAILID" else index.searchThreadID
        return frozenset(await settled(search, value))

    # Changes

    async def beginChange(self, what: str, *args: Any) -> Any:
        """
        Tell those who keep identifiers what is about to happen to mailboxes or messages.

        @param what: C{creating}, C{deleting}, C{renaming} or C{copying}.

        @return: what is to be told the outcome (C{done}, C{refused} or C{doubtful}), or L{None}.

        @raise TemporaryFailure: when identifiers could get mixed up by it.
        """
        if not self.hasObjectIDs():
            return None
        if what != "copying":
            self.identifierFailures().forget(*args)
        try:
            begin = getattr(self.identifiers(), what, None)
        except JMAPAccessError as e:  # Then none has been shown, either.
            self._report("identifier", self.account, "", _problem(e), e)
            return None
        return None if begin is None else await begin(*args)

    async def endChange(self, change: Any, outcome: str, *args: Any) -> None:
        """
        Tell them the outcome. What cannot be kept now is found out when it is needed next.
        """
        if change is not None:
            try:
                await getattr(change, outcome)(*args)
            except Exception as e:
                self._report("identifier", self.account, "", _problem(e), e)

    # What cannot be shown

    def _checked(self, kind: str, value: object, holder: Any, subject: object) -> str:
        if isinstance(value, str) and isObjectID(value):
            return value
        if isinstance(value, Exception):
            self._report(kind, holder, subject, _problem(value), value)
        else:
            self._report(kind, holder, subject, "its value has not the form of one")
        return LEFT_OUT

    def _user(self) -> str | None:
        return None if self.loginRecord is None else self.loginRecord.username

    def _report(
        self,
        kind: str,
        holder: Any,
        subject: object,
        problem: str,
        error: Exception | None = None,
    ) -> None:
        """
        @param subject: which object of the user's that is.
        """
        withheld = ""
        if kind in _OF_ACCOUNT or isinstance(error, TemporaryFailure):
            self.identifierFailures().add()
            withheld = f"; JMAPACCESS is withheld for {WITHHELD_SECONDS} seconds"
        count = self._others().isNews((kind, problem), (self._user(), subject))
        if count:
            self._log.error(
                "The {kind} of {holder!r} ({subject}) is left out: {problem}{withheld}{more}",
                kind=kind,
                holder=holder,
                subject=subject,
                problem=problem,
                error=error,
                withheld=withheld,
                more="; further ones are not reported" if count == MOST_OBJECTS else "",
            )


class _Searching:
    def __init__(self, identifiers: Any, mailbox: Any) -> None:
        self.searchEmailID = partial(identifiers.searchEmailID, mailbox)
        self.searchThreadID = partial(identifiers.searchThreadID, mailbox)
