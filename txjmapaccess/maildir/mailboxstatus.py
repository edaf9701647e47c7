# -*- test-case-name: tests.maildir.test_mailbox -*-
"""
What a mailbox says of itself without looking: from the session's view.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from txjmapaccess.maildir.directorynames import DELIMITER
from txjmapaccess.maildir.mailboxsnapshot import MailboxSnapshot
from txjmapaccess.maildir.mailboxview import MailboxView
from txjmapaccess.maildir.messageflags import SYSTEM


class MailboxStatus:
    """
    The part of L{twisted.mail.interfaces.IMailboxIMAP} that answers at once.

    @param snapshot: what the session sees.
    @param isWriteable: whether the session may change the mailbox.

    @ivar view: what the session sees.
    """

    def __init__(self, snapshot: MailboxSnapshot, isWriteable: bool) -> None:
        self.view = MailboxView.of(snapshot)
        self._isWriteable = isWriteable
        self._isDestroyed = False
        self._listeners: list[Any] = []

    def __repr__(self) -> str:
        return f"<Mailbox {self.getMailboxID()}>"

    def getFlags(self) -> list[str]:
        """
        @return: the flags that messages of the mailbox can have, or have.
        """
        noSelect = ["\\Noselect"] if self._isDestroyed else []
        return [*SYSTEM, *self.view.seen.keywords, *noSelect]

    def getHierarchicalDelimiter(self) -> str:
        """
        @return: what stands between the levels of a name.
        """
        return DELIMITER

    def getUIDValidity(self) -> int:
        """
        See L{twisted.mail.interfaces.IMailboxIMAP.getUIDValidity}.
        """
        return self.view.seen.row.uidValidity

    def getUIDNext(self) -> int:
        """
        See L{twisted.mail.interfaces.IMailboxIMAP.getUIDNext}.
        """
        return self.view.seen.row.uidNext

    def getUID(self, message: int) -> int:
        """
        @param message: a sequence number.

        @raise IndexError: when there is no such message.
        """
        if message < 1:
            raise IndexError(message)
        return self.view.entries[message - 1].uid

    def getMessageCount(self) -> int:
        """
        See L{twisted.mail.interfaces.IMailboxIMAP.getMessageCount}.
        """
        return len(self.view.entries)

    def getRecentCount(self) -> int:
        """
        See L{twisted.mail.interfaces.IMailboxIMAP.getRecentCount}.
        """
        return len(self.view.recent)

    def getUnseenCount(self) -> int:
        """
        See L{twisted.mail.interfaces.IMailboxIMAP.getUnseenCount}.
        """
        return self.view.seen.unseen

    def isWriteable(self) -> bool:
        """
        See L{twisted.mail.interfaces.IMailboxIMAP.isWriteable}.
        """
        return self._isWriteable

    def getMailboxID(self) -> str:
        """
        See L{IObjectIDMailbox}.
        """
        return self.view.seen.row.mailboxID

    def requestStatus(self, names: Iterable[str]) -> dict[str, Any]:
        """
        @param names: those of RFC 3501, and C{SIZE} (RFC 8438), C{DELETED} (RFC 9051) and
            C{MAILBOXID} (RFC 8474).
        """
        sources = {
            "MESSAGES": self.getMessageCount,
            "RECENT": self.getRecentCount,
            "UIDNEXT": self.getUIDNext,
            "UIDVALIDITY": self.getUIDValidity,
            "UNSEEN": self.getUnseenCount,
            "SIZE": lambda: sum(entry.record.size for entry in self.view.entries),
            "DELETED": lambda: sum(entry.flags.isDeleted for entry in self.view.entries),
            "MAILBOXID": lambda: f"({self.getMailboxID()})",
        }
        return {name: sources[name.upper()]() for name in names}

    def addListener(self, listener: Any) -> None:
        """
        See L{twisted.mail.interfaces.IMailboxIMAP.addListener}.
        """
        self._listeners.append(listener)

    def removeListener(self, listener: Any) -> None:
        """
        @raise ValueError: when it is no listener of this mailbox.
        """
        self._listeners.remove(listener)

    def destroy(self) -> None:
        """
        Called before the mailbox is deleted; it is the account that deletes.
        """
        self._isDestroyed = True
