# -*- test-case-name: tests.objectid.test_objectid -*-
"""
Object identifiers (RFC 8474): what they look like, and those of a store that has them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred

from txjmapaccess.coroutines import settled
from txjmapaccess.errors import JMAPAccessError, TemporaryFailure
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


class MailboxForgotten(JMAPAccessError):
    """
    A mailbox was renamed or deleted after a session had opened it.
    """

    def __init__(self) -> None:
        super().__init__("the mailbox was renamed or deleted")


class IdentifiersLocked(TemporaryFailure):
    """
    Another process keeps the identifiers of an account locked. They are not lost: only the login
    that finds them locked goes without JMAPACCESS.
    """


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
        self, mailbox: Any, messages: Sequence[Any], name: str | None = None
    ) -> list[tuple[object, object]]:
        """
        @param name: by which the mailbox was opened, or L{None} when that is not known.

        @return: an EMAILID and a THREADID for each message, not checked; in the place of one
            that could not be had, the exception.
        """
        found: list[tuple[object, object]] = []
        email: object
        thread: object
        for message in messages:
            identified: Any = IObjectIDMessage(message, None)
            if identified is None:
                nothing = JMAPAccessError("it does not adapt to IObjectIDMessage")
                found.append((nothing, nothing))
                continue
            try:
                email = identified.getEmailID()
                if isinstance(email, Deferred):
                    email = await email
            except Exception as e:
                email = e
            try:
                thread = identified.getThreadID()
                if isinstance(thread, Deferred):
                    thread = await thread
            except Exception as e:
                thread = e
            found.append((email, thread))
        return found
