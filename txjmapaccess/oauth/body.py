# -*- test-case-name: tests.integration.test_introspection_fake -*-
"""
The bodies of small HTTP messages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IBodyProducer, IResponse
from zope.interface import implementer


class BodyTooLong(Exception):
    """
    A body that is longer than it may be.
    """


@implementer(IBodyProducer)
class WholeBody:
    """
    A body that is written at once. It is short, and L{twisted.web.client.FileBodyProducer} costs
    more than the request.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """
        Nothing is left to produce.
        """

    def resumeProducing(self) -> None:
        """
        Nothing is left to produce.
        """

    def stopProducing(self) -> None:
        """
        Nothing is left to produce.
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
