# -*- test-case-name: tests.ldap.test_connectionpool -*-
"""
One attempt that several logins share.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txjmapaccess.ldap.deadlines import Deadlines
from txjmapaccess.ldap.errors import DeadlineExceeded

_T = TypeVar("_T")


class SharedAttempt(Generic[_T]):
    """
    @param attempt: begins an attempt, with its own deadline, because it continues when all waiters
        are gone.

    @ivar isRunning: whether an attempt is in progress.
    """

    def __init__(
        self, deadlines: Deadlines, attempt: Callable[[], Coroutine[Deferred[Any], Any, _T]]
    ) -> None:
        self._deadlines = deadlines
        self._attempt = attempt
        self.isRunning = False
        self._running: Deferred[None] | None = None
        self._waiters: dict[Deferred[_T], None] = {}

    def begin(self) -> None:
        """
        Begin an attempt unless one is in progress.
        """
        if self.isRunning:
            return
        self.isRunning = True
        self._running = Deferred.fromCoroutine(self._attempt()).addBoth(self._finished)

    def wait(self, deadline: float) -> Deferred[_T]:
        """
        Begin an attempt, or join the one in progress.

        @param deadline: a time of the clock, in seconds.

        @return: a Deferred of the outcome, or a failure with L{DeadlineExceeded}. Cancelling it
            does not disturb the others.
        """
        waiter: Deferred[_T] = Deferred(lambda w: self._waiters.pop(w, None))
        self._waiters[waiter] = None
        late = self._deadlines.add(deadline, lambda: self._late(waiter))

        def settled(outcome: Any) -> Any:
            late.cancel()
            return outcome

        waiter.addBoth(settled)
        self.begin()
        return waiter

    def cancel(self, reason: Exception) -> None:
        """
        Cancel the attempt in progress: all waiters fail with C{reason}.
        """
        self._tell(Failure(reason))
        if self.isRunning and self._running is not None:
            self._running.cancel()

    def _late(self, waiter: Deferred[_T]) -> None:
        if waiter in self._waiters:
            del self._waiters[waiter]
            waiter.errback(Failure(DeadlineExceeded("could not connect in time")))

    def _finished(self, outcome: _T | Failure) -> None:
        self.isRunning = False
        self._tell(outcome)

    def _tell(self, outcome: _T | Failure) -> None:
        # A callback may cancel another waiter, or wait again.
        waiters, self._waiters = self._waiters, {}

        def tell(waiter: Deferred[_T]) -> None:
            if not waiter.called:
                waiter.callback(outcome)

        self._deadlines.pace.each(tell, list(waiters))
