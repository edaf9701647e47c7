# -*- test-case-name: tests.ldap.test_protocol -*-
"""
LDAP messages over a transport: requests, responses, deadlines, and the end of the connection.

Rules:
  - Anything but a well-formed response to an outstanding request ends this connection (RFC 4511,
    section 5.3, allows it).
  - A search that is late or cancelled is abandoned (section 4.11). A bind cannot be abandoned, so
    its connection is aborted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from txjmapaccess.ldap import codec
from txjmapaccess.ldap.ber import messageSize
from txjmapaccess.ldap.deadlines import Deadlines
from txjmapaccess.ldap.errors import (
    ConnectionBroken,
    ConnectionSpoiled,
    DeadlineExceeded,
    ProtocolViolation,
)
from txjmapaccess.ldap.outstanding import LAST_MESSAGE_ID, OutstandingRequest, OutstandingRequests
from txjmapaccess.ldap.responses import decodeMessage, messageIDOf

#: Octets. We request one entry and few of its attributes.
LONGEST_MESSAGE = 64 * 1024
#: Seconds for closing a connection after an unbind request.
_CLOSING = 2.0
#: Messages of one read that are handled at once. A bind or a search has no more.
_AT_ONCE = 4


class MessageProtocol(Protocol):
    """
    See the module. L{txjmapaccess.ldap.protocol} adds the operations.

    @ivar usable: whether a request can be sent.
    @ivar lastResponse: when data arrived last, in seconds of the clock.
    @ivar lastUsed: when it was returned to its pool, in seconds.
    @ivar whenLost: functions that are called with this connection when it has ended.
    """

    def __init__(self, clock: IReactorTime, deadlines: Deadlines) -> None:
        self._clock = clock
        self._deadlines = deadlines
        self._outstanding = OutstandingRequests()
        self._lastID = 0
        self._buffer = b""
        self._end: Exception | None = None
        self._isLost = False
        self._isBehind = False
        self.usable = False
        self.lastResponse = float("-inf")
        self.lastUsed = 0.0
        self.whenLost: list[Callable[[Any], None]] = []

    def close(self) -> None:
        """
        Unbind and close the connection (RFC 4511, section 4.3); abort it if that takes too long.
        """
        if self._end is not None or self.transport is None:
            return
        self._end = ConnectionBroken("the connection was closed")
        self.usable = False
        self.transport.write(codec.unbindRequest(self._nextID()))
        self.transport.loseConnection()
        self._deadlines.add(self._clock.seconds() + _CLOSING, self._abortTransport)

    def abort(self, reason: Exception) -> None:
        """
        Abort the connection, unless it is ending already.

        @param reason: for the failure of outstanding requests.
        """
        if self._end is None:
            self._end = reason
            self.usable = False
            self._abortTransport()

    @property
    def isWaiting(self) -> bool:
        """
        Whether a request waits for its response, on an open connection.
        """
        return self._end is None and len(self._outstanding) > 0

    # Requests

    def _nextID(self) -> int:
        self._lastID += 1
        return self._lastID

    def _send(
        self,
        messageID: int,
        request: bytes,
        final: int,
        deadline: float,
        limit: int | None = None,
    ) -> Deferred[Any]:
        deferred: Deferred[Any] = Deferred(partial(self._cancelled, messageID))
        if not self.usable:
            deferred.errback(Failure(self._end or ConnectionBroken("there is no connection")))
            return deferred
        waiting = OutstandingRequest(final, deferred, limit)
        waiting.deadline = self._deadlines.add(deadline, partial(self._late, messageID))
        self._outstanding.add(messageID, waiting)
        if messageID >= LAST_MESSAGE_ID:
            self.usable = False
        self.transport.write(request)  # type: ignore[union-attr]
        return deferred

    def _cancelled(self, messageID: int, deferred: Deferred[Any]) -> None:
        self._forget(messageID, ConnectionBroken("the request was cancelled"))

    def _late(self, messageID: int) -> None:
        reason = DeadlineExceeded("there was no response in time")
        request = self._forget(messageID, reason)
        if request is not None:
            request.deferred.errback(Failure(reason))

    def _forget(self, messageID: int, reason: Exception) -> OutstandingRequest | None:
        request = self._outstanding.forget(messageID)
        if request is None:
            return None
        if not request.isSearch:
            self.abort(reason)
        elif self.usable:
            abandon = codec.abandonRequest(self._nextID(), messageID)
            self.transport.write(abandon)  # type: ignore[union-attr]
        return request

    # What comes from the transport

    def connectionMade(self) -> None:
        """
        TCP is connected. That proves nothing: the kernel of a frozen server accepts connections.
        """
        self.usable = True

    def dataReceived(self, data: bytes) -> None:
        """
        Handle a part of a response, or several responses.
        """
        if self._end is not None:
            return
        self.lastResponse = self._clock.seconds()
        self._buffer = self._buffer + data if self._buffer else data
        if self._isBehind:
            return
        for _ in range(_AT_ONCE):
            if not self._handleResponse():
                return
        self._isBehind = True
        self.transport.pauseProducing()  # type: ignore[union-attr]
        self._deadlines.pace.run(self._handleRest())

    def _handleRest(self) -> Iterator[None]:
        while self._handleResponse():
            yield
        self._isBehind = False
        if self._end is None:
            self.transport.resumeProducing()  # type: ignore[union-attr]

    def _handleResponse(self) -> bool:
        """
        @return: whether there may be another response.
        """
        received = self._buffer
        try:
            message = self._nextMessage() if self._end is None else None
            if message is None:
                return False
            self._outstanding.answered(*decodeMessage(message))
        except ProtocolViolation as e:
            self._violated(e, messageIDOf(received))
            return False
        except ConnectionBroken as e:
            self.abort(e)
            return False
        return bool(self._buffer)

    def _nextMessage(self) -> bytes | None:
        buffer = self._buffer
        size = messageSize(buffer)
        if size is None:
            return None
        if size > LONGEST_MESSAGE:
            raise ProtocolViolation(f"a message is longer than {LONGEST_MESSAGE} octets")
        if size > len(buffer):
            return None
        self._buffer = buffer[size:]
        return buffer[:size]

    def _violated(self, violation: ProtocolViolation, messageID: int | None) -> None:
        """
        Abort the connection. The request with this message ID fails with the violation, and others
        can be retried; without such a request, all fail with the violation.
        """
        request = None if messageID is None else self._outstanding.forget(messageID)
        if request is None:
            self.abort(violation)
        else:
            self.abort(ConnectionSpoiled("a response to another request was malformed"))
            request.deferred.errback(Failure(violation))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection has ended: outstanding requests fail.
        """
        self._isLost = True
        self.usable = False
        end = self._end = self._end or ConnectionBroken(_sentence(reason))
        self._buffer = b""
        for call in self.whenLost:
            call(self)
        self._deadlines.pace.each(
            lambda request: request.failed(end), self._outstanding.forgetAll()
        )

    def _abortTransport(self) -> None:
        if self.transport is not None and not self._isLost:
            self.transport.abortConnection()  # type: ignore[attr-defined]


def _sentence(reason: Failure) -> str:
    """
    @return: why a connection ended; safe to log, because the text is from TCP or TLS.
    """
    return f"the connection ended ({type(reason.value).__name__}: {reason.getErrorMessage()})"
