# -*- test-case-name: tests.jmap.test_accountsnapshot -*-
"""
Tests for L{txjmapaccess.jmap.accountsnapshot}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.jmap.accountsnapshot import AccountSnapshot, Copy


def copy(
    emailID: str, mailboxID: str, *keywords: str, thread: str = "", at: int = 0, size: int = 100
) -> Copy:
    """
    @return: a message.
    """
    return Copy(emailID, thread or f"T{emailID}", mailboxID, 1, at, size, frozenset(keywords))


class EmailTests(SynchronousTestCase):
    """
    Emails of several copies.
    """

    def test_mailboxes(self) -> None:
        """
        An Email is in all the mailboxes where it has a copy (RFC 8621, section 4.1.1).
        """
        snapshot = AccountSnapshot([], [copy("M1", "F1"), copy("M1", "F2"), copy("M2", "F1")])
        self.assertEqual(snapshot.emails["M1"].mailboxIDs, {"F1", "F2"})
        self.assertEqual(sorted(snapshot.emails), ["M1", "M2"])

    def test_keywords(self) -> None:
        """
        It has the keywords of all copies, and is seen when all are.
        """
        copies = [copy("M1", "F1", "$seen", "$flagged"), copy("M1", "F2", "x")]
        self.assertEqual(AccountSnapshot([], copies).emails["M1"].keywords, {"$flagged", "x"})
        copies = [copy("M1", "F1", "$seen"), copy("M1", "F2", "$seen")]
        self.assertEqual(AccountSnapshot([], copies).emails["M1"].keywords, {"$seen"})

    def test_received(self) -> None:
        """
        It was received when its first copy was.
        """
        copies = [copy("M1", "F1", at=20), copy("M1", "F2", at=10)]
        self.assertEqual(AccountSnapshot([], copies).emails["M1"].receivedAt, 10)

    def test_threads(self) -> None:
        """
        Threads are sorted by date, then id (RFC 8621, section 3).
        """
        copies = [
            copy("M3", "F1", thread="T1", at=20),
            copy("M2", "F1", thread="T1", at=10),
            copy("M1", "F1", thread="T1", at=20),
        ]
        threads = AccountSnapshot([], copies).threads
        self.assertEqual([email.id for email in threads["T1"]], ["M2", "M1", "M3"])
