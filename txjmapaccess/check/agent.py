# -*- test-case-name: tests.integration.test_check_session -*-
"""
What L{twisted.web.client.Agent} leaves to be done: bodies that are not too long, and what went
wrong in words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse

from txjmapaccess.http.client import describe


class BodyTooLong(Exception):
    """
    A body that is longer than it may be.
    """


def readBody(response: IResponse, longest: int) -> Deferred[bytes]:
    """
    @param longest: how many octets there may be.

    @return: a Deferred of the body. It fails with L{BodyTooLong}, or with what
        L{twisted.web.client.readBody} fails with. Unlike with that one, cancelling it closes the
        connection.
    """
    reader = _Reader(longest)
    response.deliverBody(reader)
    return reader.body


def describeAll(error: Exception) -> str:
    """
    @return: see L{describe}. What Agent has wrapped, possibly more than once, is unwrapped.
    """
    return "; ".join(describe(cause) for cause in _causes(error))


def _causes(error: Exception) -> Iterator[Exception]:
    reasons = getattr(error, "reasons", None)
    if not isinstance(reasons, list):
        yield error
        return
    for reason in reasons:
        yield from _causes(reason.value)


class _Reader(Protocol):
    def __init__(self, longest: int) -> None:
        self._room = longest
        self._pieces: list[bytes] = []
        self.body: Deferred[bytes] = Deferred(self._abort)

    def dataReceived(self, data: bytes) -> None:
        self._room -= len(data)
        if self._room >= 0:
            self._pieces.append(data)
        elif not self.body.called:
            self._abort()
            self.body.errback(BodyTooLong())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.body.called:
            return
        # A body without a length ends with the connection: PotentialDataLoss.
        if isinstance(reason.value, (ResponseDone, PotentialDataLoss)):
            self.body.callback(b"".join(self._pieces))
        else:
            self.body.errback(reason)

    def _abort(self, _: object = None) -> None:
        # What Agent passes on is a proxy that cannot abort; the transport is behind it. Over TLS,
        # loseConnection waits for the other side, and may do so forever.
        transport: Any = getattr(self.transport, "_producer", None) or self.transport
        close: Callable[[], None] = getattr(transport, "abortConnection", transport.loseConnection)
        close()
