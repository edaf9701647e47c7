# -*- test-case-name: tests.test_ldap_server -*-
"""
One directory server: its connections, and whether it is up.

A server is I{down} when a connection cannot be made or breaks before the answer even though it was
fresh, when it refuses the service account, or when an operation met its deadline and nothing else
came from the server meanwhile. Then everything that waits for it fails at once, so that logins can
go elsewhere, and it is tried again in the background with growing pauses. It is I{slow} when an
answer took longer than a second, or was late while others came.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from txjmapaccess.ldap.codec import NO_ATTRIBUTES, SCOPE_BASE, Result, Search
from txjmapaccess.ldap.connecting import Connector
from txjmapaccess.ldap.counters import LDAPCounters
from txjmapaccess.ldap.deadlines import Deadlines
from txjmapaccess.ldap.filters import ANY_ENTRY
from txjmapaccess.ldap.pool import ConnectionPool, Lease
from txjmapaccess.ldap.problems import (
    ConnectionBroken,
    DeadlineExceeded,
    ServerFailed,
    ServiceRefused,
)
from txjmapaccess.ldap.protocol import LDAPConnection, SearchResult
from txjmapaccess.ldap.service import ServiceAccount, ServiceConnection
from txjmapaccess.ldap.sharing import Shared

_T = TypeVar("_T")

#: What a login does with a connection, before a deadline.
Use = Callable[[LDAPConnection, float], Awaitable[_T]]

#: Seconds.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
SLOW = 1.0
#: A server is called slow for at least so long.
SLOW_FOR = 10.0
#: A connection that was not used for so long may be dead without our knowing: half of the time is
#: kept for another one.
DOUBTFUL_AFTER = 5.0
CLOSE_IDLE_AFTER = 60.0
_SWEEP = 15.0

_ROOT_DSE = Search(b"", SCOPE_BASE, ANY_ENTRY, (NO_ATTRIBUTES,), 1, 0)


class State(enum.Enum):
    """
    See the module.
    """

    UP = "up"
    SLOW = "slow"
    DOWN = "down"


class Server:
    """
    @param reactor: connects, and tells the time.
    @param name: the URI, for the log.
    @param account: the service account; L{None} where nothing is searched with one.
    @param size: how many binding connections there may be.
    @param timeout: seconds for an attempt to connect that several wait for.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        deadlines: Deadlines,
        name: str,
        connector: Connector,
        account: ServiceAccount | None,
        size: int,
        timeout: float,
        counters: LDAPCounters,
    ) -> None:
        self._reactor = reactor
        self.name = name
        self._connector = connector
        self._timeout = timeout
        self._counters = counters
        self._pool = ConnectionPool(reactor, deadlines, connector.connect, size, counters)
        self._service = ServiceConnection(reactor, deadlines, connector, account, timeout)
        self._usesService = account is not None
        self._probe: Shared[None] = Shared(deadlines, self._tryAgain)
        self._state = State.UP
        self._since = reactor.seconds()
        self._pause = FIRST_PAUSE
        self._timer: IDelayedCall | None = None
        self._refusal: ServerFailed | None = None
        self._sweeper: IDelayedCall | None = None
        self._isClosed = False

    @property
    def state(self) -> State:
        """
        Whether it is up, as far as is known.
        """
        return self._state

    # What a login asks

    async def withConnection(self, use: Use[_T], deadline: float) -> _T:
        """
        Lend a binding connection to C{use}. When it turns out to have been dropped while it lay
        idle, C{use} is called once again with a fresh one.

        @raise ServerFailed: when this server could not tell.
        """
        return await self._guarded(lambda dead: self._lent(use, deadline, dead))

    async def search(self, search: Search, deadline: float) -> SearchResult:
        """
        Search with the service account. Many searches may be under way.

        @raise ServerFailed: when this server could not tell.
        """
        return await self._guarded(lambda dead: self._searched(search, deadline, dead))

    async def bind(
        self, connection: LDAPConnection, dn: bytes, password: bytes, deadline: float
    ) -> Result:
        """
        Bind on a connection that L{withConnection} lent, and take the time.
        """
        sent = self._reactor.seconds()
        result = await connection.bind(dn, password, deadline)
        seconds = self._reactor.seconds() - sent
        self._counters.latencySum += seconds
        self._counters.latencyCount += 1
        if seconds > SLOW:
            self._isSlow(f"an answer took {seconds:.1f} seconds")
        elif self._state is State.SLOW and self._reactor.seconds() - self._since > SLOW_FOR:
            self._isUp()
        return result

    def comeBack(self, deadline: float) -> Deferred[None]:
        """
        @return: a Deferred that fires when a server that was down answers again; fails with a
            L{ServerFailed} when an attempt shows that it does not, or when C{deadline} comes. A
            service account that was refused is not tried again by every login: directories lock
            accounts for that.
        """
        if self._refusal is not None and self._timer is not None:
            return fail(self._refusal)
        return self._probe.wait(deadline)

    def check(self) -> None:
        """
        Find out whether it answers, without anybody waiting.
        """
        self._probe.begin()

    def close(self) -> Deferred[None]:
        """
        Close everything; what waits fails.

        @return: a Deferred that fires when no connection is left.
        """
        self._isClosed = True
        self._cancelTimers()
        reason = ConnectionBroken("the checker was closed")
        self._probe.cancel(reason)
        self._pool.closeIdle(0)
        self._service.closeIdle(0)
        self._drop(reason)
        return self._connector.allClosed()

    # Attempts

    async def _guarded(self, attempt: Callable[[LDAPConnection | None], Awaitable[_T]]) -> _T:
        """
        @param attempt: takes a connection that turned out to be dead, or L{None} the first time.
        """
        started = self._reactor.seconds()
        self._sweepLater()
        try:
            try:
                return await attempt(None)
            except _Stale as e:
                return await attempt(e.connection)
        except DeadlineExceeded as e:
            self._wasLate(started, e)
            raise
        except (ConnectionBroken, ServiceRefused) as e:
            self._isDown(e)
            raise

    async def _lent(self, use: Use[_T], deadline: float, dead: LDAPConnection | None) -> _T:
        lease = await self._pool.borrow(deadline, fresh=dead is not None)
        try:
            return await self._trusted(lease, deadline, lambda until: use(lease.connection, until))
        finally:
            self._pool.giveBack(lease)

    async def _searched(
        self, search: Search, deadline: float, dead: LDAPConnection | None
    ) -> SearchResult:
        lease = await self._service.get(deadline, dead)
        connection = lease.connection
        return await self._trusted(lease, deadline, lambda until: connection.search(search, until))

    async def _trusted(
        self, lease: Lease, deadline: float, ask: Callable[[float], Awaitable[_T]]
    ) -> _T:
        """
        Ask, with as much time as the connection deserves.

        @raise _Stale: when it is worth asking again on a fresh connection.
        """
        idle = lease.idleSeconds
        isDoubtful = idle is not None and idle > DOUBTFUL_AFTER
        now = self._reactor.seconds()
        try:
            return await ask(now + (deadline - now) / 2 if isDoubtful else deadline)
        except DeadlineExceeded:
            if not isDoubtful:
                raise
        except ConnectionBroken:
            if idle is None or self._state is State.DOWN or self._isClosed:
                raise
        raise _Stale(lease.connection)

    # Up and down

    def _wasLate(self, started: float, reason: DeadlineExceeded) -> None:
        if self._lastAnswer() > started:
            self._isSlow("an answer was late, while others came")
        else:
            self._isDown(reason)

    def _lastAnswer(self) -> float:
        connections = [*self._pool.connections, *self._service.connections]
        return max((c.lastAnswer for c in connections), default=0.0)

    def _isSlow(self, why: str) -> None:
        if self._state is State.UP:
            self._become(State.SLOW)
            self._log.warn(
                "LDAP server {server} is {state}: {reason}",
                server=self.name,
                state=self._state.value,
                reason=why,
            )

    def _isUp(self) -> None:
        before = self._reactor.seconds() - self._since
        wasDown = self._state is State.DOWN
        self._pause = FIRST_PAUSE
        if self._state is not State.UP:
            self._become(State.UP)
            self._log.info(
                "LDAP server {server} is {state} again after {seconds:.0f} s",
                server=self.name,
                state=self._state.value,
                seconds=before,
            )
        if wasDown:
            self._counters.serversUp += 1

    def _isDown(self, reason: ServerFailed) -> None:
        if self._isClosed or self._state is State.DOWN:
            return
        self._become(State.DOWN)
        self._remember(reason)
        self._counters.serversUp -= 1
        self._log.error(
            "LDAP server {server} is {state}: {reason}",
            server=self.name,
            state=self._state.value,
            reason=str(reason),
        )
        self._drop(ConnectionBroken(f"the server is down: {reason}"))
        self._tryLater()

    def _remember(self, reason: ServerFailed) -> None:
        self._refusal = reason if isinstance(reason, ServiceRefused) else None

    def _become(self, state: State) -> None:
        self._state = state
        self._since = self._reactor.seconds()

    def _drop(self, reason: ServerFailed) -> None:
        self._service.abort(reason)
        self._pool.abort(reason)

    def _tryLater(self) -> None:
        if not self._isClosed and self._timer is None:
            self._timer = self._reactor.callLater(self._pause, self._timeToTry)
            self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _timeToTry(self) -> None:
        self._timer = None
        self._probe.begin()

    async def _tryAgain(self) -> None:
        deadline = self._reactor.seconds() + self._timeout
        try:
            await self._answers(deadline)
        except ServerFailed as e:
            self._isDown(e)
            self._remember(e)
            self._tryLater()
            raise
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._isUp()

    async def _answers(self, deadline: float) -> None:
        """
        A frozen server accepts connections, so only an answer counts. Any answer does.
        """
        if self._usesService:
            await self._service.get(deadline)
            return
        connection = await self._connector.connect(deadline)
        try:
            await connection.search(_ROOT_DSE, deadline)
        finally:
            connection.close()

    # Idle connections

    def _sweepLater(self) -> None:
        if self._sweeper is None and not self._isClosed:
            self._sweeper = self._reactor.callLater(_SWEEP, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        self._pool.closeIdle(CLOSE_IDLE_AFTER)
        self._service.closeIdle(CLOSE_IDLE_AFTER)
        if self._pool.connections or self._service.connections:
            self._sweepLater()

    def _cancelTimers(self) -> None:
        for timer in (self._timer, self._sweeper):
            if timer is not None:
                timer.cancel()
        self._timer = self._sweeper = None


class _Stale(Exception):
    """
    A connection that lay idle turned out to be dead.
    """

    def __init__(self, connection: LDAPConnection) -> None:
        super().__init__()
        self.connection = connection
