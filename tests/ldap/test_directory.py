"""
Which server gets a login, and for how long.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.errors import Refused, TemporaryFailure
from txjmapaccess.ldap.directory import Directory
from txjmapaccess.ldap.errors import ConnectionBroken, FoundDown, UnexpectedResult


class FakeServer:
    """
    What the directory sees of a server. It is its own health.

    @ivar outcome: what asking it gives.
    @ivar back: what waiting for it gives; L{None} when it stays down.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.health = self
        self.isDown = False
        self.outcome: Any = name
        self.back: Deferred[Any] | None = None
        self.deadlines: list[float] = []

    def whenBack(self, deadline: float) -> Deferred[Any]:
        """
        Wait for it.
        """
        return fail(ConnectionBroken("still down")) if self.back is None else self.back


class DirectoryTests(SynchronousTestCase):
    """
    L{Directory} with three servers and six seconds.
    """

    def setUp(self) -> None:
        """
        Make the servers.
        """
        self.clock = Clock()
        self.servers = [FakeServer(name) for name in "abc"]

    def directory(self, roundRobin: bool = False) -> Directory:
        """
        @return: the directory.
        """
        return Directory(self.clock, list(self.servers), roundRobin, 6.0)  # type: ignore[arg-type]

    def ask(self, directory: Directory) -> Deferred[Any]:
        """
        Log in.
        """

        async def operation(server: Any, name: str, password: bytes, deadline: float) -> Any:
            server.deadlines.append(deadline - self.clock.seconds())
            if isinstance(server.outcome, Exception):
                raise server.outcome
            if isinstance(server.outcome, Deferred):
                return await server.outcome
            return server.outcome

        return Deferred.fromCoroutine(directory.ask(operation, "alice", b"secret"))

    def test_inOrder(self) -> None:
        """
        The first that is up gets every login.
        """
        directory = self.directory()
        answers = [self.successResultOf(self.ask(directory)) for _ in range(3)]
        self.assertEqual(answers, ["a", "a", "a"])
        self.servers[0].isDown = True
        self.assertEqual(self.successResultOf(self.ask(directory)), "b")

    def test_roundRobin(self) -> None:
        """
        Each login begins with the next one.
        """
        directory = self.directory(roundRobin=True)
        answers = [self.successResultOf(self.ask(directory)) for _ in range(6)]
        self.assertEqual(sorted(answers), ["a", "a", "b", "b", "c", "c"])
        self.assertEqual(answers[:3], answers[3:])

    def test_shares(self) -> None:
        """
        Each gets its share of what is left of the time.
        """
        self.servers[0].outcome = ConnectionBroken("x")
        self.servers[1].outcome = UnexpectedResult("bind", 51)
        self.assertEqual(self.successResultOf(self.ask(self.directory())), "c")
        self.assertEqual([s.deadlines for s in self.servers], [[2.0], [3.0], [6.0]])

    def test_refusalIsAnAnswer(self) -> None:
        """
        A refusal is not taken to another server.
        """
        self.servers[0].outcome = Refused("no")
        self.failureResultOf(self.ask(self.directory()), Refused)
        self.assertEqual(self.servers[1].deadlines, [])

    def test_nobodyKnows(self) -> None:
        """
        When none can tell, it is a temporary failure that names each and what was wrong.
        """
        for server in self.servers:
            server.outcome = ConnectionBroken(f"{server.name} is broken")
        failure = self.failureResultOf(self.ask(self.directory()), TemporaryFailure)
        for server in self.servers:
            self.assertIn(f"{server.name} is broken", str(failure.value))

    def test_firstBack(self) -> None:
        """
        When all are down they are asked all at once, and the first that is back gets the login.
        """
        for server in self.servers:
            server.isDown, server.back = True, Deferred()
        asked = self.ask(self.directory())
        self.servers[0].back.errback(ConnectionBroken("no"))
        self.assertNoResult(asked)
        self.servers[2].isDown = False
        self.servers[2].back.callback(None)
        self.assertEqual(self.successResultOf(asked), "c")
        self.assertTrue(self.servers[1].back.called, "nobody waits for it any more")

    def test_noneBack(self) -> None:
        """
        When none is back the answer comes as soon as that is clear.
        """
        for server in self.servers:
            server.isDown = True
        self.failureResultOf(self.ask(self.directory()), TemporaryFailure)

    def test_lastOneFallsWhileOthersAreDown(self) -> None:
        """
        When the last one that was up fails, those that were down are asked once more.
        """
        self.servers[0].outcome = ConnectionBroken("x")
        for server in self.servers[1:]:
            server.isDown, server.back = True, Deferred()
        asked = self.ask(self.directory())
        self.servers[1].isDown = False
        self.servers[1].back.callback(None)
        self.assertEqual(self.successResultOf(asked), "b")

    def test_foundDown(self) -> None:
        """
        A server that others found down while the login waited for it is asked once more when the
        rest could not tell either, because it may be back.
        """
        first, second, third = self.servers
        second.isDown = third.isDown = True
        waiting = first.outcome = Deferred()
        asked = self.ask(self.directory())
        first.isDown, first.outcome, first.back = True, "a", Deferred()
        waiting.errback(FoundDown("x"))
        self.assertNoResult(asked)
        first.isDown = False
        first.back.callback(None)
        self.assertEqual(self.successResultOf(asked), "a")

    def test_foundDownAgain(self) -> None:
        """
        Once more, and not for ever.
        """
        for server in self.servers:
            server.outcome = FoundDown("x")
        self.failureResultOf(self.ask(self.directory()), TemporaryFailure)
        self.assertEqual([len(server.deadlines) for server in self.servers], [2, 2, 2])

    def test_cancel(self) -> None:
        """
        Cancelling cancels what is waited for.
        """
        waiting: Deferred[Any] = Deferred()
        self.servers[0].outcome = waiting
        asked = self.ask(self.directory())
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertTrue(waiting.called)
        self.assertEqual(self.servers[1].deadlines, [])
