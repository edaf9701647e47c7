# -*- test-case-name: tests.imap.test_serializer -*-
"""
A client that sends commands and does not read the answers. A transport takes whatever is written to
it, and tells nobody how much it has still to send, but for a producer that is registered.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface import implementer


@implementer(IPushProducer)
class Backpressure:
    """
    Registered from before something is written until a turn of the reactor later (TLS may put
    off what it is given until then): a transport that has too much to send by then says so.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._isFull = False
        self._sent: Deferred[None] = Deferred()
        self._isAsked = False
        transport.registerProducer(self, True)

    def sent(self) -> Deferred[None]:
        """
        To be called once, a turn after something was written.

        @return: fires when the transport does not have too much to send; never when it is lost
            before.
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
    @return: L{None} for a transport that cannot tell, or tells somebody else: a producer of another
        server.
    """
    if not IConsumer.providedBy(transport):
        return None
    try:
        return Backpressure(transport)
    except RuntimeError:
        return None
