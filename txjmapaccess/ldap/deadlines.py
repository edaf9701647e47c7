# -*- test-case-name: tests.ldap.test_protocol -*-
"""
Cheap deadlines: those within the same twentieth of a second share one timer of the reactor, and
cancelling one costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txjmapaccess.pacing import Pace

#: Seconds by which a deadline may be late.
GRANULARITY = 0.05


class Deadline:
    """
    One deadline.
    """

    __slots__ = ("_bucket", "_call")

    def __init__(self, bucket: dict[Deadline, None], call: Callable[[], object]) -> None:
        self._bucket = bucket
        self._call = call

    def cancel(self) -> None:
        """
        Cancel it. Harmless if it has passed.
        """
        self._bucket.pop(self, None)


class Deadlines:
    """
    @param clock: for C{callLater}.

    @ivar pace: paces callbacks that become due at the same time, deadlines included.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.pace = Pace(clock)
        self._buckets: dict[int, dict[Deadline, None]] = {}
        self._timers: dict[int, IDelayedCall] = {}

    def add(self, when: float, call: Callable[[], object]) -> Deadline:
        """
        Have C{call} called at C{when}, a time of the clock in seconds, or up to L{GRANULARITY}
        later. It must not raise.
        """
        tick = int(when / GRANULARITY) + 1
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = {}
            pause = max(0.0, tick * GRANULARITY - self._clock.seconds())
            self._timers[tick] = self._clock.callLater(pause, self._pass, tick)
        handle = Deadline(bucket, call)
        bucket[handle] = None
        return handle

    def close(self) -> None:
        """
        Cancel all deadlines.
        """
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._buckets.clear()
        self.pace.close()

    def _pass(self, tick: int) -> None:
        del self._timers[tick]
        self.pace.run(_expire(self._buckets.pop(tick)))


def _expire(bucket: dict[Deadline, None]) -> Iterator[object]:
    # One by one from the dictionary, because any of them may cancel another one.
    while bucket:
        handle, _ = bucket.popitem()
        yield handle._call()
