# -*- test-case-name: tests.http.test_client -*-
"""
HTTP connections that are kept alive, each for one request at a time, and a pool of them for each
server: to open one would be most of the cost of a check.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed, ConnectionDone
from twisted.internet.interfaces import IAddress, IDelayedCall, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from txjmapaccess.http.response import LONGEST_RESPONSE, BrokenResponse, Response, ResponseReader
from txjmapaccess.pacing import Pace

#: Seconds after which an idle connection is closed: before the other side closes it (node does
#: after five), because a request that meets that is lost.
IDLE_SECONDS = 4

#: Seconds for a graceful close: over TLS it needs the other side.
_CLOSE_SECONDS = 1


class ConnectionStale(ConnectionClosed):
    """
    The connection was closed before any of the response arrived.
    """


class HTTPConnection(Protocol):
    """
    An HTTP/1.1 connection that is kept alive.

    @param pool: its methods are called when this is open, free for the next request, and closed.
    @param longest: most octets of the body of a response.
    """

    def __init__(self, pool: KeepAlivePool, longest: int) -> None:
        self._pool = pool
        self._reader = ResponseReader(longest)
        self._pending: Deferred[Response] | None = None
        self._hasWorked = False

    def send(self, request: bytes) -> Deferred[Response]:
        """
        @param request: the whole request.

        @return: a Deferred of the response; cancelling it closes the connection. It fails with
            L{ConnectionStale}, L{BrokenResponse}, or the reason why the connection was lost.
        """
        pending: Deferred[Response] = Deferred(self._abandon)
        self._pending = pending
        self._transport.write(request)
        return pending

    def close(self) -> None:
        """
        Close it gracefully, which over TLS may take forever.
        """
        self._transport.loseConnection()

    def abort(self) -> None:
        """
        Close it now.
        """
        self._transport.abortConnection()

    @property
    def _transport(self) -> Any:
        return self.transport

    def _abandon(self, pending: Deferred[Response]) -> None:
        # When the response is there already, the connection may be used for something else.
        if self._pending is pending:
            self._pending = None
            self.abort()

    def connectionMade(self) -> None:
        """
        See L{Protocol}.
        """
        self._pool.opened(self)

    def dataReceived(self, data: bytes) -> None:
        """
        See L{Protocol}.
        """
        if self._pending is None:
            # Unsolicited, or for a cancelled request.
            self.abort()
            return
        try:
            response = self._reader.feed(data)
        except BrokenResponse:
            self._end(Failure())
            self.abort()
        else:
            if response is not None:
                self._complete(response)

    def _complete(self, response: Response) -> None:
        pending, self._pending = self._pending, None
        self._hasWorked = True
        keepAlive = self._reader.keepAlive
        # Now, so that an idle connection keeps nothing of the response.
        self._reader.expect()
        if keepAlive:
            self._pool.released(self)
        else:
            # The response is complete, and the other side may never close.
            self.abort()
        assert pending is not None
        self._pool.pace.soon(partial(_tell, pending), response)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See L{Protocol}.
        """
        self._pool.lost(self)
        if self._pending is None:
            return
        response = self._reader.end() if reason.check(ConnectionDone) else None
        if response is None and not self._reader.hasBegun and self._mayBeStale(reason):
            self._end(Failure(ConnectionStale()))
        else:
            self._end(reason if response is None else response)

    def _mayBeStale(self, reason: Failure) -> bool:
        # If it has worked before, its certificate was valid and the reason is about the end only.
        # OpenSSL reports an error for an end without close_notify.
        return self._hasWorked or bool(reason.check(ConnectionClosed))

    def _end(self, result: Response | Failure) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.callback(result)


def _tell(pending: Deferred[Response], response: Response) -> None:
    # It may have been cancelled meanwhile.
    if not pending.called:
        pending.callback(response)


class KeepAlivePool(Factory):
    """
    The connections to one server: as many as were used at one time.

    @param clock: an L{twisted.internet.interfaces.IReactorTime}.
    @param endpoint: makes them.
    @param longest: most octets of the body of a response.

    @ivar pace: paces responses: after a hang, a provider may send many at a time.
    """

    noisy = False

    def __init__(
        self, clock: Any, endpoint: IStreamClientEndpoint, longest: int = LONGEST_RESPONSE
    ) -> None:
        self._clock = clock
        self._longest = longest
        self.pace = Pace(clock)
        self._endpoint = endpoint
        self._open: set[HTTPConnection] = set()
        #: Since when; the most recently used one is last.
        self._idle: dict[HTTPConnection, float] = {}
        self._timer: IDelayedCall | None = None
        self._closed: Deferred[None] | None = None

    def send(self, request: bytes, fresh: bool = False) -> Deferred[Response]:
        """
        @param request: the whole request.
        @param fresh: whether to use a new connection in any case.

        @return: see L{HTTPConnection.send}. It also fails if connecting fails.
        """
        if self._idle and not fresh:
            connection, _ = self._idle.popitem()
            return connection.send(request)
        connecting: Deferred[Any] = self._endpoint.connect(self)
        return connecting.addCallback(HTTPConnection.send, request)

    def close(self) -> Deferred[None]:
        """
        Close all connections, and keep no new ones.

        @return: a Deferred that fires when they are closed, or after a second.
        """
        closed = self._closed = Deferred()
        self._stopTimer()
        if self._open:
            self._timer = self._clock.callLater(_CLOSE_SECONDS, self._abortAll)
        else:
            closed.callback(None)
        for connection in list(self._open):
            connection.close()
        return closed.addCallback(lambda _: self.pace.whenIdle())

    def buildProtocol(self, addr: IAddress | None) -> HTTPConnection:
        """
        See L{twisted.internet.interfaces.IProtocolFactory}.
        """
        return HTTPConnection(self, self._longest)

    def opened(self, connection: HTTPConnection) -> None:
        """
        There is another connection.
        """
        self._open.add(connection)

    def released(self, connection: HTTPConnection) -> None:
        """
        A connection is free for the next request.
        """
        if self._closed is not None:
            connection.abort()
            return
        self._idle[connection] = self._clock.seconds()
        if self._timer is None:
            self._timer = self._clock.callLater(IDLE_SECONDS, self._closeIdle)

    def lost(self, connection: HTTPConnection) -> None:
        """
        A connection is closed.
        """
        self._open.discard(connection)
        self._idle.pop(connection, None)
        if self._closed is not None and not self._open and not self._closed.called:
            self._stopTimer()
            self._closed.callback(None)

    # Ends

    def _closeIdle(self) -> None:
        """
        One timer for all: a timer for each request would cost more than the connection.
        """
        self._timer = None
        end = self._clock.seconds() - IDLE_SECONDS
        for connection, since in list(self._idle.items()):
            if since <= end:
                del self._idle[connection]
                connection.abort()
        if self._idle:
            oldest = next(iter(self._idle.values()))
            self._timer = self._clock.callLater(oldest - end, self._closeIdle)

    def _abortAll(self) -> None:
        self._timer = None
        for connection in list(self._open):
            connection.abort()

    def _stopTimer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
