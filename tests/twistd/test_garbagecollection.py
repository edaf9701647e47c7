# -*- test-case-name: tests.twistd.test_garbagecollection -*-
"""
How the garbage collector is held to short pauses. These tests change that of their own process, and
leave it as it was.
"""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.twistd.garbagecollection import (
    INTERVAL,
    LARGE,
    MANY,
    THRESHOLDS,
    GarbageCollector,
)


class Reactor(Clock):
    """
    What a collector asks of a reactor.
    """

    def __init__(self) -> None:
        super().__init__()
        self.called: list[Any] = []
        self.readers: list[object] = []

    def callFromThread(self, function: Any) -> None:
        """
        See L{twisted.internet.interfaces.IReactorFromThreads}.
        """
        self.called.append(function)

    def callWhenRunning(self, function: Any) -> str:
        """
        See L{twisted.internet.interfaces.IReactorCore}.
        """
        self.called.append(function)
        return "trigger"

    def removeSystemEventTrigger(self, trigger: str) -> None:
        """
        See L{twisted.internet.interfaces.IReactorCore}.
        """
        self.removed = trigger

    def getReaders(self) -> list[object]:
        """
        See L{twisted.internet.interfaces.IReactorFDSet}.
        """
        return self.readers


class Circle:
    """
    Garbage that only the collector finds.
    """

    def __init__(self) -> None:
        self.me = self


class CollectorTests(SynchronousTestCase):
    """
    L{GarbageCollector}.
    """

    def setUp(self) -> None:
        """
        Start one.
        """
        self.before = gc.get_threshold()
        self.reactor = Reactor()
        self.blocks = 1000
        self.collector = GarbageCollector(self.reactor, lambda: self.blocks)
        self.collector.startService()
        [start] = self.reactor.called
        start()
        self.reactor.called.clear()
        self.addCleanup(self.stop)

    def stop(self) -> None:
        """
        Stop it, if it runs.
        """
        if self.collector.running:
            self.collector.stopService()

    def test_start(self) -> None:
        """
        What is there at the start is set aside.
        """
        self.assertEqual(gc.get_threshold(), THRESHOLDS)
        self.assertGreater(gc.get_freeze_count(), 1000)

    def test_setAside(self) -> None:
        """
        What has outlived a full collection is not looked at by the next one.
        """
        kept = Circle()
        gc.collect()
        self.assertFalse(any(each is kept for each in gc.get_objects()))

    def test_young(self) -> None:
        """
        A circle that was garbage by then is found by it.
        """
        gone = weakref.ref(Circle())
        gc.collect()
        self.assertIsNone(gone())

    def test_references(self) -> None:
        """
        What was set aside goes when nobody refers to it, if it is no circle.
        """
        kept = Circle()
        gone = weakref.ref(kept)
        gc.collect()
        kept.me = None  # type: ignore[assignment]
        del kept
        self.assertIsNone(gone())

    def test_many(self) -> None:
        """
        When there is much more than there was, all is looked at again, once, by the reactor.
        """
        kept = Circle()
        gone = weakref.ref(kept)
        gc.collect()
        del kept
        gc.collect()
        self.assertIsNotNone(gone())
        self.assertEqual(self.reactor.called, [])
        self.blocks += MANY + 1
        gc.collect()
        gc.collect()
        [collectAll] = self.reactor.called
        collectAll()
        self.assertIsNone(gone())
        gc.collect()
        self.assertEqual(len(self.reactor.called), 1)
        self.blocks += MANY + 1
        gc.collect()
        self.assertEqual(len(self.reactor.called), 2)

    def test_connections(self) -> None:
        """
        That there are more connections is no reason.
        """
        self.reactor.readers = [None] * 10_000
        self.blocks += MANY + 1
        gc.collect()
        self.assertEqual(self.reactor.called, [])

    def test_look(self) -> None:
        """
        What Python has not counted is collected soon, and set aside when it lives on; few objects
        are left alone.
        """
        # One list goes for each that comes.
        old = [[] for _ in range(2 * LARGE[0])]
        gc.collect()
        gone = weakref.ref(Circle())
        gc.disable()
        self.addCleanup(gc.enable)
        self.reactor.advance(INTERVAL)
        self.assertIsNotNone(gone())
        old = [[] for _ in old]
        self.reactor.advance(INTERVAL)
        self.assertIsNone(gone())
        self.assertLess(len(gc.get_objects(generation=0)), LARGE[0])
        before = gc.get_freeze_count()
        for _ in range(30):
            old += [[] for _ in range(2 * LARGE[0])]
            self.reactor.advance(INTERVAL)
        self.assertGreater(gc.get_freeze_count(), before + LARGE[2])

    def test_stop(self) -> None:
        """
        In the end all is as it was.
        """
        self.stop()
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(gc.get_threshold(), self.before)
        self.assertEqual(gc.get_freeze_count(), 0)
        gc.collect()
        self.assertEqual(gc.get_freeze_count(), 0)

    def test_neverStarted(self) -> None:
        """
        A service that ends before the reactor runs has changed nothing.
        """
        collector, callbacks = GarbageCollector(self.reactor), list(gc.callbacks)
        collector.startService()
        collector.stopService()
        self.assertEqual(self.reactor.removed, "trigger")
        self.assertEqual(gc.callbacks, callbacks)
