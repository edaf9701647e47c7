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
from txjmapaccess.store.identifierfailures import WITHHELD_SECONDS, AccountFailures
from txjmapaccess.store.mailboxes import MailboxNames, openMailbox
from txjmapaccess.store.objectids import (
    LEFT_OUT,
    MailboxForgotten,
    MessageIDs,
    StoreIdentifiers,
    isObjectID,
)
from txjmapaccess.store.openaccount import OpenAccount
from txjmapaccess.store.problemreports import MOST_OBJECTS, ProblemReports

#: Without these an account cannot be used over JMAP. A message can be without its own.
_OF_ACCOUNT = frozenset(("MAILBOXID", "accountId"))


def _problem(error: Exception) -> str:
    # Of an exception that is not ours nobody knows what its text holds.
    return str(error) if isinstance(error, JMAPAccessError) else f"{type(error).__name__} raised"


class AccountIdentifiers:
    """
    The identifiers of one account, as a session shows them.

    @param opened: the account.
    @param index: the L{ObjectIDIndex<txjmapaccess.objectid.ObjectIDIndex>}, or L{None} for a store
        that has identifiers.
    @param reports: what has been reported of this server's stores.
    @param raises: whether what keeps all of a mailbox's identifiers from being had is raised, where
        otherwise they are left out: it is not empty.
    """

    _log = Logger()

    def __init__(
        self,
        opened: OpenAccount,
        index: Any,
        reports: ProblemReports,
        raises: bool = False,
    ) -> None:
        self._opened = opened
        self._index = index
        self._reports = reports
        self._raises = raises
        self._found: Any = None
        #: What the logins of this server know about the identifiers of this account.
        self.failures = AccountFailures(reports.failures, opened.username)

    def source(self) -> Any:
        """
        @return: where the identifiers come from: L{StoreIdentifiers}, or what has its methods.

        @raise JMAPAccessError: when an index does not know whose account this is.
        """
        if self._found is None:
            index, opened = self._index, self._opened
            self._found = StoreIdentifiers() if index is None else index.identifiersOf(opened)
        return self._found

    # Mailboxes

    async def mailboxID(self, name: str, mailbox: Any) -> str:
        """
        @return: the MAILBOXID, or L{LEFT_OUT}: also where another mailbox has the same.
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
        @return: the MAILBOXID, or L{LEFT_OUT}. Whether another mailbox has it too is not looked
            at.
        """
        try:
            value = await self.source().mailboxID(name, mailbox)
        except ClientGone:
            raise
        except MailboxForgotten:  # Nothing is wrong with the store.
            return LEFT_OUT
        except Exception as e:
            if self._raises and isinstance(e, TemporaryFailure):
                self.failures.add()
                raise
            value = e
        found = self._checked("MAILBOXID", value, mailbox, name)
        if found != LEFT_OUT and self.failures.hasChangedAgain(name, found):
            # It does not name a mailbox over JMAP.
            kind = qual(type(mailbox))
            problem = f"{kind} has another UIDVALIDITY or MAILBOXID at each look"
            self.failures.withhold(self._log, problem)
        return found

    def reportTwin(self, name: str, mailbox: Any) -> None:
        """
        Report a mailbox whose MAILBOXID another one has.
        """
        self._report("MAILBOXID", mailbox, name, "another mailbox has it too")

    async def _belongsTo(self, name: str, mailboxID: str) -> bool:
        names = self._reports.mailboxNames(await self._account())
        before = names.get(mailboxID, name)
        if before != name and await self._areTwo(before, name):
            # Renamed, by somebody else, unless a mailbox of the old name still has it.
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
        @param name: by which the mailbox was opened, or L{None} when that is not known.

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
            self._report("THREADID", message, subject, "it is an EMAILID too")
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
        @param name: as L{messageIDs} takes it.

        @return: the UIDs of the messages that have it; or L{None} where there is no index, and each
            message must be asked.

        @raise TemporaryFailure: when the index cannot be used.
        """
        if self._index is not None:
            source = self.source()
            search = source.searchEmailID if kind == "EMAILID" else source.searchThreadID
            return frozenset(await search(mailbox, value, name))
        searched: Any = IObjectIDSearch(mailbox, None)
        if searched is None:
            return None
        search = searched.searchEmailID if kind == "EMAILID" else searched.searchThreadID
        return frozenset(await settled(search, value))

    # Changes

    async def beginChange(self, what: str, *args: Any) -> Any:
        """
        Tell those who keep identifiers what is about to happen to mailboxes or messages.

        @param what: C{creating}, C{deleting}, C{renaming} or C{copying}.

        @return: what is to be told the outcome (C{done}, C{refused} or C{doubtful}), or L{None}.

        @raise TemporaryFailure: when identifiers could get mixed up by it.
        """
        if what != "copying":
            self.failures.forget(*args)
        try:
            begin = getattr(self.source(), what, None)
        except JMAPAccessError as e:  # Then none has been shown, either.
            self._report("identifier", self._opened.account, "", _problem(e), e)
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
                self._report("identifier", self._opened.account, "", _problem(e), e)

    # What cannot be shown

    def _checked(self, kind: str, value: object, holder: Any, subject: object) -> str:
        if isinstance(value, str) and isObjectID(value):
            return value
        if isinstance(value, Exception):
            self._report(kind, holder, subject, _problem(value), value)
        else:
            self._report(kind, holder, subject, "its value has not the form of one")
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
        Tell the operator that an identifier is left out, unless that was reported before.

        @param kind: which one.
        @param holder: the object that should have it.
        @param subject: which object of the user's that is.
        @param error: what was raised, or L{None}.
        """
        withheld = ""
        if kind in _OF_ACCOUNT or isinstance(error, TemporaryFailure):
            self.failures.add()
            withheld = f"; JMAPACCESS is withheld for {WITHHELD_SECONDS} seconds"
        count = self._reports.isNews((kind, problem), (self._opened.username, subject))
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
