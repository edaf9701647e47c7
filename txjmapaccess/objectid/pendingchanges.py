# -*- test-case-name: tests.objectid.test_accountindex -*-
"""
Changes to mailboxes that an L{AccountIndex<txjmapaccess.objectid.accountindex.AccountIndex>} has
noted, and their outcome.
"""

from __future__ import annotations

from typing import NamedTuple

#: An EMAILID and a THREADID.
IDs = tuple[str, str]

#: Kinds of L{PendingChange}, and their possible outcomes.
RENAME, DELETE, COPY = "rename", "delete", "copy"
MOVED, GONE, AS_BEFORE = "moved", "gone", "as before"


class MailboxKey(NamedTuple):
    """
    A mailbox in the index.

    @ivar row: stays the same when the mailbox is renamed.
    """

    row: int
    mailboxID: str


class PendingChange(NamedTuple):
    """
    A change that a session is about to make, or was when its process was killed.

    @ivar kind: L{RENAME}, L{DELETE} or L{COPY}.
    @ivar name: of the mailbox that is renamed or deleted.
    @ivar target: the name that it gets.
    @ivar mailbox: the row of the mailbox that is copied into.
    @ivar uidNext: no copy has a UID below this.
    @ivar isHidden: whether the store has C{name}, but does not list it.
    @ivar id: in the index.
    """

    kind: str
    name: str = ""
    target: str = ""
    mailbox: int = 0
    uidNext: int = 0
    isHidden: bool = False
    id: int = 0


class SettledChange(NamedTuple):
    """
    The outcome of a change.

    @ivar result: L{MOVED}, L{GONE} or L{AS_BEFORE}.
    @ivar target: the name to which a mailbox was moved.
    @ivar uidValidity: its UIDVALIDITY now, or L{None} for what it was.
    """

    begun: PendingChange
    result: str
    target: str = ""
    uidValidity: int | None = None


class ChangePending(Exception):
    """
    A pending change may concern the request: it must be settled first.
    """
