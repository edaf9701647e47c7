# -*- test-case-name: tests.jmap.test_emailquery -*-
"""
Tests for L{txjmapaccess.jmap.emailmethods} (RFC 8621, section 4.4).
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.jmap.test_accountsnapshot import copy
from txjmapaccess.jmap.accountsnapshot import AccountSnapshot
from txjmapaccess.jmap.emailmethods import collapseThreads, sortEmails
from txjmapaccess.jmap.errors import MethodError

_DAY = 86400

EMAILS = AccountSnapshot(
    [],
    [
        copy("M1", "F1", "$seen", thread="T1", at=1 * _DAY, size=100),
        copy("M2", "F1", "$flagged", thread="T1", at=2 * _DAY, size=300),
        copy("M3", "F2", "$seen", "$flagged", thread="T2", at=3 * _DAY, size=200),
        copy("M3", "F1", "$seen", "$flagged", thread="T2", at=3 * _DAY, size=200),
        copy("M4", "F3", thread="T3", at=4 * _DAY, size=400),
    ],
)


class SortTests(SynchronousTestCase):
    """
    Sorting (RFC 8621, section 4.4.2).
    """

    def assertOrder(self, comparators: Any, *ids: str) -> None:
        ordered = sortEmails(EMAILS.emails.values(), comparators, EMAILS)
        self.assertEqual([email.id for email in ordered], list(ids))

    def test_default(self) -> None:
        """
        The latest first.
        """
        self.assertOrder(None, "M4", "M3", "M2", "M1")
        self.assertOrder([], "M4", "M3", "M2", "M1")

    def test_properties(self) -> None:
        """
        By date and size, in both directions.
        """
        self.assertOrder([{"property": "receivedAt"}], "M1", "M2", "M3", "M4")
        self.assertOrder([{"property": "size", "isAscending": False}], "M4", "M2", "M3", "M1")

    def test_keywords(self) -> None:
        """
        Those without a keyword come before those with it, of the Email or its Thread; what is equal
        goes by the next comparator.
        """
        comparators = [
            {"property": "hasKeyword", "keyword": "$flagged", "isAscending": False},
            {"property": "size"},
        ]
        self.assertOrder(comparators, "M3", "M2", "M1", "M4")
        some = [{"property": "someInThreadHaveKeyword", "keyword": "$flagged"}]
        self.assertOrder(some, "M4", "M3", "M2", "M1")
        every = [
            {"property": "allInThreadHaveKeyword", "keyword": "$flagged", "isAscending": False}
        ]
        self.assertOrder(every, "M3", "M4", "M2", "M1")

    def test_problems(self) -> None:
        """
        Unknown properties are C{unsupportedSort}, wrong types C{invalidArguments}.
        """
        for comparators, kind in (
            ([{"property": "subject"}], "unsupportedSort"),
            ({}, "invalidArguments"),
            ([1], "invalidArguments"),
            ([{}], "invalidArguments"),
            ([{"property": "size", "isAscending": 1}], "invalidArguments"),
            ([{"property": "hasKeyword"}], "invalidArguments"),
        ):
            with self.assertRaises(MethodError) as caught:
                sortEmails([], comparators, EMAILS)
            self.assertEqual(caught.exception.asObject()["type"], kind, comparators)

    def test_collapse(self) -> None:
        """
        The first Email of each Thread stays (section 4.4.3).
        """
        ordered = sortEmails(EMAILS.emails.values(), None, EMAILS)
        self.assertEqual([email.id for email in collapseThreads(ordered)], ["M4", "M3", "M2"])
