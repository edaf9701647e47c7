# -*- test-case-name: tests.integration.test_ldap_connections -*-
"""
One directory server: binds on a pool of connections, searches on another connection, and retries.

L{txjmapaccess.ldap.retry} decides what is retried, and where. When the last connection fails, or
no response arrives in time, the server is down (L{txjmapaccess.ldap.health}), and everything that
waits for it fails at once, so that logins can try another server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from txjmapaccess.ldap import retry
from txjmapaccess.ldap.codec import NO_ATTRIBUTES, SCOPE_BASE, Result, SearchRequest
from txjmapaccess.ldap.connectionpool import ConnectionPool, Lease
from txjmapaccess.ldap.connector import makeConnector
from txjmapaccess.ldap.counters import LDAPCounters
from txjmapaccess.ldap.deadlines import Deadlines
from txjmapaccess.ldap.errors import (
    ConnectionBroken,
    ConnectionSpoiled,
    DeadlineExceeded,
    FoundDown,
    ServerFailed,
    ServiceRefused,
)
from txjmapaccess.ldap.health import Health
from txjmapaccess.ldap.protocol import LDAPConnection, SearchResult
from txjmapaccess.ldap.retry import ConnectionChoice, RetryNeeded
from txjmapaccess.ldap.searchfilter import ANY_ENTRY
from txjmapaccess.ldap.serviceaccount import ServiceAccount, ServiceConnection
from txjmapaccess.ldap.settings import LDAPSettings
from txjmapaccess.ldap.tlssettings import TLSSettings
from txjmapaccess.ldap.uri import ServerURI

_T = TypeVar("_T")
_W = TypeVar("_W")

#: What a login does with a connection, before a deadline.
Use = Callable[[LDAPConnection, float], Awaitable[_T]]

#: Seconds after which an idle connection is closed, and between looks for idle connections.
CLOSE_IDLE_AFTER, SWEEP = 60.0, 15.0

_ROOT_DSE = SearchRequest(b"", SCOPE_BASE, ANY_ENTRY, (NO_ATTRIBUTES,), 1, 0)


class DirectoryServer:
    """
    @param reactor: tells the time.
    @param uri: one of the servers of C{settings}.
    @param tls: how to verify it; L{None} when no server is reached over TLS.
    @param account: the service account; L{None} where nothing is searched with one.

    @ivar name: the URI, for the log.
    @ivar health: whether it is up.
    """

    def __init__(
        self,
        reactor: Any,
        deadlines: Deadlines,
        settings: LDAPSettings,
        uri: ServerURI,
        tls: TLSSettings | None,
        account: ServiceAccount | None,
        counters: LDAPCounters,
    ) -> None:
        self._reactor = reactor
        self.name = uri.text
        self._connector = connector = makeConnector(reactor, deadlines, settings, uri, tls)
        self._timeout = float(settings.timeout)
        self._counters = counters
        self._pool = ConnectionPool(
            reactor, deadlines, connector.connect, settings.connections, counters
        )
        self._service = ServiceConnection(reactor, deadlines, connector, account, self._timeout)
        self._usesService = account is not None
        self.health = Health(reactor, deadlines, self.name, self._testServer, self._drop, counters)
        self._sweep: IDelayedCall | None = None
        self._isClosed = False

    # For logins

    def withConnection(self, use: Use[_T], deadline: float) -> Awaitable[_T]:
        """
        Lend a binding connection to C{use}, and call it again with another one if the first was
        dead.

        @raise ServerFailed: if this server could not check the login.
        """
        return self._repeated(self._lent, use, deadline)

    def search(self, search: SearchRequest, deadline: float) -> Awaitable[SearchResult]:
        """
        Search with the service account. Searches may overlap.

        @raise ServerFailed: if this server could not check the login.
        """
        return self._repeated(self._searched, search, deadline)

    async def bind(
        self, connection: LDAPConnection, dn: bytes, password: bytes, deadline: float
    ) -> Result:
        """
        Bind on a connection from L{withConnection}, and measure it.
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
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        reason = ConnectionBroken("the checker was closed")
        self.health.close(reason)
        self._closeIdle(0)
        self._drop(reason)
        return self._connector.allClosed()

    # Attempts

    async def _repeated(
        self,
        ask: Callable[[_W, float, ConnectionChoice, LDAPConnection | None], Awaitable[_T]],
        what: _W,
        deadline: float,
    ) -> _T:
        """
        @param ask: takes C{what}, the deadline, where to send it, and the connection that failed.
        """
        if self._isClosed:
            raise ConnectionBroken("the checker was closed")
        began = self._reactor.seconds()
        where, failed = ConnectionChoice.ANY, None
        try:
            while True:
                try:
                    return await ask(what, deadline, where, failed)
                except RetryNeeded as e:
                    where, failed = e.where, e.failed
        except FoundDown:
            # It may be up again by now.
            raise
        except (ConnectionBroken, DeadlineExceeded, ServiceRefused) as e:
            if self.health.isDown:
                raise FoundDown(str(e)) from None
            self._failed(began, e)
            raise

    async def _lent(
        self, use: Use[_T], deadline: float, where: ConnectionChoice, failed: LDAPConnection | None
    ) -> _T:
        lease = None
        try:
            lease = await self._pool.borrow(deadline, fresh=where is ConnectionChoice.FRESH)
            self._sweepLater()
            until = retry.deadlineFor(where, lease, self._reactor.seconds(), deadline)
            if until < deadline:
                # Not with a bind: a directory counts wrong passwords even if we miss the response,
                # and may be slow for right ones.
                await lease.connection.search(_ROOT_DSE, until)
                lease.idleSeconds = 0.0
            return await use(lease.connection, deadline)
        except (ConnectionBroken, ConnectionSpoiled, DeadlineExceeded) as e:
            self._raiseRetryNeeded(where, lease, e)
            raise
        finally:
            if lease is not None:
                self._pool.giveBack(lease)

    async def _searched(
        self,
        search: SearchRequest,
        deadline: float,
        where: ConnectionChoice,
        failed: LDAPConnection | None,
    ) -> SearchResult:
        lease = None
        try:
            lease = await self._service.get(deadline, failed)
            self._sweepLater()
            until = retry.deadlineFor(where, lease, self._reactor.seconds(), deadline)
            return await lease.connection.search(search, until)
        except (ConnectionBroken, ConnectionSpoiled, DeadlineExceeded) as e:
            self._raiseRetryNeeded(where, lease, e)
            raise

    def _raiseRetryNeeded(
        self, where: ConnectionChoice, lease: Lease | None, problem: ServerFailed
    ) -> None:
        """
        @raise RetryNeeded: if a retry may help.
        """
        if self._isClosed or self.health.isDown:
            return
        following = retry.nextChoice(where, lease, problem, self._othersWork())
        if following is ConnectionChoice.LIVING:
            self._pool.holdOff()
        if following is not None:
            raise RetryNeeded(following, None if lease is None else lease.connection)

    def _failed(self, began: float, reason: ServerFailed) -> None:
        """
        Update the health of the server after a failed login.
        """
        if isinstance(reason, DeadlineExceeded) and self._connector.isResponding(began):
            self.health.slow("a response was late while others arrived")
        elif isinstance(reason, ConnectionBroken) and self._othersWork():
            self.health.slow(f"a connection broke while others work: {reason}")
        else:
            self.health.down(reason)

    def _othersWork(self) -> bool:
        """
        Whether responses arrived recently, or may be in flight. Each connection without one finds
        out by itself.
        """
        recently = self._reactor.seconds() - retry.RECENTLY
        return self._connector.isResponding(recently) or self._connector.isWaiting

    def _drop(self, reason: ServerFailed) -> None:
        self._service.failWaiters(reason)
        self._pool.failWaiters(reason)
        self._connector.abort(reason)

    async def _testServer(self) -> None:
        """
        Test the server. A frozen server still accepts connections, so only a response counts, any
        response. If none arrives while logins get theirs, the test proves nothing.
        """
        try:
            await self._queryRootDSE(self._reactor.seconds() + self._timeout)
        except (ConnectionBroken, DeadlineExceeded) as e:
            if not self.health.isDown and self._othersWork():
                raise ServerFailed(f"others work: {e}") from None
            raise

    async def _queryRootDSE(self, deadline: float) -> None:
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

    def _sweepLater(self) -> None:
        if self._sweep is None and not self._isClosed:
            self._sweep = self._reactor.callLater(SWEEP, self._sweepNow)

    def _sweepNow(self) -> None:
        self._sweep = None
        self._closeIdle(CLOSE_IDLE_AFTER)
        if self._pool.connections or self._service.connections:
            self._sweepLater()

    def _closeIdle(self, seconds: float) -> None:
        self._pool.closeIdle(seconds)
        self._service.closeIdle(seconds)
