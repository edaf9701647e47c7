# -*- test-case-name: tests.twistd.test_shutdown -*-
"""
How connections come to their end when the service stops.
"""

from __future__ import annotations

import os
import signal
from typing import Any

from twisted.cred.credentials import IUsernamePassword
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.imap import Connection, makePortal
from txjmapaccess.twistd.shutdown import Connections, StoppableServer, onSignals

BYE = b"* BYE [UNAVAILABLE] The server is shutting down"


class SlowChecker:
    """
    Answers when the test says so.
    """

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self) -> None:
        self.answer: Deferred[str] = Deferred()

    def requestAvatarId(self, credentials: object) -> Deferred[str]:
        """
        See L{twisted.cred.checkers.ICredentialsChecker}.
        """
        return self.answer


class StoppingTestCase(SynchronousTestCase):
    """
    Connections that are ended.
    """

    def setUp(self) -> None:
        self.connections = Connections()
        self.clock = Clock()

    def connect(self, portal: Any = None) -> Connection:
        """
        @return: a connection among C{self.connections}.
        """
        return Connection(StoppableServer(), portal, clock=self.clock, connections=self.connections)

    def end(self) -> Deferred[None]:
        """
        @return: a Deferred that fires when all are closed.
        """
        return self.connections.end(self.clock, 10)

    def closes(self, connection: Connection) -> None:
        """
        The transport does what it was told to.
        """
        self.assertTrue(connection.transport.disconnecting)
        connection.lose()


class FinishTests(StoppingTestCase):
    """
    L{StoppableServer.finish}.
    """

    def test_quiet(self) -> None:
        """
        Connections that wait for a command hear BYE at once (RFC 3501, section 7.1.5), logged in
        or not.
        """
        new, loggedIn = self.connect(), self.connect()
        loggedIn.send(b"a LOGIN arnt trondheim")
        self.end()
        for connection in (new, loggedIn):
            self.assertEqual(connection.received(), [BYE])
            self.assertTrue(connection.transport.disconnecting)

    def test_idle(self) -> None:
        """
        So do those in IDLE (RFC 2177).
        """
        connection = self.connect()
        connection.send(b"a LOGIN arnt trondheim")
        connection.send(b"b IDLE")
        self.end()
        self.assertEqual(connection.received(), [BYE])
        self.closes(connection)
        self.assertEqual(len(self.connections), 0)

    def test_login(self) -> None:
        """
        A login that is under way gets its answer, and then BYE; what was sent behind it is not
        carried out.
        """
        checker = SlowChecker()
        connection = self.connect(makePortal(checkers=[checker]))
        self.assertEqual(connection.send(b"a LOGIN arnt x", b"b NOOP"), [])
        self.end()
        self.clock.advance(1)
        self.assertEqual(connection.received(), [])
        checker.answer.callback("arnt")
        self.clock.advance(0)
        answer, *rest = connection.received()
        self.assertTrue(answer.startswith(b"a OK "))
        self.assertEqual(rest, [BYE])
        self.closes(connection)

    def test_append(self) -> None:
        """
        An APPEND whose message is coming in is carried out.
        """
        connection = self.connect()
        connection.send(b"a LOGIN arnt trondheim")
        connection.send(b"b CREATE INBOX")
        connection.send(b"c APPEND INBOX {10}")
        connection.sendRaw(b"Subject")
        self.end()
        self.assertEqual(connection.received(), [])
        answer, *rest = connection.sendRaw(b": x\r\n")
        self.assertTrue(answer.startswith(b"c "))
        self.assertEqual(rest, [BYE])

    def test_late(self) -> None:
        """
        A connection that comes when all end is greeted with BYE.
        """
        waiting = self.connect(makePortal(checkers=[SlowChecker()]))
        waiting.send(b"a LOGIN arnt x")
        self.end()
        late = self.connect()
        self.assertEqual(late.greeting, [BYE])
        self.closes(late)
        self.assertEqual(len(self.connections), 1)

    def test_saidBefore(self) -> None:
        """
        A client that has heard BYE hears no second one.
        """
        connection = self.connect()
        connection.send(b"a LOGOUT")
        self.end()
        self.assertEqual(connection.received(), [])


class EndTests(StoppingTestCase):
    """
    L{Connections.end}.
    """

    def test_nobody(self) -> None:
        """
        Without connections the end is there at once, and nothing is left in the reactor.
        """
        self.successResultOf(self.end())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_allClosed(self) -> None:
        """
        It is there when the last connection has gone.
        """
        first, second = self.connect(), self.connect()
        ended = self.end()
        self.closes(first)
        self.assertNoResult(ended)
        self.closes(second)
        self.successResultOf(ended)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_deadline(self) -> None:
        """
        Whoever is not ready after that time is cut off, and nobody waits for him.
        """
        connection = self.connect(makePortal(checkers=[SlowChecker()]))
        connection.send(b"a LOGIN arnt x")
        ended = self.end()
        self.clock.advance(9.9)
        self.assertNoResult(ended)
        self.assertFalse(connection.transport.disconnected)
        self.clock.advance(0.1)
        self.assertTrue(connection.transport.disconnected)
        self.clock.advance(0)
        self.successResultOf(ended)
        connection.lose()

    def test_deaf(self) -> None:
        """
        A client that does not hang up after BYE is cut off five seconds later.
        """
        connection = self.connect()
        self.end()
        self.clock.advance(5)
        self.assertTrue(connection.transport.disconnected)
        connection.lose()

    def test_cutOff(self) -> None:
        """
        The end can be hurried.
        """
        connection = self.connect(makePortal(checkers=[SlowChecker()]))
        connection.send(b"a LOGIN arnt x")
        ended = self.end()
        self.connections.cutOff(self.clock)
        self.assertTrue(connection.transport.disconnected)
        self.clock.advance(0)
        self.successResultOf(ended)
        connection.lose()


class OnSignalsTests(SynchronousTestCase):
    """
    L{onSignals}.
    """

    def callFromThread(self, function: Any) -> None:
        """
        Stand in for the reactor.
        """
        function()

    def test_received(self) -> None:
        """
        While the context lasts, the signals call the function; afterwards they mean what they
        meant.
        """
        before = signal.getsignal(signal.SIGTERM)
        calls: list[None] = []
        with onSignals(self, lambda: calls.append(None), signal.SIGTERM, signal.SIGUSR2):
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGUSR2)
        self.assertEqual(len(calls), 2)
        self.assertIs(signal.getsignal(signal.SIGTERM), before)
