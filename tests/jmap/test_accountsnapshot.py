# -*- test-case-name: tests.jmap.test_accountsnapshot -*-
"""
Tests for L{txjmapaccess.jmap.accountsnapshot} and L{txjmapaccess.jmap.mailboxmethods}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.jmap.accountsnapshot import AccountSnapshot, Copy, SnapshotMailbox
from txjmapaccess.jmap.errors import MethodError
from txjmapaccess.jmap.flags import keywordsOf, roleOf
from txjmapaccess.jmap.mailboxmethods import mailboxObject, queryMailboxes


def mailbox(
    mailboxID: str, name: str, role: str | None = None, isSubscribed: bool = True
) -> SnapshotMailbox:
    """
    @return: a mailbox.
    """
    return SnapshotMailbox(mailboxID, tuple(name.split("/")), role, isSubscribed)


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


class CountTests(SynchronousTestCase):
    """
    The counts of a Mailbox (RFC 8621, section 2).
    """

    def counts(self, snapshot: AccountSnapshot, mailboxID: str) -> tuple[int, int, int, int]:
        """
        @return: the four counts.
        """
        made = mailboxObject(snapshot.mailboxes[mailboxID], snapshot)
        return (
            made["totalEmails"],
            made["unreadEmails"],
            made["totalThreads"],
            made["unreadThreads"],
        )

    def test_unread(self) -> None:
        """
        What is neither seen nor a draft is unread; two copies in one mailbox count once.
        """
        snapshot = AccountSnapshot(
            [mailbox("F1", "INBOX")],
            [
                copy("M1", "F1", "$seen", thread="T1"),
                copy("M2", "F1", "$draft", thread="T1"),
                copy("M3", "F1", thread="T2"),
                copy("M3", "F1", thread="T2"),
            ],
        )
        self.assertEqual(self.counts(snapshot, "F1"), (3, 1, 2, 1))

    def test_unreadElsewhere(self) -> None:
        """
        A Thread is unread in all its mailboxes when any of its Emails is.
        """
        snapshot = AccountSnapshot(
            [mailbox("F1", "INBOX"), mailbox("F2", "Sent")],
            [copy("M1", "F1", thread="T1"), copy("M2", "F2", "$seen", thread="T1")],
        )
        self.assertEqual(self.counts(snapshot, "F2"), (1, 0, 1, 1))

    def test_trash(self) -> None:
        """
        The example of section 2: an unread Email in the trash, a read one in the inbox.
        """
        snapshot = AccountSnapshot(
            [mailbox("F1", "INBOX", "inbox"), mailbox("F2", "Trash", "trash")],
            [copy("M1", "F2", thread="T1"), copy("M2", "F1", "$seen", thread="T1")],
        )
        self.assertEqual(self.counts(snapshot, "F2"), (1, 1, 1, 1))
        self.assertEqual(self.counts(snapshot, "F1"), (1, 0, 1, 0))


class MailboxTests(SynchronousTestCase):
    """
    Mailbox objects.
    """

    def test_properties(self) -> None:
        """
        They have all properties of section 2; this side only reads.
        """
        snapshot = AccountSnapshot([mailbox("F1", "INBOX", "inbox")], [])
        made = mailboxObject(snapshot.mailboxes["F1"], snapshot)
        rights = made.pop("myRights")
        self.assertEqual(
            made,
            {
                **{"id": "F1", "name": "Inbox", "parentId": None, "role": "inbox"},
                **{"sortOrder": 1, "isSubscribed": True},
                **{"totalEmails": 0, "unreadEmails": 0, "totalThreads": 0, "unreadThreads": 0},
            },
        )
        self.assertEqual([name for name, may in rights.items() if may], ["mayReadItems"])
        self.assertEqual(len(rights), 9)

    def test_parents(self) -> None:
        """
        The parent is the nearest mailbox above; where a level is none, the name has it.
        """
        snapshot = AccountSnapshot(
            [
                mailbox("F1", "a"),
                mailbox("F2", "a/b"),
                mailbox("F3", "a/x/c"),
                mailbox("F4", "y/d"),
            ],
            [],
        )
        made = [mailboxObject(f, snapshot) for f in snapshot.mailboxes.values()]
        self.assertEqual(
            [(m["name"], m["parentId"]) for m in made],
            [("a", None), ("b", "F1"), ("x/c", "F1"), ("y/d", None)],
        )

    def test_roles(self) -> None:
        """
        Roles come from the attributes of RFC 6154, and INBOX is the inbox.
        """
        self.assertEqual(roleOf(("INBOX",), []), "inbox")
        self.assertEqual(roleOf(("x",), ["\\HasNoChildren", "\\Sent"]), "sent")
        self.assertEqual(roleOf(("x",), [b"\\Trash"]), "trash")
        self.assertIsNone(roleOf(("Sent",), ["\\Marked"]))

    def test_keywords(self) -> None:
        """
        The flags of IMAP as keywords (section 4.1.1): \\Recent is not there, what is \\Deleted is
        not seen at all.
        """
        self.assertEqual(
            keywordsOf(["\\Seen", b"\\Answered", "\\Recent", "$Forwarded", "Foo"]),
            {"$seen", "$answered", "$forwarded", "foo"},
        )
        self.assertIsNone(keywordsOf(["\\Seen", "\\DELETED"]))


class QueryTests(SynchronousTestCase):
    """
    Mailbox/query (section 2.3).
    """

    def query(self, **arguments: Any) -> list[str]:
        """
        @return: the ids.
        """
        mailboxes = [
            mailbox("F1", "INBOX", "inbox"),
            mailbox("F2", "b", isSubscribed=False),
            mailbox("F3", "b/a"),
            mailbox("F4", "Sent", "sent"),
        ]
        return queryMailboxes(AccountSnapshot(mailboxes, []), arguments)

    def test_default(self) -> None:
        """
        The inbox comes first, then the others by name.
        """
        self.assertEqual(self.query(), ["F1", "F4", "F3", "F2"])

    def test_filters(self) -> None:
        """
        All conditions of a filter must match.
        """
        for condition, ids in (
            ({"parentId": "F2"}, ["F3"]),
            ({"parentId": None, "hasAnyRole": False}, ["F2"]),
            ({"name": "B"}, ["F1", "F2"]),
            ({"role": "sent"}, ["F4"]),
            ({"hasAnyRole": True}, ["F1", "F4"]),
            ({"isSubscribed": False}, ["F2"]),
            ({}, ["F1", "F4", "F3", "F2"]),
        ):
            self.assertEqual(self.query(filter=condition), ids, condition)

    def test_sort(self) -> None:
        """
        By name and by sortOrder, in both directions.
        """
        byName = [{"property": "name", "isAscending": False}]
        self.assertEqual(self.query(sort=byName), ["F2", "F3", "F4", "F1"])

    def test_unsupported(self) -> None:
        """
        What cannot be done is said to be.
        """
        for arguments, kind in (
            ({"filter": {"operator": "AND", "conditions": []}}, "unsupportedFilter"),
            ({"sortAsTree": True}, "unsupportedFilter"),
            ({"sort": [{"property": "role"}]}, "unsupportedSort"),
            ({"filter": {"nothing": 1}}, "invalidArguments"),
            ({"filter": []}, "invalidArguments"),
            ({"sort": "name"}, "invalidArguments"),
        ):
            with self.assertRaises(MethodError) as caught:
                self.query(**arguments)
            self.assertEqual(caught.exception.asObject()["type"], kind, arguments)
