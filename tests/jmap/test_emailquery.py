# -*- test-case-name: tests.jmap.test_emailquery -*-
"""
Tests for L{txjmapaccess.jmap.emailquery} and L{txjmapaccess.jmap.emailfilter} (RFC 8620, section
5.5; RFC 8621, section 4.4).
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.jmap.test_accountsnapshot import copy
from txjmapaccess.jmap.accountsnapshot import AccountSnapshot
from txjmapaccess.jmap.emailquery import collapseThreads, sortEmails, window
from txjmapaccess.jmap.emailsearch import EmailSearch
from txjmapaccess.jmap.errors import MethodError

_DAY = 86400

_SNAPSHOT = AccountSnapshot(
    [],
    [
        copy("M1", "F1", "$seen", thread="T1", at=1 * _DAY, size=100),
        copy("M2", "F1", "$flagged", thread="T1", at=2 * _DAY, size=300),
        copy("M3", "F2", "$seen", "$flagged", thread="T2", at=3 * _DAY, size=200),
        copy("M3", "F1", "$seen", "$flagged", thread="T2", at=3 * _DAY, size=200),
        copy("M4", "F3", thread="T3", at=4 * _DAY, size=400),
    ],
)


class FilterTests(SynchronousTestCase):
    """
    Filters (RFC 8621, section 4.4.1).
    """

    def assertMatches(self, condition: Any, *ids: str) -> None:
        search = EmailSearch(condition, _SNAPSHOT)
        self.assertFalse(search.looksInside)
        self.assertEqual([email.id for email in search.candidates()], list(ids))

    def test_none(self) -> None:
        """
        No filter, or one without conditions, matches all.
        """
        self.assertMatches(None, "M1", "M2", "M3", "M4")
        self.assertMatches({}, "M1", "M2", "M3", "M4")

    def test_mailboxes(self) -> None:
        """
        C{inMailbox} and C{inMailboxOtherThan}.
        """
        self.assertMatches({"inMailbox": "F1"}, "M1", "M2", "M3")
        self.assertMatches({"inMailboxOtherThan": ["F1"]}, "M3", "M4")
        self.assertMatches({"inMailbox": "nothing"})

    def test_dates(self) -> None:
        """
        C{before} excludes the date, C{after} includes it.
        """
        self.assertMatches({"before": "1970-01-04T00:00:00Z"}, "M1", "M2")
        self.assertMatches({"after": "1970-01-04T00:00:00Z"}, "M3", "M4")

    def test_sizes(self) -> None:
        """
        C{minSize} includes the size, C{maxSize} excludes it.
        """
        self.assertMatches({"minSize": 300}, "M2", "M4")
        self.assertMatches({"maxSize": 300}, "M1", "M3")

    def test_keywords(self) -> None:
        """
        C{hasKeyword} and C{notKeyword}, without regard to case.
        """
        self.assertMatches({"hasKeyword": "$Seen"}, "M1", "M3")
        self.assertMatches({"notKeyword": "$seen"}, "M2", "M4")

    def test_threads(self) -> None:
        """
        Keywords of all, some and none of a Thread's Emails.
        """
        self.assertMatches({"allInThreadHaveKeyword": "$seen"}, "M3")
        self.assertMatches({"someInThreadHaveKeyword": "$seen"}, "M1", "M2", "M3")
        self.assertMatches({"noneInThreadHaveKeyword": "$seen"}, "M4")

    def test_all(self) -> None:
        """
        Several conditions must all match.
        """
        self.assertMatches({"inMailbox": "F1", "hasKeyword": "$flagged"}, "M2", "M3")

    def test_operators(self) -> None:
        """
        AND, OR and NOT, in each other (RFC 8620, section 5.5).
        """
        flagged, seen = {"hasKeyword": "$flagged"}, {"hasKeyword": "$seen"}
        for operator, ids in (("AND", ["M3"]), ("OR", ["M1", "M2", "M3"]), ("NOT", ["M4"])):
            self.assertMatches({"operator": operator, "conditions": [flagged, seen]}, *ids)
        inner = {"operator": "NOT", "conditions": [seen]}
        self.assertMatches({"operator": "AND", "conditions": [flagged, inner]}, "M2")
        self.assertMatches({"operator": "OR", "conditions": []})

    def assertProblem(self, kind: str, condition: Any) -> None:
        with self.assertRaises(MethodError) as caught:
            EmailSearch(condition, _SNAPSHOT)
        self.assertEqual(caught.exception.asObject()["type"], kind, condition)

    def test_invalid(self) -> None:
        """
        Wrong types, unknown conditions and too many filters in each other are
        C{invalidArguments}.
        """
        deep: Any = {}
        for _ in range(30):
            deep = {"operator": "AND", "conditions": [deep]}
        for condition in (
            [],
            "x",
            deep,
            {"nothing": 1},
            {"inMailbox": None},
            {"inMailboxOtherThan": "F1"},
            {"before": "yesterday"},
            {"after": "1970-01-04T00:00:00+01:00"},
            {"before": 1},
            {"minSize": "1"},
            {"minSize": True},
            {"maxSize": -1},
            {"hasKeyword": None},
            {"operator": "XOR", "conditions": []},
            {"operator": "AND"},
            {"operator": "AND", "conditions": [None]},
        ):
            self.assertProblem("invalidArguments", condition)


class SortTests(SynchronousTestCase):
    """
    Sorting (RFC 8621, section 4.4.2).
    """

    def assertOrder(self, comparators: Any, *ids: str) -> None:
        ordered = sortEmails(_SNAPSHOT.emails.values(), comparators, _SNAPSHOT)
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
                sortEmails([], comparators, _SNAPSHOT)
            self.assertEqual(caught.exception.asObject()["type"], kind, comparators)

    def test_collapse(self) -> None:
        """
        The first Email of each Thread stays (section 4.4.3).
        """
        ordered = sortEmails(_SNAPSHOT.emails.values(), None, _SNAPSHOT)
        self.assertEqual([email.id for email in collapseThreads(ordered)], ["M4", "M3", "M2"])


class WindowTests(SynchronousTestCase):
    """
    Which part of the result is given (RFC 8620, section 5.5).
    """

    def window(self, **arguments: Any) -> dict[str, Any]:
        """
        @return: the window over C{abcde}, of which 3 are given at most.
        """
        return window(list("abcde"), arguments, 3)

    def test_limits(self) -> None:
        """
        The server's limit is told when it is not the client's.
        """
        self.assertEqual(self.window(), {"position": 0, "ids": ["a", "b", "c"], "limit": 3})
        self.assertEqual(self.window(limit=9), {"position": 0, "ids": ["a", "b", "c"], "limit": 3})
        self.assertEqual(self.window(limit=2), {"position": 0, "ids": ["a", "b"]})
        self.assertEqual(self.window(limit=0), {"position": 0, "ids": []})

    def test_positions(self) -> None:
        """
        Negative positions count from the end.
        """
        for position, start, ids in ((3, 3, "de"), (-2, 3, "de"), (-9, 0, "abc"), (5, 5, "")):
            result = self.window(position=position)
            self.assertEqual((result["position"], result["ids"]), (start, list(ids)))

    def test_anchors(self) -> None:
        """
        With an anchor, the position does not count.
        """
        for offset, start in ((0, 2), (1, 3), (-1, 1), (-9, 0)):
            result = self.window(anchor="c", anchorOffset=offset, position=4)
            self.assertEqual(result["position"], start)

    def test_total(self) -> None:
        """
        The total is given only when it is asked for.
        """
        self.assertEqual(self.window(calculateTotal=True)["total"], 5)
        self.assertNotIn("total", self.window())

    def test_problems(self) -> None:
        """
        An anchor that is not there, and wrong types.
        """
        for arguments, kind in (
            ({"anchor": "x"}, "anchorNotFound"),
            ({"limit": -1}, "invalidArguments"),
            ({"limit": "1"}, "invalidArguments"),
            ({"position": None}, "invalidArguments"),
            ({"position": 1.5}, "invalidArguments"),
            ({"anchor": "a", "anchorOffset": True}, "invalidArguments"),
        ):
            with self.assertRaises(MethodError) as caught:
                self.window(**arguments)
            self.assertEqual(caught.exception.asObject()["type"], kind, arguments)
