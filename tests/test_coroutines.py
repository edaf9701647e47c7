# -*- test-case-name: tests.test_coroutines -*-
"""
Tests for L{txjmapaccess.coroutines}.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.coroutines import begun, settled


async def waits(*deferreds):
    """
    Wait for one after the other.

    @raise LookupError: at the end, when one brings C{"bad"}.
    """
    for deferred in deferreds:
        if await deferred == "bad":
            raise LookupError("bad")


class BegunTests(SynchronousTestCase):
    """
    L{begun}.
    """

    def test_atOnce(self):
        """
        What need not wait has ended.
        """
        self.assertIsNone(begun(waits()))
        self.assertIsNone(begun(waits(succeed(1), succeed(2))))

    def test_raisesAtOnce(self):
        """
        What is raised before anything is waited for is raised here.
        """
        self.assertRaises(LookupError, begun, waits(succeed("bad")))

    def test_waits(self):
        """
        Otherwise there is a Deferred of the end, however often it waits.
        """
        first, second = Deferred(), Deferred()
        end = begun(waits(first, succeed(1), second))
        first.callback(1)
        self.assertNoResult(end)
        second.callback(2)
        self.assertIsNone(self.successResultOf(end))

    def test_fails(self):
        """
        What is raised later, by itself or by what it waits for, is what the Deferred brings.
        """
        first, second = Deferred(), Deferred()
        ends = [begun(waits(first)), begun(waits(second))]
        first.callback("bad")
        second.errback(Failure(ZeroDivisionError()))
        self.failureResultOf(ends[0], LookupError)
        self.failureResultOf(ends[1], ZeroDivisionError)

    def test_goesOn(self):
        """
        A failure that is dealt with inside does not end it.
        """
        first, second = Deferred(), Deferred()

        async def patient():
            try:
                await first
            except ZeroDivisionError:
                await second

        end = begun(patient())
        first.errback(Failure(ZeroDivisionError()))
        self.assertNoResult(end)
        second.callback(None)
        self.assertIsNone(self.successResultOf(end))

    def test_cancel(self):
        """
        Cancelling reaches what it waits for, the first time and later.
        """
        for before in ((), (Deferred(),)):
            cancelled = []
            last = Deferred(cancelled.append)
            end = begun(waits(*before, last))
            for deferred in before:
                deferred.callback(None)
            end.cancel()
            self.assertEqual(cancelled, [last])
            self.failureResultOf(end, CancelledError)


class SettledTests(SynchronousTestCase):
    """
    L{settled}.
    """

    def test_values(self):
        """
        A value, a Deferred of it and a coroutine are the same.
        """

        async def coroutine():
            return 3

        for function in (lambda: 3, lambda: succeed(3), coroutine):
            result = Deferred.fromCoroutine(settled(function))
            self.assertEqual(self.successResultOf(result), 3)

    def test_failures(self):
        """
        A L{Failure} that is returned counts as raised: there are checkers that do that, and it
        must not be taken for an avatar id.
        """
        for function in (lambda: Failure(LookupError()), lambda: 1 // 0):
            # The coroutine itself: a Deferred would take a Failure for one that was raised.
            self.assertRaises((LookupError, ZeroDivisionError), settled(function).send, None)
