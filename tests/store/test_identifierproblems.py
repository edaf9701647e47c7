# -*- test-case-name: tests.store.test_identifierproblems -*-
"""
Tests for L{txjmapaccess.store.identifierproblems}.
"""

from __future__ import annotations

import gc

from twisted.cred.portal import Portal
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.store import identifierproblems
from txjmapaccess.store.identifierproblems import (
    REPORTED_SECONDS,
    WITHHELD_SECONDS,
    IdentifierProblems,
    problemsOf,
)


class IdentifierProblemsTests(SynchronousTestCase):
    """
    What is remembered, of whom, and for how long.
    """

    def setUp(self):
        self.clock = Clock()
        self.problems = IdentifierProblems(self.clock.seconds)

    def test_time(self):
        """
        A failure is forgotten after a time, and is one account's.
        """
        self.problems.withhold("arnt")
        self.assertTrue(self.problems.isWithheld("arnt"))
        self.assertFalse(self.problems.isWithheld("bron"))
        self.clock.advance(WITHHELD_SECONDS - 1)
        self.assertTrue(self.problems.isWithheld("arnt"))
        self.clock.advance(1)
        self.assertFalse(self.problems.isWithheld("arnt"))

    def test_news(self):
        """
        A problem is news once a day.
        """
        told = [self.problems.isNews(problem) for problem in ("a", "a", "b")]
        self.assertEqual(told, [1, 0, 1])
        self.clock.advance(REPORTED_SECONDS)
        self.assertTrue(self.problems.isNews("a"))

    def test_objects(self):
        """
        A problem is news of each object, but not of very many.
        """
        self.patch(identifierproblems, "MOST_OBJECTS", 2)
        told = [self.problems.isNews("a", subject) for subject in (1, 1, 2, 3)]
        self.assertEqual(told, [1, 0, 2, 0])

    def test_changes(self):
        """
        One change of a MAILBOXID is nothing, nor are two that are far apart.
        """

        def seen(name, mailboxID):
            return self.problems.hasChangedAgain("arnt", name, mailboxID)

        self.assertEqual([seen("a", x) for x in ("F1", "F1", "F2", "F2")], [False] * 4)
        self.assertFalse(seen("b", "F9"))
        self.clock.advance(WITHHELD_SECONDS)
        self.assertFalse(seen("a", "F3"))
        self.assertTrue(seen("a", "F4"))
        self.problems.forgetMailboxes("arnt", "a", "c")
        self.assertFalse(seen("a", "F5"))

    def test_nobody(self):
        """
        Of somebody without a name nothing is kept.
        """
        for nobody in (None, ""):
            self.problems.withhold(nobody)
            self.problems.forgetMailboxes(nobody, "a")
            self.assertFalse(self.problems.isWithheld(nobody))
            changed = [self.problems.hasChangedAgain(nobody, "a", x) for x in "abc"]
            self.assertEqual(changed, [False] * 3)
        self.assertEqual((len(self.problems.withheld), len(self.problems.mailboxIDs)), (0, 0))

    def test_bounded(self):
        """
        Those that were heard of least recently are forgotten.
        """
        self.patch(identifierproblems, "MOST", 2)
        for name in ("a", "b", "a", "c"):
            self.problems.withhold(name)
            self.problems.hasChangedAgain(name, "INBOX", "F1")
            self.problems.isNews(name)
        self.assertEqual(list(self.problems.withheld), ["a", "c"])
        self.assertEqual(list(self.problems.mailboxIDs), [("a", "INBOX"), ("c", "INBOX")])

    def test_servers(self):
        """
        What logins have in common is their portal; where that cannot be, nothing is remembered.
        """
        portal, other = IdentifierProblems(), IdentifierProblems()
        self.assertIs(problemsOf(portal), problemsOf(portal))
        self.assertIsNot(problemsOf(portal), problemsOf(other))
        self.assertIsNot(problemsOf(None), problemsOf(None))

    def test_portalPerConnection(self):
        """
        Portals that share a realm share what is known, and it goes with the realm, also where that
        cannot be hashed.
        """

        class Realm:
            __hash__ = None

        realm = Realm()
        first, second = Portal(realm), Portal(realm)
        problems = problemsOf(first)
        self.assertIs(problemsOf(second), problems)
        self.assertIsNot(problemsOf(Portal(Realm())), problems)
        key = id(realm)
        self.assertIn(key, identifierproblems._remembered)
        del realm, first, second
        gc.collect()
        self.assertNotIn(key, identifierproblems._remembered)
