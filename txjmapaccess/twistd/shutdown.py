# -*- test-case-name: tests.twistd.test_shutdown -*-
"""
Graceful shutdown: running commands may finish, idle clients get BYE at once, and after some seconds
all connections are closed.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from txjmapaccess.pacing import Pace
from txjmapaccess.server import JMAPAccessIMAP4Server

GOODBYE = b"[UNAVAILABLE] The server is shutting down"


class Stoppable(Protocol):
    """
    A connection that can be asked to end.
    """

    transport: Any

    def finish(self) -> None:
        """
        End when the running command is done, or at once if there is none.
        """


class Connections:
    """
    The open connections of a service.

    @ivar areEnding: whether the service is shutting down.
    """

    def __init__(self) -> None:
        self.areEnding = False
        self._open: set[Stoppable] = set()
        self._waiting: list[Deferred[None]] = []

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, connection: Stoppable) -> None:
        """
        Add a connection.
        """
        self._open.add(connection)

    def closed(self, connection: Stoppable) -> None:
        """
        Remove a connection.
        """
        self._open.discard(connection)
        if not self._open:
            self._tellAllClosed()

    def end(self, clock: Any, seconds: float) -> Deferred[None]:
        """
        Ask all connections to finish, and abort the rest after C{seconds}.

        @param clock: an L{twisted.internet.interfaces.IReactorTime}.

        @return: a Deferred that fires when all have ended.
        """
        self.areEnding = True
        ended: Deferred[None] = Deferred()
        self._waiting.append(ended)
        deadline = clock.callLater(seconds, self.cutOff, clock)
        ended.addCallback(_cancel, deadline)
        Pace(clock).each(lambda connection: connection.finish(), list(self._open))
        if not self._open:
            self._tellAllClosed()
        return ended

    def cutOff(self, clock: Any) -> None:
        """
        Abort all connections.
        """
        for connection in list(self._open):
            connection.transport.abortConnection()
        # The transports lose their connections in the next iteration of the reactor.
        clock.callLater(0, self._tellAllClosed)

    def _tellAllClosed(self) -> None:
        waiting, self._waiting = self._waiting, []
        for ended in waiting:
            ended.callback(None)


def _cancel(_: None, call: IDelayedCall) -> None:
    if call.active():
        call.cancel()


class StoppableServer(JMAPAccessIMAP4Server):
    """
    An IMAP connection of the service. Between two commands, and in IDLE, it can end at once; a
    running command, a login for example, finishes first. The client gets BYE (RFC 3501, section
    7.1.5).

    @ivar connections: all of them.
    """

    connections: Connections

    def connectionMade(self) -> None:
        """
        Greet the client, unless the service is shutting down.
        """
        self.connections.opened(self)
        if self.connections.areEnding:
            self._jmaDismiss(GOODBYE)
        else:
            super().connectionMade()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See L{twisted.internet.interfaces.IProtocol.connectionLost}.
        """
        super().connectionLost(reason)
        self.connections.closed(self)

    def finish(self) -> None:
        """
        See L{Stoppable}.
        """
        if self._jmaEnded or self._jmaHasSaidBye:
            return
        if self._jmaRunning is None or self._jmaIdle is not None:
            self._jmaDismiss(GOODBYE)

    def parse_command(self, line: bytes) -> None:
        """
        Ignore pipelined commands during shutdown.
        """
        if self.connections.areEnding:
            self.finish()
        else:
            super().parse_command(line)

    def _jmaCommandEnded(self) -> None:
        super()._jmaCommandEnded()
        if self.connections.areEnding:
            # The handler has not returned yet.
            self.callLater(0, self.finish)


@contextmanager
def onSignals(reactor: Any, function: Callable[[], object], *numbers: int) -> Iterator[None]:
    """
    In this context, a signal calls C{function} in the reactor's thread.
    """

    def received(number: int, frame: object) -> None:
        reactor.callFromThread(function)

    before = [signal.signal(number, received) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
