# -*- test-case-name: tests.test_pacing -*-
"""
Slices of work, and the turns between them.
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.turns import WorkClock
from txjmapaccess.pacing import SLICE, ClientGone, Pace, Turns


class PaceTests(SynchronousTestCase):
    """
    L{Pace}, for work of which each step takes a millisecond.
    """

    def setUp(self) -> None:
        self.clock = WorkClock()
        self.pace = Pace(self.clock)
        self.done: list[object] = []

    def step(self, item: object) -> None:
        """
        Work for a millisecond.
        """
        self.clock.work(0.001)
        self.done.append(item)

    def test_one(self) -> None:
        """
        What becomes ready alone is done at once, and asks for no turn.
        """
        self.pace.each(self.step, ["a"])
        self.assertEqual(self.done, ["a"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_slices(self) -> None:
        """
        Many are done in slices, in order, and no slice is longer than one step over its time.
        """
        self.pace.each(self.step, range(100))
        self.assertLess(len(self.done), 10)
        self.clock.turns()
        self.assertEqual(self.done, list(range(100)))
        self.assertLess(max(self.clock.slices), SLICE + 0.0011)
        self.assertGreater(len(self.clock.slices), 15)

    def test_othersBetween(self) -> None:
        """
        What others ask the reactor for has its turn between two slices.
        """
        self.pace.each(self.step, range(20))
        self.clock.callLater(0, self.done.append, "other")
        self.clock.turn()
        self.assertIn("other", self.done)
        self.assertLess(len(self.done), 15)
        self.clock.turns()

    def test_sameTurn(self) -> None:
        """
        Many small amounts of work that come in one turn are one large amount.
        """
        for n in range(10):
            self.pace.each(self.step, range(10 * n, 10 * n + 10))
        self.assertLess(len(self.done), 10)
        self.clock.turns()
        self.assertEqual(self.done, list(range(100)))
        self.assertLess(max(self.clock.slices), SLICE + 0.0011)

    def test_afterASlice(self) -> None:
        """
        Work that comes after most of a slice, in the same turn, waits for the next one.
        """
        self.pace.each(self.step, [0, 1])
        self.pace.each(self.step, ["later"])
        self.assertEqual(self.done, [0, 1])
        self.clock.turn()
        self.assertEqual(self.done, [0, 1, "later"])

    def test_nested(self) -> None:
        """
        What becomes ready by such work comes behind it, and not inside.
        """

        def step(item: int) -> None:
            self.step(item)
            if item < 2:
                self.pace.each(step, [item + 10])

        self.pace.each(step, range(3))
        self.clock.turns()
        self.assertEqual(self.done, [0, 1, 2, 10, 11])

    def test_longStep(self) -> None:
        """
        However long one step takes, another one follows in the next turn.
        """

        def steps() -> Iterator[None]:
            for n in range(3):
                self.clock.work(1.0)
                self.done.append(n)
                yield

        self.pace.run(steps())
        self.assertEqual(self.done, [0])
        self.clock.turn()
        self.assertEqual(self.done, [0, 1])
        self.clock.turns()
        self.assertEqual(self.done, [0, 1, 2])

    def test_failure(self) -> None:
        """
        A step that fails is logged, and the others are taken.
        """

        def step(item: int) -> None:
            if item == 1:
                raise ZeroDivisionError()
            self.step(item)

        self.pace.each(step, range(3))
        self.pace.each(step, [3])
        self.clock.turns()
        self.assertEqual(self.done, [0, 2, 3])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_whenIdle(self) -> None:
        """
        It tells when nothing is left; at once when that is so now.
        """
        self.successResultOf(self.pace.whenIdle())
        self.pace.each(self.step, range(20))
        idle = self.pace.whenIdle()
        self.clock.turn()
        self.assertNoResult(idle)
        self.clock.turns()
        self.successResultOf(idle)
        self.assertEqual(len(self.done), 20)

    def test_close(self) -> None:
        """
        What is forgotten is not done, and nothing is left with the reactor.
        """
        self.pace.each(self.step, range(20))
        idle = self.pace.whenIdle()
        done = len(self.done)
        self.pace.close()
        self.successResultOf(idle)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(len(self.done), done)

    def test_closedByAStep(self) -> None:
        """
        A step may close it, and what comes after that is done.
        """
        self.pace.each(lambda item: self.pace.close(), [1, 2])
        self.pace.each(self.step, ["a"])
        self.clock.turns()
        self.assertEqual(self.done, ["a"])


class TurnsTests(SynchronousTestCase):
    """
    L{Turns}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.hasGone = False
        self.turns = Turns(self.clock.seconds, self.clock.callLater, lambda: self.hasGone)

    def test_isOver(self) -> None:
        """
        A turn is over after some time, and a pause begins another.
        """
        self.assertFalse(self.turns.isOver())
        self.clock.advance(SLICE)
        self.assertTrue(self.turns.isOver())
        paused = Deferred.fromCoroutine(self.turns.pause())
        self.assertNoResult(paused)
        self.clock.advance(0)
        self.successResultOf(paused)
        self.assertFalse(self.turns.isOver())

    def test_seconds(self) -> None:
        """
        A pause may be longer.
        """
        paused = Deferred.fromCoroutine(self.turns.pause(2))
        self.clock.advance(1)
        self.assertNoResult(paused)
        self.clock.advance(1)
        self.successResultOf(paused)

    def test_hasGone(self) -> None:
        """
        When there is nobody left to work for, a pause is the end.
        """
        paused = Deferred.fromCoroutine(self.turns.pause())
        self.hasGone = True
        self.clock.advance(0)
        self.failureResultOf(paused, ClientGone)

    def test_run(self) -> None:
        """
        Steps are taken until a turn is over, and then in the next one.
        """
        done = []

        def steps() -> Iterator[None]:
            for number in range(3):
                done.append(number)
                self.clock.rightNow += SLICE / 2
                yield None

        run = Deferred.fromCoroutine(self.turns.run(steps()))
        self.assertEqual(done, [0, 1])
        self.clock.advance(0)
        self.assertEqual(done, [0, 1, 2])
        self.successResultOf(run)
