# -*- test-case-name: tests.objectid.test_objectid -*-
"""
The object identifiers (RFC 8474) of one account. Every one is checked before a client sees it. One
that cannot be shown is left out, and logged once for the object at fault.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from twisted.logger import Logger
from twisted.python.reflect import qual

from txjmapaccess.coroutines import settled
from txjmapaccess.errors import JMAPAccessError, TemporaryFailure
from txjmapaccess.interfaces import IObjectIDAccount, IObjectIDSearch
from txjmapaccess.pacing import ClientGone
from txjmapaccess.store.identifierproblems import (
    MOST_OBJECTS,
    WITHHELD_SECONDS,
    IdentifierProblems,
)
from txjmapaccess.store.mailboxes import MailboxNames, openMailbox
from txjmapaccess.store.objectids import (
    LEFT_OUT,
    IdentifiersLocked,
    MailboxForgotten,
    MessageIDs,
    StoreIdentifiers,
    isObjectID,
)
from txjmapaccess.store.openaccount import OpenAccount

#: An account without these cannot be used over JMAP. A single message may lack its own.
_OF_ACCOUNT = frozenset(("MAILBOXID", "accountId"))


def _problem(error: Exception) -> str:
    # The text of a foreign exception could hold anything.
    return str(error) if isinstance(error, JMAPAccessError) else f"{type(error).__name__} raised"


class AccountIdentifiers:
    """
    The identifiers of one account, as a session shows them.

    @param opened: the account.
    @param index: the L{ObjectIDIndex<txjmapaccess.objectid.ObjectIDIndex>}, or L{None} for a store
        that has identifiers.
    @param problems: those of the server.
    @param raises: whether to raise what makes all identifiers of a mailbox unavailable, instead of
        leaving them out.
    """

    _log = Logger()

    def __init__(
        self,
        opened: OpenAccount,
        index: Any,
        problems: IdentifierProblems,
        raises: bool = False,
    ) -> None:
        self._opened = opened
        self._index = index
        self._problems = problems
        self._raises = raises
        self._source: Any = None

    def source(self) -> Any:
        """
        @return: where the identifiers come from: L{StoreIdentifiers}, or an object with its
            methods.

        @raise JMAPAccessError: when an index does not know the name of the account.
        """
        if self._source is None:
            index, opened = self._index, self._opened
            self._source = StoreIdentifiers() if index is None else index.identifiersOf(opened)
        return self._source

    # Mailboxes

    async def mailboxID(self, name: str, mailbox: Any) -> str:
        """
        @return: the MAILBOXID, or L{LEFT_OUT}, also when another mailbox has the same one.
        """
        found = await self.readMailboxID(name, mailbox)
        if found == LEFT_OUT or self._index is not None:  # An index has no identifier twice.
            return found
        try:
            if await self._belongsTo(name, found):
                return found
            self.reportTwin(name, mailbox)
        except Exception as e:
            self._checked("MAILBOXID", e, mailbox, name)
        return LEFT_OUT

    async def readMailboxID(self, name: str, mailbox: Any) -> str:
        """
        @return: the MAILBOXID, or L{LEFT_OUT}. Another mailbox may have the same one.
        """
        try:
            value = await self.source().mailboxID(name, mailbox)
        except ClientGone:
            raise
        except MailboxForgotten:  # Nothing is wrong with the store.
            return LEFT_OUT
        except Exception as e:
            if self._raises and isinstance(e, TemporaryFailure):
                self.withhold(e)
                raise
            value = e
        found = self._checked("MAILBOXID", value, mailbox, name)
        username = self._opened.username
        if found != LEFT_OUT and self._problems.hasChangedAgain(username, name, found):
            # It does not name a mailbox over JMAP.
            kind = qual(type(mailbox))
            problem = f"{kind} has another UIDVALIDITY or MAILBOXID at each look"
            self._problems.withhold(username)
            self._problems.report(self._log, problem)
        return found

    def withhold(self, error: Exception | None = None) -> bool:
        """
        Withhold JMAPACCESS from the next logins to the account, unless it is only locked.

        @return: whether that was done.
        """
        if isLasting := not isinstance(error, IdentifiersLocked):
            self._problems.withhold(self._opened.username)
        return isLasting

    def reportTwin(self, name: str, mailbox: Any) -> None:
        """
        Report a mailbox that has the MAILBOXID of another one.
        """
        self._report("MAILBOXID", mailbox, name, "another mailbox has it as well")

    async def _belongsTo(self, name: str, mailboxID: str) -> bool:
        names = self._problems.mailboxNames(await self._account())
        before = names.get(mailboxID, name)
        if before != name and await self._areTwo(before, name):
            # Another session has renamed it, unless a mailbox of the old name still has it.
            mailbox = await openMailbox(self._opened.account, before, 0)
            source = self.source()
            if mailbox is not None and await source.mailboxID(before, mailbox) == mailboxID:
                return False
        names[mailboxID] = name
        return True

    async def _account(self) -> object:
        account = self._opened.account
        try:
            return await settled(IObjectIDAccount(account).getAccountID)
        except Exception as e:
            self._report("accountId", account, "", _problem(e), e)
            return self._opened.username

    async def _areTwo(self, one: str, other: str) -> bool:
        # One mailbox may answer to several names, but it is listed once.
        return {one, other} <= await MailboxNames(self._opened.account).refreshed()

    # Messages

    async def messageIDs(
        self, mailbox: Any, messages: Sequence[Any], name: str | None
    ) -> list[MessageIDs]:
        """
        @param name: the name by which the mailbox was opened, or L{None} when it is unknown.

        @return: the identifiers of C{messages}, in the same order.
        """
        try:
            found = await self.source().messageIDs(mailbox, messages, name)
        except ClientGone:
            raise
        except Exception as e:
            if self._raises:
                raise
            self._report("EMAILID", mailbox, name or "", _problem(e), e)
            return [MessageIDs(LEFT_OUT, LEFT_OUT)] * len(messages)
        emails = {email for email, _ in found if isinstance(email, str)}
        return [
            MessageIDs(
                self._checkedOf("EMAILID", email, message, name),
                self._checkedThread(thread, message, emails, name),
            )
            for (email, thread), message in zip(found, messages, strict=True)
        ]

    def _checkedThread(
        self, thread: object, message: Any, emails: Collection[str], name: str | None
    ) -> str | None:
        if thread is None:
            return None
        if thread in emails:
            subject = name or "", message.getUID()
            self._report("THREADID", message, subject, "it is also an EMAILID")
            return LEFT_OUT
        return self._checkedOf("THREADID", thread, message, name)

    def _checkedOf(self, kind: str, value: object, message: Any, name: str | None) -> str:
        if isinstance(value, str) and isObjectID(value):
            return value
        return self._checked(kind, value, message, (name or "", message.getUID()))

    async def search(
        self, kind: str, value: str, mailbox: Any, name: str | None
    ) -> frozenset[int] | None:
        """
        Search an index.

        @param kind: C{EMAILID} or C{THREADID}.
        @param name: see L{messageIDs}.

        @return: the UIDs of the messages that have it, or L{None} where there is no index, so that
            each message must be asked.

        @raise TemporaryFailure: when the index cannot be used.
        """
        if self._index is not None:
            return frozenset(await self.source().search(kind, value, mailbox, name))
        searched: Any = IObjectIDSearch(mailbox, None)
        if searched is None:
            return None
        search = searched.searchEmailID if kind == "EMAILID" else searched.searchThreadID
        return frozenset(await settled(search, value))

    # Changes

    async def beginChange(self, what: str, *args: Any) -> Any:
        """
        Announce a change to mailboxes or messages.

        @param what: C{creating}, C{deleting}, C{renaming} or C{copying}.

        @return: an object for L{endChange}, or L{None}.

        @raise TemporaryFailure: when the change could mix up identifiers.
        """
        if what != "copying":
            self._problems.forgetMailboxes(self._opened.username, *args)
        try:
            begin = getattr(self.source(), what, None)
        except JMAPAccessError as e:  # Then no client has seen identifiers, either.
            self._report("identifier", self._opened.account, "", _problem(e), e)
            return None
        return None if begin is None else await begin(*args)

    async def endChange(self, change: Any, outcome: str, *args: Any) -> None:
        """
        Record the outcome of a change. If that fails, the next session that needs it finds it out.

        @param outcome: C{done}, C{refused} or C{doubtful}.
        """
        if change is not None:
            try:
                await getattr(change, outcome)(*args)
            except Exception as e:
                self._report("identifier", self._opened.account, "", _problem(e), e)

    # What cannot be shown

    def _checked(self, kind: str, value: object, holder: Any, subject: object) -> str:
        if isinstance(value, str) and isObjectID(value):
            return value
        if isinstance(value, Exception):
            self._report(kind, holder, subject, _problem(value), value)
        else:
            self._report(kind, holder, subject, "its value is not a valid identifier")
        return LEFT_OUT

    def _report(
        self,
        kind: str,
        holder: Any,
        subject: object,
        problem: str,
        error: Exception | None = None,
    ) -> None:
        """
        Log that an identifier is omitted, unless that was reported before.

        @param kind: C{MAILBOXID} and the like.
        @param holder: the object that should have it.
        @param subject: the name of that object.
        """
        withheld = ""
        if (kind in _OF_ACCOUNT or isinstance(error, TemporaryFailure)) and self.withhold(error):
            withheld = f"; JMAPACCESS is withheld for {WITHHELD_SECONDS} seconds"
        count = self._problems.isNews((kind, problem), (self._opened.username, subject))
        if count:
            self._log.error(
                "The {kind} of {holder!r} ({subject}) is omitted: {problem}{withheld}{more}",
                kind=kind,
                holder=holder,
                subject=subject,
                problem=problem,
                error=error,
                withheld=withheld,
                more="; others are not reported" if count == MOST_OBJECTS else "",
            )
