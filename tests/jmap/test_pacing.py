# -*- test-case-name: tests.jmap.test_pacing -*-
"""
Tests for L{txjmapaccess.jmap.pacing}.
"""

from __future__ import annotations

import threading

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.coroutines import AsyncTestCase
from txjmapaccess.jmap.pacing import Pacer


class PacerTests(SynchronousTestCase):
    """
    Long work in small pieces.
    """

    def test_pause(self) -> None:
        """
        There is no pause as long as the reactor was not kept for too long; then there is one, and
        time begins anew.
        """
        now = [0.0]
        clock = Clock()
        pacer = Pacer(clock, longest=0.01, seconds=lambda: now[0])
        self.successResultOf(Deferred.fromCoroutine(pacer.pause()))
        now[0] = 0.02
        paused = Deferred.fromCoroutine(pacer.pause())
        self.assertNoResult(paused)
        clock.advance(0)
        self.successResultOf(paused)
        self.successResultOf(Deferred.fromCoroutine(pacer.pause()))

    def test_smallWork(self) -> None:
        """
        Small work is done at once.
        """
        done = Deferred.fromCoroutine(Pacer(Clock(), seconds=lambda: 0).work(100, max, 1, 2))
        self.assertEqual(self.successResultOf(done), 2)


class ThreadTests(AsyncTestCase):
    """
    Large work.
    """

    async def test_largeWork(self) -> None:
        """
        Work that would keep the reactor is done in a thread.
        """
        thread = await Pacer(reactor).work(10_000_000, threading.current_thread)
        self.assertIsNot(thread, threading.current_thread())
