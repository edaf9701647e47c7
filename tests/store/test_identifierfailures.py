# -*- test-case-name: tests.store.test_identifierfailures -*-
"""
Tests for L{txjmapaccess.store.identifierfailures}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.store import identifierfailures
from txjmapaccess.store.identifierfailures import (
    REPORTED_SECONDS,
    WITHHELD_SECONDS,
    AccountFailures,
    IdentifierFailures,
)
from txjmapaccess.store.problemreports import reportsOf


class IdentifierFailuresTests(SynchronousTestCase):
    """
    What is remembered, of whom, and for how long.
    """

    def setUp(self):
        self.clock = Clock()
        self.ofServer = IdentifierFailures(self.clock.seconds)
        self.arnt = AccountFailures(self.ofServer, "arnt")

    def test_time(self):
        """
        A failure is forgotten after a time, and is one account's.
        """
        self.arnt.add()
        self.assertTrue(self.arnt.areRecent())
        self.assertFalse(AccountFailures(self.ofServer, "bron").areRecent())
        self.clock.advance(WITHHELD_SECONDS - 1)
        self.assertTrue(self.arnt.areRecent())
        self.clock.advance(1)
        self.assertFalse(self.arnt.areRecent())

    def test_news(self):
        """
        A problem is news once a day.
        """
        told = [self.ofServer.isNews(problem) for problem in ("a", "a", "b")]
        self.assertEqual(told, [True, False, True])
        self.clock.advance(REPORTED_SECONDS)
        self.assertTrue(self.ofServer.isNews("a"))

    def test_changes(self):
        """
        One change of a MAILBOXID is nothing, nor are two that are far apart.
        """
        seen = self.arnt.hasChangedAgain
        self.assertEqual([seen("a", x) for x in ("F1", "F1", "F2", "F2")], [False] * 4)
        self.assertFalse(seen("b", "F9"))
        self.clock.advance(WITHHELD_SECONDS)
        self.assertFalse(seen("a", "F3"))
        self.assertTrue(seen("a", "F4"))
        self.arnt.forget("a", "c")
        self.assertFalse(seen("a", "F5"))

    def test_nobody(self):
        """
        Of somebody without a name nothing is kept.
        """
        for nobody in (AccountFailures(self.ofServer, None), AccountFailures(self.ofServer, "")):
            nobody.add()
            nobody.forget("a")
            self.assertFalse(nobody.areRecent())
            self.assertEqual([nobody.hasChangedAgain("a", x) for x in "abc"], [False] * 3)
        self.assertEqual((len(self.ofServer.withheld), len(self.ofServer.mailboxes)), (0, 0))

    def test_bounded(self):
        """
        Those that were heard of least recently are forgotten.
        """
        self.patch(identifierfailures, "MOST", 2)
        for name in ("a", "b", "a", "c"):
            AccountFailures(self.ofServer, name).add()
            AccountFailures(self.ofServer, name).hasChangedAgain("INBOX", "F1")
            self.ofServer.isNews(name)
        self.assertEqual(list(self.ofServer.withheld), ["a", "c"])
        self.assertEqual(list(self.ofServer.mailboxes), [("a", "INBOX"), ("c", "INBOX")])

    def test_servers(self):
        """
        What logins have in common is their portal; where that cannot be, nothing is remembered.
        """
        portal, other = IdentifierFailures(), IdentifierFailures()
        self.assertIs(reportsOf(portal).failures, reportsOf(portal).failures)
        self.assertIsNot(reportsOf(portal).failures, reportsOf(other).failures)
        self.assertIsNot(reportsOf(None).failures, reportsOf(None).failures)
