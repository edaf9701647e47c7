# -*- test-case-name: tests.jmap.test_mailboxmethods -*-
"""
Tests for L{txjmapaccess.jmap.mailboxmethods} (RFC 8621, section 2).
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.jmap.test_accountsnapshot import copy
from txjmapaccess.jmap.accountsnapshot import AccountSnapshot, SnapshotMailbox
from txjmapaccess.jmap.errors import MethodError
from txjmapaccess.jmap.mailboxmethods import mailboxObject, queryMailboxes


def mailbox(
    mailboxID: str, name: str, role: str | None = None, isSubscribed: bool = True
) -> SnapshotMailbox:
    """
    @return: a mailbox.
    """
    return SnapshotMailbox(mailboxID, tuple(name.split("/")), role, isSubscribed)


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
        An Email that is neither seen nor a draft is unread; two copies in one mailbox count once.
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
            ({"sort": [{}]}, "invalidArguments"),
            ({"sort": [{"property": "name", "isAscending": 1}]}, "invalidArguments"),
        ):
            with self.assertRaises(MethodError) as caught:
                self.query(**arguments)
            self.assertEqual(caught.exception.asObject()["type"], kind, arguments)
