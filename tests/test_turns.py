# -*- test-case-name: tests.test_turns -*-
"""
Whatever becomes ready for many at once keeps the reactor for a slice at a time, everywhere: what a
directory answers, or does not; what a provider answers; those who share a question; the end.

Each of the many takes a millisecond here, and there are a hundred of them.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.credentials import IUsernamePassword
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.http.test_client import GOOD, FakeEndpoint
from tests.ldap.test_protocol import SEARCH, Transport
from tests.support.imap import Connection, makePortal
from tests.support.ldap import done
from tests.support.turns import WorkClock
from txjmapaccess.cache import ResultCache
from txjmapaccess.http.keepalivepool import HTTPConnection, KeepAlivePool
from txjmapaccess.http.response import Response
from txjmapaccess.ldap.connectionpool import ConnectionPool
from txjmapaccess.ldap.counters import LDAPCounters
from txjmapaccess.ldap.deadlines import GRANULARITY, Deadlines
from txjmapaccess.ldap.errors import ConnectionBroken, DeadlineExceeded, FoundDown
from txjmapaccess.ldap.protocol import LDAPConnection
from txjmapaccess.ldap.sharedattempt import SharedAttempt
from txjmapaccess.pacing import SLICE, Pace
from txjmapaccess.twistd.shutdown import Connections

MANY = 100


class TurnsTestCase(SynchronousTestCase):
    """
    Many who wait, and the outcomes that they got.
    """

    def setUp(self) -> None:
        self.clock = WorkClock()
        self.clock.advance(1000)
        self.deadlines = Deadlines(self.clock)
        self.outcomes: list[Any] = []

    def waits(self, waiter: Deferred[Any]) -> Deferred[Any]:
        """
        Somebody to whom the outcome is a millisecond of work.
        """

        def settled(outcome: Any) -> None:
            self.clock.work(0.001)
            self.outcomes.append(outcome.type if isinstance(outcome, Failure) else outcome)

        return waiter.addBoth(settled)

    def assertTurns(self, outcomes: list[Any]) -> None:
        """
        Some have their outcome already; when all have it, no turn was longer than it may be, and
        nothing is left.
        """
        self.assertLess(len(self.outcomes), 12)
        self.clock.turns()
        self.assertEqual(self.outcomes, outcomes)
        self.assertLess(max(self.clock.slices), SLICE + 0.0011)


class DirectoryTests(TurnsTestCase):
    """
    A directory that hangs, goes on, or goes away.
    """

    def connection(self) -> LDAPConnection:
        """
        @return: one that is there.
        """
        connection = LDAPConnection(self.clock, self.deadlines)
        connection.makeConnection(Transport())
        return connection

    def search(self, connection: LDAPConnection) -> list[Deferred[Any]]:
        """
        @return: many searches.
        """
        deadline = self.clock.seconds() + 5
        return [
            self.waits(connection.search(SEARCH, deadline).addCallback(lambda found, n=n: n))
            for n in range(MANY)
        ]

    def test_oneRead(self) -> None:
        """
        Answers that come in one read; meanwhile no more is read.
        """
        connection = self.connection()
        self.search(connection)
        connection.dataReceived(b"".join(done(n + 1) for n in range(MANY)))
        self.assertEqual(connection.transport.producerState, "paused")
        self.assertTurns(list(range(MANY)))
        self.assertEqual(connection.transport.producerState, "producing")
        self.assertTrue(connection.usable)

    def test_moreComes(self) -> None:
        """
        What comes meanwhile all the same is taken in behind it, in order, whole or in pieces.
        """
        connection = self.connection()
        self.search(connection)
        answers = [done(n + 1) for n in range(MANY)]
        connection.dataReceived(b"".join(answers[:40]) + answers[40][:3])
        rest = answers[40][3:] + b"".join(answers[41:])
        connection.dataReceived(rest[:50])
        connection.dataReceived(rest[50:])
        self.assertTurns(list(range(MANY)))

    def test_malformed(self) -> None:
        """
        What is malformed behind many answers ends the connection when its turn has come.
        """
        connection = self.connection()
        self.search(connection)
        connection.dataReceived(b"".join(done(n + 1) for n in range(50)) + b"garbage")
        self.assertTrue(connection.usable)
        self.clock.turns()
        self.assertFalse(connection.usable)
        self.assertEqual(len(self.outcomes), 50)
        connection.connectionLost(connectionDone)
        self.clock.turns()
        self.assertEqual(len(self.outcomes), MANY)

    def test_lost(self) -> None:
        """
        The end of a connection on which many wait. Who gives up meanwhile is not disturbed.
        """
        connection = self.connection()
        waiting = self.search(connection)
        connection.connectionLost(connectionDone)
        waiting[50].cancel()
        self.outcomes.remove(CancelledError)
        self.assertTurns([ConnectionBroken] * (MANY - 1))

    def test_lostWhileBehind(self) -> None:
        """
        A connection that ends while answers wait for their turn: all get an outcome.
        """
        connection = self.connection()
        self.search(connection)
        connection.dataReceived(b"".join(done(n + 1) for n in range(MANY)))
        connection.connectionLost(connectionDone)
        self.clock.turns()
        self.assertEqual(len(self.outcomes), MANY)
        self.assertIn(0, self.outcomes)
        self.assertIn(ConnectionBroken, self.outcomes)
        self.assertLess(max(self.clock.slices), SLICE + 0.0011)

    def test_deadlines(self) -> None:
        """
        Deadlines that expire together. One that is cancelled meanwhile does not expire.
        """

        def late(n: int) -> None:
            self.clock.work(0.001)
            self.outcomes.append(n)

        when = self.clock.seconds() + 1
        handles = [self.deadlines.add(when, lambda n=n: late(n)) for n in range(MANY)]
        self.clock.rightNow += 1 + 2 * GRANULARITY
        self.clock.turn()
        handles[10].cancel()
        self.assertTurns([n for n in reversed(range(MANY)) if n != 10])

    def test_disappointed(self) -> None:
        """
        Those who wait for a connection to a server that is down. Who gives up, or whose time is
        over, while the others are told is told that.
        """

        async def connect(deadline: float) -> Any:
            return await Deferred()

        pool = ConnectionPool(self.clock, self.deadlines, connect, 1, LDAPCounters())
        deadline = self.clock.seconds() + 5
        connecting = Deferred.fromCoroutine(pool.borrow(deadline))
        waiting = [self.waits(Deferred.fromCoroutine(pool.borrow(deadline))) for _ in range(MANY)]
        pool.failWaiters(FoundDown("down"))
        waiting[-1].cancel()
        self.outcomes.remove(CancelledError)
        self.assertTurns([FoundDown] * (MANY - 1))
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)

    def test_shared(self) -> None:
        """
        Those who share an attempt, whatever becomes of it.
        """

        async def attempt() -> Any:
            return await running

        shared: SharedAttempt[Any] = SharedAttempt(self.deadlines, attempt)
        for outcome, told in (("done", "done"), (Failure(DeadlineExceeded()), DeadlineExceeded)):
            self.outcomes.clear()
            running: Deferred[Any] = Deferred()
            for _ in range(MANY):
                self.waits(shared.wait(self.clock.seconds() + 5))
            running.callback(outcome)
            self.assertTurns([told] * MANY)


class ProviderTests(TurnsTestCase):
    """
    A provider that answers many at a time, each on a connection of its own.
    """

    def ask(self) -> tuple[list[HTTPConnection], list[Deferred[Any]]]:
        """
        @return: connections and answers.
        """
        endpoint = FakeEndpoint()
        self.pool = KeepAlivePool(self.clock, endpoint)  # type: ignore[arg-type]
        answers = [self.waits(self.pool.send(b"q")) for _ in range(MANY)]
        return [endpoint.accept() for _ in range(MANY)], answers

    def test_answers(self) -> None:
        """
        In one turn only some of them are taken in.
        """
        connections, _ = self.ask()
        for connection in connections:
            connection.dataReceived(GOOD)
        self.assertTurns([Response(200, b"{}")] * MANY)

    def test_givenUp(self) -> None:
        """
        Who gives up while his answer waits for its turn is rid of it, and the connection, which
        others may use by then, goes on.
        """
        connections, answers = self.ask()
        for connection in connections:
            connection.dataReceived(GOOD)
        answers[-1].cancel()
        self.assertEqual(self.outcomes[-1], CancelledError)
        self.assertTrue(connections[-1].transport.connected)
        self.clock.turns()
        self.assertEqual(len(self.outcomes), MANY)

    def test_close(self) -> None:
        """
        A pool is not closed before they have all been told.
        """
        connections, _ = self.ask()
        for connection in connections:
            connection.dataReceived(GOOD)
        closed = self.pool.close()
        self.assertNoResult(closed)
        self.clock.turns()
        self.successResultOf(closed)
        self.assertEqual(len(self.outcomes), MANY)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class SharedQuestionTests(TurnsTestCase):
    """
    L{ResultCache}.
    """

    def test_answer(self) -> None:
        """
        Many who have asked the same. Who asks meanwhile is told at once.
        """
        cache: ResultCache[str] = ResultCache(self.clock, lambda result: 60.0)
        question: Deferred[str] = Deferred()
        for _ in range(MANY):
            self.waits(cache.get((b"token",), lambda: question))
        question.callback("answer")
        self.assertEqual(self.successResultOf(cache.get((b"token",), lambda: question)), "answer")
        self.assertTurns(["answer"] * MANY)

    def test_leave(self) -> None:
        """
        Who gives up meanwhile is told nothing else.
        """
        cache: ResultCache[str] = ResultCache(self.clock, lambda result: 60.0)
        question: Deferred[str] = Deferred()
        waiting = [self.waits(cache.get((b"t",), lambda: question)) for _ in range(MANY)]
        question.callback("answer")
        for waiter in waiting[50:]:
            waiter.cancel()
        self.clock.turns()
        self.assertEqual(self.outcomes.count("answer"), 50)
        self.assertEqual(self.outcomes.count(CancelledError), 50)


class LoginTests(TurnsTestCase):
    """
    Many clients that log in at one time.
    """

    credentialInterfaces = (IUsernamePassword,)

    def requestAvatarId(self, credentials: object) -> str:
        """
        A checker for which each login is a millisecond of work.
        """
        self.clock.work(0.001)
        self.outcomes.append("checked")
        return "arnt"

    def connect(self) -> list[Connection]:
        """
        @return: connections that have sent LOGIN, with NOOP behind it.
        """
        pace, portal = Pace(self.clock), makePortal(checkers=[self])
        connections = [Connection(portal=portal, clock=self.clock, pace=pace) for _ in range(MANY)]
        for connection in connections:
            connection.server.dataReceived(b"a LOGIN arnt x\r\nb NOOP\r\n")
        return connections

    def test_logins(self) -> None:
        """
        They are begun in slices, and each client gets its answers in order.
        """
        connections = self.connect()
        self.assertTurns(["checked"] * MANY)
        for connection in connections:
            self.clock.advance(0)
            login, noop = connection.received()
            self.assertTrue(login.startswith(b"a OK "))
            self.assertTrue(noop.startswith(b"b OK"))
            connection.lose()

    def test_gone(self) -> None:
        """
        The login of a client that went away before its turn is not begun.
        """
        connections = self.connect()
        for connection in connections[50:]:
            connection.lose()
        self.clock.turns()
        self.assertEqual(len(self.outcomes), 50)
        for connection in connections[:50]:
            connection.lose()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class EndTests(TurnsTestCase):
    """
    L{Connections.end}.
    """

    def test_end(self) -> None:
        """
        Many connections are asked to finish, in slices.
        """
        connections = Connections()
        case = self

        class Client:
            transport = None

            def finish(self) -> None:
                case.clock.work(0.001)
                case.outcomes.append("bye")
                connections.closed(self)

        for _ in range(MANY):
            connections.opened(Client())
        ended = connections.end(self.clock, 10)
        self.assertTurns(["bye"] * MANY)
        self.successResultOf(ended)
        self.assertEqual(self.clock.getDelayedCalls(), [])
