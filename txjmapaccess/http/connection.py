# -*- test-case-name: tests.http.test_client -*-
"""
One connection to a server, for one request at a time.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from typing import Protocol as Structure

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed, ConnectionDone
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from txjmapaccess.http.response import BrokenResponse, Response, ResponseReader
from txjmapaccess.pacing import Pace


class ConnectionStale(ConnectionClosed):
    """
    The connection was closed before any of the response arrived.
    """


class ConnectionOwner(Structure):
    """
    Who has connections.

    @ivar pace: at which responses are taken in.
    """

    pace: Pace

    def opened(self, connection: HTTPConnection) -> None:
        """
        There is another connection.
        """

    def released(self, connection: HTTPConnection) -> None:
        """
        A connection is free for the next request.
        """

    def lost(self, connection: HTTPConnection) -> None:
        """
        A connection is closed.
        """


class HTTPConnection(Protocol):
    """
    An HTTP/1.1 connection that is kept alive.

    @param pool: is told when it is open, free for the next request, and closed.
    @param longest: how many octets the body of a response may have.
    """

    def __init__(self, pool: ConnectionOwner, longest: int) -> None:
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
        Close it in order, which over TLS may take forever.
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
            # Nobody has asked for that, or wants it any more.
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
        # Now, so that a connection that is idle holds nothing of what it was told.
        self._reader.expect()
        if keepAlive:
            self._pool.released(self)
        else:
            # All has been said. The other side may never let go.
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
        # Once it has worked the certificate was good: what is said now is about the end. OpenSSL
        # makes an error of one without a farewell.
        return self._hasWorked or bool(reason.check(ConnectionClosed))

    def _end(self, result: Response | Failure) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.callback(result)


def _tell(pending: Deferred[Response], response: Response) -> None:
    # It may have been cancelled while it waited for its turn.
    if not pending.called:
        pending.callback(response)
