# -*- test-case-name: tests.ldap.test_health -*-
"""
Whether a server is up, and when it is tried again.

A server is I{down} if a connection cannot be made, or a fresh one breaks before the response, and
no other connection works; if it refuses the service account; or if an operation reached its
deadline and nothing else arrived from the server meanwhile. It is tried again in the background,
with growing pauses, and by every login that finds all servers down. It is I{slow} if a response
took longer than a second, or was late while others arrived, or a connection broke while others
worked.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger, LogLevel

from txjmapaccess.ldap.counters import LDAPCounters
from txjmapaccess.ldap.deadlines import Deadlines
from txjmapaccess.ldap.errors import (
    ConnectionBroken,
    DeadlineExceeded,
    FoundDown,
    ServerFailed,
    ServiceRefused,
)
from txjmapaccess.ldap.sharedattempt import SharedAttempt

#: Seconds between attempts: doubled each time.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
#: Seconds: a slower response is slow.
SLOW = 1.0
#: Least seconds for which a server is called slow.
SLOW_FOR = 10.0


class ServerState(enum.Enum):
    """
    See the module.
    """

    UP = "up"
    SLOW = "slow"
    DOWN = "down"


class Health:
    """
    @param name: the server's URI, for the log.
    @param attempt: tests whether the server responds, or fails with a L{ServerFailed}.
    @param whenDown: interrupts everything that waits for the server.

    @ivar state: the known state; L{ServerState.UP} until something proves otherwise.
    @ivar isDown: whether that is L{ServerState.DOWN}.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        deadlines: Deadlines,
        name: str,
        attempt: Callable[[], Coroutine[Deferred[Any], Any, None]],
        whenDown: Callable[[ServerFailed], None],
        counters: LDAPCounters,
    ) -> None:
        self._clock = clock
        self._name = name
        self._attempt = attempt
        self._whenDown = whenDown
        self._counters = counters
        self._trying: SharedAttempt[None] = SharedAttempt(deadlines, self._try)
        self._timer: IDelayedCall | None = None
        self._pause = FIRST_PAUSE
        self._refusal: ServiceRefused | None = None
        self._isClosed = False
        self.state = ServerState.UP
        self.isDown = False
        counters.serverStates[name] = ServerState.UP.value
        self._since = clock.seconds()

    def whenBack(self, deadline: float) -> Deferred[None]:
        """
        @return: a Deferred that fires when the server responds (again); fails with a
            L{ServerFailed} if an attempt fails, or at C{deadline}. Logins do not retry a refused
            service account: directories lock accounts for that.
        """
        if self._isClosed:
            return fail(ConnectionBroken("the checker was closed"))
        if self._refusal is not None and self._timer is not None:
            return fail(self._refusal)
        if self._trying.isRunning:
            return Deferred.fromCoroutine(self._outlast(deadline))
        return self._trying.wait(deadline)

    async def _outlast(self, deadline: float) -> None:
        """
        Join the current attempt. It may have begun while the server was unreachable, and wait for a
        response to a lost request, so its failure proves nothing, and one more attempt follows.
        """
        try:
            await self._trying.wait(deadline)
        except (ConnectionBroken, DeadlineExceeded):
            if self._isClosed or self._clock.seconds() >= deadline:
                raise
            await self._trying.wait(deadline)

    def check(self) -> None:
        """
        Test whether the server responds, in the background.
        """
        self._trying.begin()

    def answered(self, seconds: float) -> None:
        """
        A login got a response. Only this resets the pauses: some servers respond to tests and to
        nothing else.

        @param seconds: how long it took.
        """
        self._pause = FIRST_PAUSE
        if seconds > SLOW:
            self.slow(f"a response took {seconds:.1f} s")
        elif self.state is ServerState.SLOW and self._clock.seconds() - self._since > SLOW_FOR:
            self._up()

    def slow(self, reason: str) -> None:
        """
        The server is slow, but responds.
        """
        if self.state is ServerState.UP:
            self._become(ServerState.SLOW, LogLevel.warn, reason)

    def down(self, reason: ServerFailed) -> None:
        """
        The server does not respond, or cannot be used.
        """
        if self._isClosed or self.state is ServerState.DOWN:
            return
        self._become(ServerState.DOWN, LogLevel.error, str(reason))
        self._remember(reason)
        self._tryLater()
        self._whenDown(FoundDown(f"the server is down: {reason}"))

    def close(self, reason: ServerFailed) -> None:
        """
        Stop: everything that waits for the server fails with C{reason}.
        """
        self._isClosed = True
        self._cancelTimer()
        self._trying.cancel(reason)

    def _up(self) -> None:
        self._cancelTimer()
        if self.state is ServerState.UP:
            return
        how = "answers" if self.state is ServerState.DOWN else "is quick"
        seconds = self._clock.seconds() - self._since
        self._become(ServerState.UP, LogLevel.info, f"it {how} again, after {seconds:.0f} s")

    def _become(self, state: ServerState, level: Any, reason: str) -> None:
        self.state = state
        self.isDown = state is ServerState.DOWN
        self._counters.serverStates[self._name] = state.value
        self._since = self._clock.seconds()
        self._log.emit(
            level,
            "LDAP server {server} is {state}: {reason}",
            event="backend",
            backend="ldap",
            server=self._name,
            state=state.value,
            reason=reason,
        )

    def _remember(self, reason: ServerFailed) -> None:
        self._refusal = reason if isinstance(reason, ServiceRefused) else None

    async def _try(self) -> None:
        try:
            await self._attempt()
        except ServerFailed as e:
            if isinstance(e, (ConnectionBroken, DeadlineExceeded, ServiceRefused)):
                self.down(e)
            if self.isDown:
                self._remember(e)
                self._tryLater()
            raise
        self._up()

    def _tryLater(self) -> None:
        if not self._isClosed and self._timer is None:
            self._timer = self._clock.callLater(self._pause, self._timeToTry)
            self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _timeToTry(self) -> None:
        self._timer = None
        self._trying.begin()

    def _cancelTimer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
