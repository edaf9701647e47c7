# -*- test-case-name: tests.jmap.test_emailsearch -*-
"""
Tests for L{txjmapaccess.jmap.emailsearch} and L{txjmapaccess.jmap.filterconditions} (RFC 8620,
section 5.5; RFC 8621, section 4.4.1).
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.jmap.test_accountsnapshot import copy
from tests.jmap.test_emailmethods import EMAILS
from txjmapaccess.jmap.accountsnapshot import AccountSnapshot
from txjmapaccess.jmap.emailsearch import EmailSearch
from txjmapaccess.jmap.errors import MethodError
from txjmapaccess.jmap.filterconditions import tokensOf

_MESSAGE = b"\r\n".join(
    (
        b"From: =?utf-8?Q?J=C3=BCrgen?= <juergen@example.com>",
        b"To: Arnt <arnt@example.com>",
        b"Cc: Bron <bron@example.com>",
        b"Subject: Lunch on Friday",
        b"X-Test: one",
        b"X-Test: two three",
        b"Content-Type: multipart/mixed; boundary=o",
        b"",
        b"--o",
        b"Content-Type: text/html; charset=utf-8",
        b"",
        b"<p class=hidden>At the <b>fish</b> market</p><style>p { color: red }</style>",
        b"--o",
        b"Content-Type: application/x-test",
        b"",
        b"salad",
        b"--o--",
        b"",
    )
)

_SNAPSHOT = AccountSnapshot([], [copy("M1", "F1", "$seen"), copy("M2", "F2")])


class FilterTests(SynchronousTestCase):
    """
    Filters (RFC 8621, section 4.4.1).
    """

    def assertMatches(self, condition: Any, *ids: str) -> None:
        search = EmailSearch(condition, EMAILS)
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
            EmailSearch(condition, EMAILS)
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


class MatchTests(SynchronousTestCase):
    """
    Whether a message matches.
    """

    def matches(self, condition: Any) -> bool:
        """
        @return: whether the message above matches.
        """
        search = EmailSearch(condition, _SNAPSHOT)
        self.assertTrue(search.looksInside)
        return search.matches(_SNAPSHOT.emails["M1"], _MESSAGE)

    def assertMatches(self, **conditions: Any) -> None:
        self.assertTrue(self.matches(conditions), conditions)

    def assertNoMatch(self, **conditions: Any) -> None:
        self.assertFalse(self.matches(conditions), conditions)

    def test_fields(self) -> None:
        """
        Text is found in header fields, decoded and in any case of letters.
        """
        self.assertMatches(**{"from": "J\xdcRGEN"})
        self.assertMatches(to="arnt@example.com")
        self.assertMatches(cc="bron", subject="lunch")
        self.assertNoMatch(to="bron")
        self.assertNoMatch(bcc="bron")

    def test_body(self) -> None:
        """
        In the body, it is found in what a person reads.
        """
        self.assertMatches(body="fish market")
        for hidden in ("hidden", "red", "salad", "lunch"):
            self.assertNoMatch(body=hidden)

    def test_text(self) -> None:
        """
        C{text} looks everywhere, for each word.
        """
        self.assertMatches(text="j\xfcrgen market lunch")
        self.assertNoMatch(text="j\xfcrgen salad")

    def test_header(self) -> None:
        """
        C{header} looks for a field, or for text in one of them.
        """
        self.assertMatches(header=["x-test"])
        self.assertMatches(header=["X-Test", "three two"])
        self.assertNoMatch(header=["X-Test", "one two"])
        self.assertNoMatch(header=["X-Nothing"])

    def test_attachment(self) -> None:
        """
        C{hasAttachment} is as in the Email.
        """
        self.assertMatches(hasAttachment=True)
        self.assertNoMatch(hasAttachment=False)

    def test_mixed(self) -> None:
        """
        Together with what the store knows, all must match.
        """
        self.assertMatches(subject="lunch", hasKeyword="$seen")
        self.assertNoMatch(subject="lunch", notKeyword="$seen")

    def test_operators(self) -> None:
        """
        And in filters of any kind.
        """
        lunch, dinner = {"subject": "lunch"}, {"subject": "dinner"}
        for operator, conditions, expected in (
            ("AND", [lunch, dinner], False),
            ("OR", [lunch, dinner], True),
            ("NOT", [dinner], True),
            ("NOT", [lunch], False),
            ("NOT", [{"operator": "NOT", "conditions": [lunch]}], True),
        ):
            condition = {"operator": operator, "conditions": conditions}
            self.assertIs(self.matches(condition), expected, condition)


class CandidateTests(SynchronousTestCase):
    """
    Which messages are read at all.
    """

    def assertCandidates(self, condition: Any, *ids: str) -> None:
        found = [email.id for email in EmailSearch(condition, _SNAPSHOT).candidates()]
        self.assertEqual(found, list(ids), condition)

    def test_known(self) -> None:
        """
        Those of which the store knows that they cannot match are left out.
        """
        self.assertCandidates({"subject": "x", "inMailbox": "F1"}, "M1")
        self.assertCandidates({"subject": "x"}, "M1", "M2")

    def test_negated(self) -> None:
        """
        Below NOT, too; nothing is left out that may match.
        """
        subject, inbox = {"subject": "x"}, {"inMailbox": "F1"}
        self.assertCandidates({"operator": "NOT", "conditions": [subject]}, "M1", "M2")
        self.assertCandidates({"operator": "NOT", "conditions": [subject, inbox]}, "M2")
        both = {"operator": "AND", "conditions": [subject, inbox]}
        self.assertCandidates({"operator": "NOT", "conditions": [both]}, "M1", "M2")
        either = {"operator": "OR", "conditions": [subject, inbox]}
        self.assertCandidates({"operator": "NOT", "conditions": [either]}, "M2")


class SyntaxTests(SynchronousTestCase):
    """
    The words to search for.
    """

    def test_tokens(self) -> None:
        """
        Words, and phrases in quotes, in which quotes and backslashes are escaped.
        """
        for text, tokens in (
            ("  One two ", ["one", "two"]),
            ('"one two" three', ["one two", "three"]),
            ("'it\\'s \\\\' x", ["it's \\", "x"]),
            ('"open two', ['"open', "two"]),
            ('""', []),
            ("", []),
        ):
            self.assertEqual(tokensOf(text), tokens, text)

    def test_invalid(self) -> None:
        """
        Wrong types are C{invalidArguments}.
        """
        for condition in (
            {"text": 1},
            {"subject": None},
            {"hasAttachment": "true"},
            {"header": "X"},
            {"header": []},
            {"header": ["a", "b", "c"]},
            {"header": [1]},
        ):
            with self.assertRaises(MethodError) as caught:
                EmailSearch(condition, _SNAPSHOT)
            self.assertEqual(caught.exception.asObject()["type"], "invalidArguments", condition)
