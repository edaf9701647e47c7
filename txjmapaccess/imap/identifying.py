# -*- test-case-name: tests.test_objectid -*-
"""
Object identifiers (RFC 8474) as a connection finds them: from the store, by adaptation, or from an
L{txjmapaccess.objectid.ObjectIDIndex}. Every one is checked before a client sees it. One that
cannot be shown is left out, and logged once with the object at fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txjmapaccess.errors import JMAPAccessError
from txjmapaccess.imap.dispatch import CommandDispatch
from txjmapaccess.imap.waiting import settled
from txjmapaccess.interfaces import IObjectIDMailbox, IObjectIDMessage

_OBJECTID = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")

#: In the place of an identifier that cannot be shown.
LEFT_OUT = ""


def isObjectID(value: object) -> bool:
    """
    @return: whether C{value} is a L{str} of the form of an object identifier (RFC 8474, section
        7).
    """
    return isinstance(value, str) and _OBJECTID.match(value) is not None


class MessageIDs(NamedTuple):
    """
    The identifiers of a message, each a checked L{str} or L{LEFT_OUT}; L{None} is a THREADID of
    NIL.
    """

    email: str
    thread: str | None


class StoreIdentifiers:
    """
    The identifiers of a store that has them.
    """

    async def mailboxID(self, name: str, mailbox: Any) -> object:
        """
        @return: the MAILBOXID, not checked.
        """
        return await settled(IObjectIDMailbox(mailbox).getMailboxID)

    async def messageIDs(
        self, mailbox: Any, messages: Sequence[Any]
    ) -> list[tuple[object, object]]:
        """
        @return: an EMAILID and a THREADID for each message, not checked; in the place of one
            that could not be had, the exception.
        """
        found: list[tuple[object, object]] = []
        for message in messages:
            try:
                identified = IObjectIDMessage(message)
                email, thread = identified.getEmailID(), identified.getThreadID()
                if isinstance(email, Deferred):
                    email = await email
                if isinstance(thread, Deferred):
                    thread = await thread
            except Exception as e:
                found.append((e, e))
            else:
                found.append((email, thread))
        return found


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
        seconds: Callable[[], float]

        def hasObjectIDs(self) -> bool: ...

    _source: Any = None
    _reported: set[object] | None = None
    _nameOf: dict[str, str] | None = None

    def identifiers(self) -> Any:
        """
        @return: where the identifiers of this connection's account come from.
        """
        if self._source is None:
            index = self.objectIDs
            self._source = StoreIdentifiers() if index is None else index.ofConnection(self)
        return self._source

    async def mailboxIDOf(self, name: str, mailbox: Any) -> str:
        """
        @return: the MAILBOXID, or L{LEFT_OUT}.
        """
        if not self.hasObjectIDs():
            return LEFT_OUT
        try:
            value = await self.identifiers().mailboxID(name, mailbox)
            found = self._checked("MAILBOXID", value, mailbox)
            if found == LEFT_OUT or await self._belongsTo(name, found):
                return found
            self._report("MAILBOXID", found, mailbox, "another mailbox has it too")
        except Exception as e:
            self._checked("MAILBOXID", e, mailbox)
        return LEFT_OUT

    async def _belongsTo(self, name: str, mailboxID: str) -> bool:
        names = self._nameOf = {} if self._nameOf is None else self._nameOf
        before = names.get(mailboxID, name)
        if before != name:
            # Renamed, by somebody else, unless a mailbox of the old name still has it.
            mailbox = await settled(self.account.select, before, 0)
            if mailbox is not None:
                other = await self.identifiers().mailboxID(before, mailbox)
                if other == mailboxID:
                    return False
        names[mailboxID] = name
        return True

    async def messageIDsOf(self, mailbox: Any, messages: Sequence[Any]) -> list[MessageIDs]:
        """
        @return: the identifiers of C{messages}, in the same order.
        """
        if not self.hasObjectIDs():
            return [MessageIDs(LEFT_OUT, LEFT_OUT)] * len(messages)
        try:
            found = await self.identifiers().messageIDs(mailbox, messages)
        except Exception as e:
            self._report("EMAILID", None, mailbox, _problem(e), e)
            return [MessageIDs(LEFT_OUT, LEFT_OUT)] * len(messages)
        return [
            MessageIDs(
                self._checked("EMAILID", email, message),
                None if thread is None else self._checked("THREADID", thread, message),
            )
            for (email, thread), message in zip(found, messages, strict=True)
        ]

    async def tellIdentifiers(self, what: str, *args: Any) -> None:
        """
        Tell those who keep identifiers what has become of mailboxes and messages. Whatever goes
        wrong there, mail can be read and changed.

        @param what: C{renaming}, C{renamed}, C{notRenamed}, C{deleted} or C{copied}.
        """
        if self.hasObjectIDs():
            try:
                method = getattr(self.identifiers(), what, None)
                if method is not None:
                    await method(*args)
            except Exception as e:
                self._report("identifier", None, self.account, _problem(e), e)

    def _checked(self, kind: str, value: object, holder: Any) -> str:
        if isinstance(value, str) and _OBJECTID.match(value):
            return value
        if isinstance(value, Exception):
            self._report(kind, None, holder, _problem(value), value)
        else:
            self._report(kind, None, holder, "its value has not the form of one")
        return LEFT_OUT

    def _report(
        self, kind: str, value: object, holder: Any, problem: str, error: Exception | None = None
    ) -> None:
        reported = self._reported = set() if self._reported is None else self._reported
        subject = (kind, type(holder), value, problem)
        if subject in reported:
            return
        reported.add(subject)
        self._log.error(
            "The {kind} of {holder!r} is left out: {problem}",
            kind=kind,
            holder=holder,
            problem=problem,
            error=error,
        )
