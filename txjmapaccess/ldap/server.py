# -*- test-case-name: tests.integration.test_ldap_fake -*-
"""
One directory server: binds on a pool of connections, searches on one more, and what to make of
connections that fail.

When a connection that was used before turns out to be dead, what was asked is asked once again on a
fresh one. When a fresh one fails, or nothing comes in time, the server is down
(L{txjmapaccess.ldap.health}), and everything that waits for it fails at once, so that logins can go
elsewhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from txjmapaccess.ldap.codec import NO_ATTRIBUTES, SCOPE_BASE, Result, Search
from txjmapaccess.ldap.connecting import Connector
from txjmapaccess.ldap.counters import LDAPCounters
from txjmapaccess.ldap.deadlines import Deadlines
from txjmapaccess.ldap.filters import ANY_ENTRY
from txjmapaccess.ldap.health import Health
from txjmapaccess.ldap.pool import ConnectionPool, Lease
from txjmapaccess.ldap.problems import (
    ConnectionBroken,
    ConnectionSpoiled,
    DeadlineExceeded,
    FoundDown,
    ServerFailed,
    ServiceRefused,
)
from txjmapaccess.ldap.protocol import LDAPConnection, SearchResult
from txjmapaccess.ldap.service import ServiceAccount, ServiceConnection

_T = TypeVar("_T")
_W = TypeVar("_W")

#: What a login does with a connection, before a deadline.
Use = Callable[[LDAPConnection, float], Awaitable[_T]]

#: Seconds: a connection that was not used for so long may be dead without our knowing, so half of
#: the time is kept for another one.
DOUBTFUL_AFTER = 5.0
#: Seconds after which an idle connection is closed, and between looks for such.
CLOSE_IDLE_AFTER = 60.0
SWEEP = 15.0

_ROOT_DSE = Search(b"", SCOPE_BASE, ANY_ENTRY, (NO_ATTRIBUTES,), 1, 0)


class Server:
    """
    @param reactor: tells the time.
    @param name: the URI, for the log.
    @param connector: connects.
    @param account: the service account; L{None} where nothing is searched with one.
    @param size: how many binding connections there may be.
    @param timeout: seconds for an attempt to connect that several wait for.

    @ivar health: whether it is up.
    """

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
        self.health = Health(reactor, deadlines, name, self._answers, self._drop, counters)
        self._sweeper: IDelayedCall | None = None
        self._isClosed = False

    # What a login asks

    def withConnection(self, use: Use[_T], deadline: float) -> Awaitable[_T]:
        """
        Lend a binding connection to C{use}, which is called once again with a fresh one when the
        first was dead.

        @raise ServerFailed: when this server could not tell.
        """
        return self._repeated(self._lent, use, deadline)

    def search(self, search: Search, deadline: float) -> Awaitable[SearchResult]:
        """
        Search with the service account. Many searches may be under way.

        @raise ServerFailed: when this server could not tell.
        """
        return self._repeated(self._searched, search, deadline)

    async def bind(
        self, connection: LDAPConnection, dn: bytes, password: bytes, deadline: float
    ) -> Result:
        """
        Bind on a connection that L{withConnection} lent, take the time, and count.
        """
        sent = self._reactor.seconds()
        try:
            result = await connection.bind(dn, password, deadline)
        except BaseException as e:
            self._counters.unanswered(e)
            raise
        seconds = self._reactor.seconds() - sent
        self._counters.answered(result.code, seconds)
        self.health.answered(seconds)
        return result

    def close(self) -> Deferred[None]:
        """
        Close everything; what waits fails.

        @return: a Deferred that fires when no connection is left.
        """
        self._isClosed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        reason = ConnectionBroken("the checker was closed")
        self.health.close(reason)
        self._pool.closeIdle(0)
        self._service.closeIdle(0)
        self._drop(reason)
        return self._connector.allClosed()

    # Attempts

    async def _repeated(
        self,
        ask: Callable[[_W, float, LDAPConnection | None], Awaitable[_T]],
        what: _W,
        deadline: float,
    ) -> _T:
        """
        @param ask: takes C{what}, the deadline, and a connection that turned out to be dead.
        """
        if self._isClosed:
            raise ConnectionBroken("the checker was closed")
        began = self._reactor.seconds()
        try:
            try:
                return await ask(what, deadline, None)
            except _Stale as e:
                return await ask(what, deadline, e.connection)
        except (ConnectionBroken, DeadlineExceeded, ServiceRefused) as e:
            if self.health.isDown:
                raise FoundDown(str(e)) from None
            self._failed(began, e)
            raise

    async def _lent(self, use: Use[_T], deadline: float, dead: LDAPConnection | None) -> _T:
        lease = await self._pool.borrow(deadline, fresh=dead is not None)
        self._sweepLater()
        try:
            return await use(lease.connection, self._deadlineFor(lease, deadline))
        except (ConnectionBroken, ConnectionSpoiled, DeadlineExceeded) as e:
            if dead is None:
                self._raiseStale(lease, e)
            raise
        finally:
            self._pool.giveBack(lease)

    async def _searched(
        self, search: Search, deadline: float, dead: LDAPConnection | None
    ) -> SearchResult:
        lease = await self._service.get(deadline, dead)
        self._sweepLater()
        try:
            return await lease.connection.search(search, self._deadlineFor(lease, deadline))
        except (ConnectionBroken, ConnectionSpoiled, DeadlineExceeded) as e:
            if dead is None:
                self._raiseStale(lease, e)
            raise

    def _deadlineFor(self, lease: Lease, deadline: float) -> float:
        if not lease.isDoubtful(DOUBTFUL_AFTER):
            return deadline
        now: float = self._reactor.seconds()
        return now + (deadline - now) / 2

    def _raiseStale(self, lease: Lease, problem: ServerFailed) -> None:
        """
        @raise _Stale: when it is worth asking again on a fresh connection.
        """
        if self._isClosed or self.health.isDown:
            return
        isOld = isinstance(problem, ConnectionBroken) and lease.idleSeconds is not None
        isSpoiled = isinstance(problem, ConnectionSpoiled)
        if isOld or isSpoiled or lease.isDoubtful(DOUBTFUL_AFTER):
            raise _Stale(lease.connection)

    def _failed(self, began: float, reason: ServerFailed) -> None:
        connections = [*self._pool.connections, *self._service.connections]
        othersCame = any(connection.lastAnswer > began for connection in connections)
        if othersCame and isinstance(reason, DeadlineExceeded):
            self.health.slow("an answer was late, while others came")
        else:
            self.health.down(reason)

    def _drop(self, reason: ServerFailed) -> None:
        self._service.disappoint(reason)
        self._pool.disappoint(reason)
        self._connector.abort(reason)

    async def _answers(self) -> None:
        """
        A frozen server accepts connections, so only an answer counts. Any answer does.
        """
        deadline = self._reactor.seconds() + self._timeout
        if self._usesService:
            self._sweepLater()
            lease = await self._service.get(deadline)
            await lease.connection.search(_ROOT_DSE, deadline)
            return
        connection = await self._connector.connect(deadline)
        try:
            await connection.search(_ROOT_DSE, deadline)
        finally:
            connection.close()

    # Idle connections

    def _sweepLater(self) -> None:
        if self._sweeper is None and not self._isClosed:
            self._sweeper = self._reactor.callLater(SWEEP, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        self._pool.closeIdle(CLOSE_IDLE_AFTER)
        self._service.closeIdle(CLOSE_IDLE_AFTER)
        if self._pool.connections or self._service.connections:
            self._sweepLater()


class _Stale(Exception):
    """
    A connection turned out to be dead, for no fault of the request or the server.
    """

    def __init__(self, connection: LDAPConnection) -> None:
        super().__init__()
        self.connection = connection
