# -*- test-case-name: tests.ldap.test_connectionpool -*-
"""
Binding connections to one server. Each is lent to one login at a time, because nothing else may be
sent during a bind (RFC 4511, section 4.2.1).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txjmapaccess.ldap.counters import LDAPCounters
from txjmapaccess.ldap.deadlines import Deadline, Deadlines
from txjmapaccess.ldap.errors import ConnectionBroken, DeadlineExceeded, ServerFailed
from txjmapaccess.ldap.protocol import LDAPConnection

#: Seconds without new connections after one broke while others worked.
HOLD_OFF = 2.0

Connect = Callable[[float], Awaitable[LDAPConnection]]


class Lease:
    """
    A connection that is lent to one login.

    @ivar idleSeconds: how long it was unused; L{None} for a new one.
    """

    __slots__ = ("connection", "idleSeconds")

    def __init__(self, connection: LDAPConnection, idleSeconds: float | None) -> None:
        self.connection = connection
        self.idleSeconds = idleSeconds

    def isDoubtful(self, after: float) -> bool:
        """
        @return: whether the connection was idle for more than C{after} seconds.
        """
        return self.idleSeconds is not None and self.idleSeconds > after


class ConnectionPool:
    """
    @param connect: connects before a deadline, or fails with a L{ServerFailed}.
    @param size: most connections.
    """

    def __init__(
        self,
        clock: IReactorTime,
        deadlines: Deadlines,
        connect: Connect,
        size: int,
        counters: LDAPCounters,
    ) -> None:
        self._clock = clock
        self._deadlines = deadlines
        self._connect = connect
        self._size = size
        self._counters = counters
        self._connections: set[LDAPConnection] = set()
        self._opening = 0
        self._heldUntil = 0.0
        self._idle: list[LDAPConnection] = []
        #: In order, with their deadlines.
        self._waiting: dict[Deferred[LDAPConnection | None], Deadline] = {}

    @property
    def connections(self) -> frozenset[LDAPConnection]:
        """
        Those that are open, lent or idle.
        """
        return frozenset(self._connections)

    async def borrow(self, deadline: float, fresh: bool = False) -> Lease:
        """
        Get a connection, to be returned with L{giveBack}.

        @param deadline: a time of the clock, in seconds.
        @param fresh: whether it must be a new one, even if another one is closed for it.

        @raise ServerFailed: if there is none in time.
        """
        if self._idle and not fresh:
            lease = self._used(self._idle.pop())
        elif self._isFull and not self._makeRoom(fresh):
            connection = await self._wait(deadline)
            if connection is not None and fresh:
                # It was used before: only its place is needed.
                self._connections.discard(connection)
                connection.close()
                connection = None
            # None is room for a new connection.
            lease = self._used(connection) if connection else await self._open(deadline)
        else:
            lease = await self._open(deadline)
        self._counters.poolInUse += 1
        return lease

    def giveBack(self, lease: Lease) -> None:
        """
        Return a connection.
        """
        self._counters.poolInUse -= 1
        connection = lease.connection
        if connection.isWaiting:
            connection.abort(ConnectionBroken("the request was cancelled"))
        if not connection.usable:
            self._remove(connection)
            return
        connection.lastUsed = self._clock.seconds()
        if self._waiting:
            self._serve(connection)
        else:
            self._idle.append(connection)

    def holdOff(self) -> None:
        """
        Make no new connections for a moment, as long as there are others: the server does not
        accept them, or a machine behind a load balancer is dead.
        """
        self._heldUntil = self._clock.seconds() + HOLD_OFF

    def closeIdle(self, seconds: float) -> None:
        """
        Close the connections that have been idle for this long.
        """
        limit = self._clock.seconds() - seconds
        for connection in [c for c in self._idle if c.lastUsed <= limit]:
            self._remove(connection)

    def failWaiters(self, reason: ServerFailed) -> None:
        """
        Everything that waits for a connection fails with C{reason}.
        """
        waiting, self._waiting = self._waiting, {}

        def fail(waiter: Deferred[LDAPConnection | None]) -> None:
            waiting[waiter].cancel()
            if not waiter.called:
                waiter.errback(Failure(reason))

        self._deadlines.pace.each(fail, list(waiting))

    def _makeRoom(self, fresh: bool) -> bool:
        """
        @return: whether there is room for a fresh connection now.
        """
        if fresh and self._idle:
            self._remove(self._idle[0])
        return not self._isFull

    def _used(self, connection: LDAPConnection) -> Lease:
        return Lease(connection, self._clock.seconds() - connection.lastUsed)

    @property
    def _isFull(self) -> bool:
        count = len(self._connections) + self._opening
        return count >= self._size or (count > 0 and self._clock.seconds() < self._heldUntil)

    async def _open(self, deadline: float) -> Lease:
        self._opening += 1
        try:
            connection = await self._connect(deadline)
        except BaseException:
            self._opening -= 1
            self._offerRoom()
            raise
        self._opening -= 1
        self._connections.add(connection)
        connection.whenLost.append(self._lost)
        return Lease(connection, None)

    def _wait(self, deadline: float) -> Deferred[LDAPConnection | None]:
        waiter: Deferred[LDAPConnection | None] = Deferred(self._stopWaiting)
        self._waiting[waiter] = self._deadlines.add(deadline, partial(self._late, waiter))
        return waiter

    def _stopWaiting(self, waiter: Deferred[LDAPConnection | None]) -> None:
        late = self._waiting.pop(waiter, None)
        if late is not None:
            late.cancel()

    def _serve(self, connection: LDAPConnection | None) -> None:
        """
        Give the oldest waiter a connection, or room to make one.
        """
        waiter = next(iter(self._waiting))
        self._stopWaiting(waiter)
        waiter.callback(connection)

    def _late(self, waiter: Deferred[LDAPConnection | None]) -> None:
        self._stopWaiting(waiter)
        if not waiter.called:
            waiter.errback(Failure(DeadlineExceeded("no connection was free in time")))

    def _lost(self, connection: LDAPConnection) -> None:
        if connection in self._connections:
            self._remove(connection)

    def _remove(self, connection: LDAPConnection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        if connection in self._connections:
            self._connections.remove(connection)
            self._offerRoom()
        connection.close()

    def _offerRoom(self) -> None:
        if self._waiting and not self._isFull:
            self._serve(None)
