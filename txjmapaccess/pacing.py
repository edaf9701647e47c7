# -*- test-case-name: tests.test_pacing -*-
"""
Work that becomes ready for many at once is done in slices, with a turn of the reactor in between: a
directory that hung may answer hundreds of logins at a time. A single piece of work is done at once.

A long command or request takes L{Turns}.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

_T = TypeVar("_T")

#: Seconds for which the reactor may be kept before others have a turn.
SLICE = 0.003


class ClientGone(Exception):
    """
    The client of this work has gone.
    """


class Turns:
    """
    Pauses between the steps of long work.

    @param seconds: a clock.
    @param callLater: gives another turn of the reactor.
    @param hasGone: whether the client has gone.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        callLater: Callable[..., Any],
        hasGone: Callable[[], bool] = lambda: False,
    ) -> None:
        self._seconds = seconds
        self._hasGone = hasGone
        self._callLater = callLater
        self._until = seconds() + SLICE

    def isOver(self) -> bool:
        """
        @return: whether it is time to L{pause}.
        """
        return self._seconds() >= self._until

    async def pause(self, seconds: float = 0) -> None:
        """
        Let others have a turn.

        @param seconds: how long this waits.

        @raise ClientGone: when the client has gone.
        """
        turn: Deferred[None] = Deferred()
        self._callLater(seconds, lambda: turn.callback(None))
        await turn
        if self._hasGone():
            raise ClientGone()
        self.begin()

    def begin(self) -> None:
        """
        Count from now: others have just had a turn.
        """
        self._until = self._seconds() + SLICE

    async def run(self, steps: Iterable[object]) -> None:
        """
        Take all C{steps}, each of which is short, with pauses.
        """
        for _ in steps:
            if self.isOver():
                await self.pause()


class Pace:
    """
    Work that waits for its turn, in order.

    @param clock: measures, and gives turns.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._seconds = clock.seconds
        self._work: deque[Iterator[object]] = deque()
        self._turn: IDelayedCall | None = None
        self._isWorking = False
        #: When work was begun that is counted together, and how many seconds it took.
        self._since = 0.0
        self._spent = 0.0
        self._whenIdle: list[Deferred[None]] = []

    def soon(self, call: Callable[[_T], object], item: _T) -> None:
        """
        Call C{call} with C{item}: at once, unless much was done just before.
        """
        if self._turn is not None or self._isWorking:
            self.each(call, (item,))
            return
        began = self._seconds()
        call(item)
        now = self._seconds()
        if now - self._since > SLICE:
            self._since, self._spent = began, 0.0
        self._spent += now - began
        if self._spent >= SLICE / 2 and self._turn is None:
            self._turn = self._clock.callLater(0, self._nextTurn)

    def each(self, call: Callable[[_T], object], items: Iterable[_T]) -> None:
        """
        Call C{call} with each of C{items}, which must not change.
        """
        self.run(map(call, items))

    def run(self, steps: Iterator[object]) -> None:
        """
        Take all C{steps}, each of which is short. The first ones are taken before this returns,
        unless there is other work.
        """
        self._work.append(steps)
        if self._turn is None and not self._isWorking:
            self._workOn()

    def whenIdle(self) -> Deferred[None]:
        """
        @return: a Deferred that fires when there is nothing left to be done.
        """
        if not self._work and self._turn is None:
            return succeed(None)
        idle: Deferred[None] = Deferred()
        self._whenIdle.append(idle)
        return idle

    def close(self) -> None:
        """
        Forget what is left.
        """
        self._work.clear()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self._tellIdle()

    def _nextTurn(self) -> None:
        self._turn = None
        self._spent = 0.0
        self._workOn()

    def _workOn(self) -> None:
        seconds = self._seconds
        now = began = seconds()
        if began - self._since > SLICE:
            self._spent = 0.0
        # What was done before may have been in the same turn.
        self._since = began - self._spent
        self._isWorking = True
        while self._work and now < self._since + SLICE:
            self._step(self._work[0])
            now = seconds()
        self._isWorking = False
        self._spent = now - self._since
        # After so much work, more of it waits for the next turn.
        if self._work or self._spent >= SLICE / 2:
            self._turn = self._clock.callLater(0, self._nextTurn)
        else:
            self._tellIdle()

    def _step(self, steps: Iterator[object]) -> None:
        try:
            next(steps)
        except StopIteration:
            if self._work and self._work[0] is steps:
                self._work.popleft()
        except Exception:
            # That of the others goes on.
            self._log.failure("What many have waited for failed for one")

    def _tellIdle(self) -> None:
        waiting, self._whenIdle = self._whenIdle, []
        for idle in waiting:
            idle.callback(None)
