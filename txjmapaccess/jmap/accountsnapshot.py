# -*- test-case-name: tests.jmap.test_accountsnapshot -*-
"""
The content of an account, as JMAP sees it: frozen values, and what follows from them. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class SnapshotMailbox:
    """
    A mailbox.

    @ivar id: its MAILBOXID.
    @ivar path: the segments of its name.
    @ivar role: see RFC 8621, section 2, or L{None}.
    @ivar isSubscribed: whether the user has subscribed to it.
    """

    id: str
    path: tuple[str, ...]
    role: str | None
    isSubscribed: bool


@dataclass(frozen=True, slots=True)
class Copy:
    """
    A message in a mailbox. Messages with one EMAILID are copies of one Email.

    @ivar mailboxID: the MAILBOXID of the mailbox.
    @ivar uid: its UID there.
    @ivar receivedAt: its internal date, in seconds since the epoch.
    @ivar size: in octets.
    @ivar keywords: the keywords of JMAP.
    """

    emailID: str
    threadID: str
    mailboxID: str
    uid: int
    receivedAt: int
    size: int
    keywords: frozenset[str]


class Email:
    """
    An Email: all copies of a message.

    @ivar copies: at least one, in the order in which they were received.
    @ivar id: its EMAILID.
    @ivar threadID: its THREADID.
    @ivar receivedAt: when the first copy was received, in seconds since the epoch.
    @ivar size: in octets.
    """

    def __init__(self, copies: tuple[Copy, ...]) -> None:
        self.copies = copies
        first = copies[0]
        self.id = first.emailID
        self.threadID = first.threadID
        self.receivedAt = first.receivedAt
        self.size = first.size

    @cached_property
    def mailboxIDs(self) -> frozenset[str]:
        """
        The mailboxes that it is in.
        """
        return frozenset(copy.mailboxID for copy in self.copies)

    @cached_property
    def keywords(self) -> frozenset[str]:
        """
        The keywords of all copies, but C{$seen} only if each copy has it: an Email that is unread
        in one mailbox of IMAP is unread.
        """
        found = frozenset().union(*(copy.keywords for copy in self.copies))
        allSeen = all("$seen" in copy.keywords for copy in self.copies)
        return found if allSeen else found - {"$seen"}

    @property
    def isUnread(self) -> bool:
        """
        Whether it counts in unreadEmails (RFC 8621, section 2).
        """
        return not self.keywords & {"$seen", "$draft"}


class AccountSnapshot:
    """
    An account at one time.

    @ivar mailboxes: the mailboxes by id.
    @ivar emails: the Emails by id.
    """

    def __init__(self, mailboxes: Iterable[SnapshotMailbox], copies: Iterable[Copy]) -> None:
        self.mailboxes: Mapping[str, SnapshotMailbox] = {
            mailbox.id: mailbox for mailbox in mailboxes
        }
        byID: dict[str, list[Copy]] = {}
        for copy in copies:
            byID.setdefault(copy.emailID, []).append(copy)
        self.emails: Mapping[str, Email] = {
            emailID: Email(tuple(sorted(same, key=lambda c: (c.receivedAt, c.mailboxID, c.uid))))
            for emailID, same in byID.items()
        }

    @cached_property
    def threads(self) -> Mapping[str, list[Email]]:
        """
        The Emails of each Thread, oldest first (RFC 8621, section 3).
        """
        threads: dict[str, list[Email]] = {}
        for email in sorted(self.emails.values(), key=lambda e: (e.receivedAt, e.id)):
            threads.setdefault(email.threadID, []).append(email)
        return threads

    @cached_property
    def contents(self) -> Mapping[str, list[Email]]:
        """
        The Emails of each mailbox.
        """
        contents: dict[str, list[Email]] = {mailboxID: [] for mailboxID in self.mailboxes}
        for email in self.emails.values():
            for mailboxID in email.mailboxIDs:
                contents[mailboxID].append(email)
        return contents

    @cached_property
    def _trash(self) -> str | None:
        return next((f.id for f in self.mailboxes.values() if f.role == "trash"), None)

    @cached_property
    def _unread(self) -> tuple[frozenset[str], frozenset[str]]:
        """
        The Threads with unread Emails that are not only in the trash, and those in the trash.
        """
        unread = [email for email in self.emails.values() if email.isUnread]
        elsewhere = frozenset(e.threadID for e in unread if e.mailboxIDs != {self._trash})
        return elsewhere, frozenset(e.threadID for e in unread if self._trash in e.mailboxIDs)

    def unreadThreads(self, mailboxID: str) -> int:
        """
        @return: the number of unread Threads of a mailbox (RFC 8621, section 2: Emails in the trash
            do not count elsewhere, and the others not in the trash).
        """
        elsewhere, inTrash = self._unread
        threads = {email.threadID for email in self.contents[mailboxID]}
        return len(threads & (inTrash if mailboxID == self._trash else elsewhere))

    @cached_property
    def _byPath(self) -> Mapping[tuple[str, ...], SnapshotMailbox]:
        return {mailbox.path: mailbox for mailbox in self.mailboxes.values()}

    def parentOf(self, mailbox: SnapshotMailbox) -> SnapshotMailbox | None:
        """
        @return: the nearest mailbox above C{mailbox}; levels without a mailbox are skipped.
        """
        for length in range(len(mailbox.path) - 1, 0, -1):
            above = self._byPath.get(mailbox.path[:length])
            if above is not None:
                return above
        return None
