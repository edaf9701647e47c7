# -*- test-case-name: tests.jmap.test_requestturns -*-
"""
Tests for L{txjmapaccess.jmap.requestturns}.
"""

from __future__ import annotations

import threading

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.coroutines import AsyncTestCase
from txjmapaccess.jmap.requestturns import RequestTurns
from txjmapaccess.pacing import SLICE


class RequestTurnsTests(SynchronousTestCase):
    """
    Long work in small pieces.
    """

    def test_pause(self) -> None:
        """
        There is no pause as long as the reactor was not kept for too long; then there is one, and
        time begins anew.
        """
        clock = Clock()
        turns = RequestTurns(clock)
        self.successResultOf(Deferred.fromCoroutine(turns.work(0, int)))
        clock.advance(SLICE)
        paused = Deferred.fromCoroutine(turns.work(0, int))
        self.assertNoResult(paused)
        clock.advance(0)
        self.successResultOf(paused)
        self.successResultOf(Deferred.fromCoroutine(turns.work(0, int)))

    def test_smallWork(self) -> None:
        """
        Small work is done at once.
        """
        done = Deferred.fromCoroutine(RequestTurns(Clock()).work(100, max, 1, 2))
        self.assertEqual(self.successResultOf(done), 2)


class ThreadTests(AsyncTestCase):
    """
    Large work.
    """

    async def test_largeWork(self) -> None:
        """
        Work that would keep the reactor is done in a thread.
        """
        thread = await RequestTurns(reactor).work(10_000_000, threading.current_thread)
        self.assertIsNot(thread, threading.current_thread())
