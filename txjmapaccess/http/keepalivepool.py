# -*- test-case-name: tests.http.test_client -*-
"""
Few connections, and kept: most of what a check costs would be to make one.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall, IStreamClientEndpoint
from twisted.internet.protocol import Factory

from txjmapaccess.http.connection import HTTPConnection
from txjmapaccess.http.response import LONGEST_RESPONSE, Response
from txjmapaccess.pacing import Pace

#: Seconds after which an idle connection is closed: before the other side closes it (node does
#: after five), because a request that meets that is lost.
IDLE_SECONDS = 4

#: How long an orderly end may take: over TLS the other side has a say in it.
_CLOSE_SECONDS = 1


class KeepAlivePool(Factory):
    """
    The connections to one server. As many are kept as are used at one time.

    @param clock: an L{twisted.internet.interfaces.IReactorTime}.
    @param endpoint: makes them.
    @param longest: how many octets the body of a response may have.

    @ivar pace: at which responses are taken in. A provider that hung may give many at a time.
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
        #: Since when; the one that was used last comes last.
        self._idle: dict[HTTPConnection, float] = {}
        self._timer: IDelayedCall | None = None
        self._closed: Deferred[None] | None = None

    def send(self, request: bytes, fresh: bool = False) -> Deferred[Response]:
        """
        @param request: the whole request.
        @param fresh: whether to use a new connection in any case.

        @return: see L{HTTPConnection.send}. It fails also with whatever connecting fails with.
        """
        if self._idle and not fresh:
            connection, _ = self._idle.popitem()
            return connection.send(request)
        connecting: Deferred[Any] = self._endpoint.connect(self)
        return connecting.addCallback(HTTPConnection.send, request)

    def close(self) -> Deferred[None]:
        """
        Close all connections, and keep no others.

        @return: a Deferred that fires when they are closed, and soon in any case.
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

    # See ConnectionOwner

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
        One timer for all: one for each request would cost more than the connection.
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
