# -*- test-case-name: tests.imap.test_serializer -*-
"""
A client that sends commands and does not read the responses. A transport accepts everything, and
only a registered producer learns that its buffer is full.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface import implementer


@implementer(IPushProducer)
class Backpressure:
    """
    A producer that is registered before a write until a turn of the reactor later (TLS may delay
    writes until then), to learn whether the buffer of the transport is full.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._isFull = False
        self._sent: Deferred[None] = Deferred()
        self._isAsked = False
        transport.registerProducer(self, True)

    def sent(self) -> Deferred[None]:
        """
        To be called once, a turn after the write.

        @return: fires when the buffer is not full; never when the connection is lost before.
        """
        self._isAsked = True
        if not self._isFull:
            self._end()
        return self._sent

    def pauseProducing(self) -> None:
        """
        See L{IPushProducer}.
        """
        self._isFull = True

    def resumeProducing(self) -> None:
        """
        See L{IPushProducer}.
        """
        self._isFull = False
        if self._isAsked:
            self._end()

    def stopProducing(self) -> None:
        """
        See L{IPushProducer}.
        """

    def _end(self) -> None:
        self._isAsked = False
        self._transport.unregisterProducer()
        self._sent.callback(None)


def backpressureOf(transport: Any) -> Backpressure | None:
    """
    @return: L{None} for a transport without producers, or with a producer of the server's own.
    """
    if not IConsumer.providedBy(transport):
        return None
    try:
        return Backpressure(transport)
    except RuntimeError:
        return None
