"""
Whether a server is up, and when it is tried again.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.ldap import serversUp
from txjmapaccess.ldap.counters import LDAPCounters
from txjmapaccess.ldap.deadlines import GRANULARITY, Deadlines
from txjmapaccess.ldap.errors import (
    ConnectionBroken,
    DeadlineExceeded,
    ProtocolViolation,
    ServiceRefused,
)
from txjmapaccess.ldap.health import LONGEST_PAUSE, SLOW, SLOW_FOR, Health, ServerState


class HealthTests(SynchronousTestCase):
    """
    L{Health}.
    """

    def setUp(self) -> None:
        """
        Have a server that answers when the test says so.
        """
        self.clock = Clock()
        self.attempts: list[Deferred[Any]] = []
        self.dropped: list[str] = []
        self.counters = LDAPCounters()

        async def attempt() -> None:
            running: Deferred[Any] = Deferred()
            self.attempts.append(running)
            await running

        self.deadlines = Deadlines(self.clock)
        self.health = Health(
            self.clock,
            self.deadlines,
            "ldap://test",
            attempt,
            lambda reason: self.dropped.append(str(reason)),
            self.counters,
        )

    def whenBack(self) -> Deferred[None]:
        """
        Wait as a login does.
        """
        return self.health.whenBack(self.clock.seconds() + 5)

    def test_down(self) -> None:
        """
        Once down, what waits is dropped, once.
        """
        self.health.down(ConnectionBroken("gone"))
        self.health.down(ConnectionBroken("gone again"))
        self.assertIs(self.health.state, ServerState.DOWN)
        self.assertEqual(self.dropped, ["the server is down: gone"])
        self.assertEqual(serversUp(self.counters), 0)

    def test_growingPauses(self) -> None:
        """
        It is tried after 1, 2, 4 seconds and so on, but at least once a minute.
        """
        self.health.down(ConnectionBroken("gone"))
        times = []
        while len(times) < 9:
            self.clock.advance(1)
            if self.attempts:
                times.append(self.clock.seconds())
                self.attempts.pop().errback(ConnectionBroken("still"))
        pauses = [b - a for a, b in zip([0.0, *times], times, strict=False)]
        self.assertEqual(pauses, [1, 2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE])
        self.assertEqual(self.dropped, ["the server is down: gone"])

    def test_back(self) -> None:
        """
        When it answers it is up, and when it has answered a login the pauses begin anew.
        """
        for _ in range(2):
            self.health.down(ConnectionBroken("gone"))
            self.clock.advance(1)
            self.attempts.pop().callback(None)
            self.assertIs(self.health.state, ServerState.UP)
            self.assertEqual(serversUp(self.counters), 1)
            self.health.answered(0.01)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_onlyWhenChecked(self) -> None:
        """
        A server that answers when it is checked, and never a login, is tried less and less often.
        """
        for pause in (1, 2, 4, 8):
            self.health.down(DeadlineExceeded("late"))
            self.clock.advance(pause - 0.5)
            self.assertEqual(self.attempts, [])
            self.clock.advance(0.5)
            self.attempts.pop().callback(None)

    def test_loginsTryToo(self) -> None:
        """
        A login that finds all servers down does not wait for the pause; several share an attempt,
        and one more for those that came while it was under way.
        """
        self.health.down(ConnectionBroken("gone"))
        for pause in (0.1, 0.1, 0.1):
            self.clock.advance(pause)
            waiting = [self.whenBack() for _ in range(3)]
            for left in (2, 0):
                (attempt,) = self.attempts
                self.attempts.clear()
                attempt.errback(ConnectionBroken("still"))
                self.assertEqual([w.called for w in waiting].count(False), left)
            for waiter in waiting:
                self.failureResultOf(waiter, ConnectionBroken)
        waiting = [self.whenBack(), self.whenBack()]
        self.attempts.pop().callback(None)
        for waiter in waiting:
            self.assertIsNone(self.successResultOf(waiter))
        self.assertIs(self.health.state, ServerState.UP)
        self.deadlines.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_attemptFromBefore(self) -> None:
        """
        An attempt that began before a login came, maybe while nothing could get through, does not
        decide about it: when it fails another one follows, as long as there is time.
        """
        for outcome in (ConnectionBroken("x"), DeadlineExceeded("x")):
            self.health.down(ConnectionBroken("gone"))
            self.health.check()
            login = self.whenBack()
            self.attempts.pop().errback(outcome)
            self.assertNoResult(login)
            self.attempts.pop().callback(None)
            self.assertIsNone(self.successResultOf(login))
        self.health.down(ConnectionBroken("gone"))
        self.health.check()
        login = self.whenBack()
        self.clock.advance(4.99)
        self.attempts.pop().errback(DeadlineExceeded("late"))
        self.clock.advance(2 * GRANULARITY)
        self.failureResultOf(login, DeadlineExceeded)

    def test_refusalFromBefore(self) -> None:
        """
        The refusal of a service account does, for whoever waits.
        """
        self.health.down(ConnectionBroken("gone"))
        self.health.check()
        login = self.whenBack()
        self.attempts.pop().errback(ServiceRefused("bind_dn was refused"))
        self.failureResultOf(login, ServiceRefused)
        self.assertEqual(self.attempts, [])

    def test_loginsHaveDeadlines(self) -> None:
        """
        They wait no longer than they can.
        """
        self.health.down(ConnectionBroken("gone"))
        waiting = self.whenBack()
        self.clock.advance(5 + 2 * GRANULARITY)
        self.failureResultOf(waiting, DeadlineExceeded)

    def test_refusedServiceAccount(self) -> None:
        """
        A service account that was refused is tried again when the pause is over and not before.
        """
        self.health.down(ServiceRefused("bind_dn was refused"))
        self.failureResultOf(self.whenBack(), ServiceRefused)
        self.assertEqual(self.attempts, [])
        self.clock.advance(1)
        waiting = self.whenBack()
        self.attempts.pop().callback(None)
        self.successResultOf(waiting)

    def test_strangeAnswer(self) -> None:
        """
        A malformed answer to the check at the start does not end the logins that are under way; a
        server that was down is not up for one.
        """
        self.health.check()
        self.attempts.pop().errback(ProtocolViolation("what is this?"))
        self.assertIs(self.health.state, ServerState.UP)
        self.health.down(ConnectionBroken("gone"))
        self.clock.advance(1)
        self.attempts.pop().errback(ProtocolViolation("what is this?"))
        self.assertIs(self.health.state, ServerState.DOWN)
        self.clock.advance(2)
        self.assertEqual(len(self.attempts), 1)

    def test_slow(self) -> None:
        """
        A slow answer makes it slow for some time; quick ones after that make it up.
        """
        self.health.answered(SLOW + 0.1)
        self.assertIs(self.health.state, ServerState.SLOW)
        self.health.answered(0.1)
        self.assertIs(self.health.state, ServerState.SLOW)
        self.clock.advance(SLOW_FOR + 1)
        self.health.answered(0.1)
        self.assertIs(self.health.state, ServerState.UP)
        self.assertEqual(serversUp(self.counters), 1)

    def test_slowThenDown(self) -> None:
        """
        A slow server counts as up, and can go down.
        """
        self.health.slow("late")
        self.assertEqual(serversUp(self.counters), 1)
        self.health.down(DeadlineExceeded("late"))
        self.health.slow("late")
        self.assertIs(self.health.state, ServerState.DOWN)
        self.assertEqual(serversUp(self.counters), 0)

    def test_close(self) -> None:
        """
        Afterwards nothing is tried, and no timer is left.
        """
        self.health.down(ConnectionBroken("gone"))
        waiting = self.whenBack()
        self.health.close(ConnectionBroken("closed"))
        self.failureResultOf(waiting, ConnectionBroken)
        self.failureResultOf(self.whenBack(), ConnectionBroken)
        self.health.down(ConnectionBroken("gone"))
        self.clock.advance(1)
        self.deadlines.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])
