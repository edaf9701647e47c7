"""
Binding connections that are lent, and attempts that are shared.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.ldap.connectionpool import HOLD_OFF, ConnectionPool, Lease
from txjmapaccess.ldap.counters import LDAPCounters
from txjmapaccess.ldap.deadlines import GRANULARITY, Deadlines
from txjmapaccess.ldap.errors import ConnectionBroken, DeadlineExceeded
from txjmapaccess.ldap.sharedattempt import SharedAttempt


class FakeConnection:
    """
    What the pool sees of a connection.
    """

    def __init__(self) -> None:
        self.usable = True
        self.isWaiting = False
        self.isClosed = False
        self.lastUsed = 0.0
        self.whenLost: list[Any] = []

    def close(self) -> None:
        """
        Note it.
        """
        self.isClosed = True
        self.usable = False

    def abort(self, reason: Exception) -> None:
        """
        End, and say so.
        """
        self.usable = False
        for call in self.whenLost:
            call(self)


class PoolTests(SynchronousTestCase):
    """
    L{ConnectionPool} with two connections.
    """

    def setUp(self) -> None:
        """
        Make a pool whose connections are made when the test says so.
        """
        self.clock = Clock()
        self.connecting: list[Deferred[Any]] = []
        self.counters = LDAPCounters()

        async def connect(deadline: float) -> Any:
            attempt: Deferred[Any] = Deferred()
            self.connecting.append(attempt)
            return await attempt

        deadlines = Deadlines(self.clock)
        self.pool = ConnectionPool(self.clock, deadlines, connect, 2, self.counters)

    def borrow(self, fresh: bool = False) -> Deferred[Lease]:
        """
        Begin to borrow.
        """
        deadline = self.clock.seconds() + 5
        return Deferred.fromCoroutine(self.pool.borrow(deadline, fresh))

    def connected(self) -> FakeConnection:
        """
        Complete the oldest attempt to connect.
        """
        connection = FakeConnection()
        self.connecting.pop(0).callback(connection)
        return connection

    def lent(self) -> Lease:
        """
        @return: a new connection's lease.
        """
        borrowed = self.borrow()
        self.connected()
        return self.successResultOf(borrowed)

    def test_reused(self) -> None:
        """
        What was given back is lent again, the warmest first.
        """
        first, second = self.lent(), self.lent()
        self.assertIsNone(first.idleSeconds)
        self.pool.giveBack(second)
        self.pool.giveBack(first)
        self.clock.advance(3)
        again = self.successResultOf(self.borrow())
        self.assertIs(again.connection, first.connection)
        self.assertEqual(again.idleSeconds, 3)
        self.assertEqual(self.counters.poolInUse, 1)

    def test_noMoreThanThat(self) -> None:
        """
        Who finds all connections lent waits, and is served in order.
        """
        first, _ = self.lent(), self.lent()
        third, fourth = self.borrow(), self.borrow()
        self.assertEqual(self.connecting, [])
        self.pool.giveBack(first)
        lease = self.successResultOf(third)
        self.assertNoResult(fourth)
        self.pool.giveBack(lease)
        self.assertIs(self.successResultOf(fourth).connection, first.connection)

    def test_waitingHasADeadline(self) -> None:
        """
        Nobody waits for longer than asked for, and who does not wait any more is passed over.
        """
        first, _ = self.lent(), self.lent()
        late = self.borrow()
        self.clock.advance(5 + 2 * GRANULARITY)
        self.failureResultOf(late, DeadlineExceeded)
        given, waiting = self.borrow(), self.borrow()
        given.cancel()
        self.failureResultOf(given, CancelledError)
        self.pool.giveBack(first)
        self.successResultOf(waiting)

    def test_lostWhileLent(self) -> None:
        """
        A connection that is of no use any more is not kept, and makes room for another.
        """
        first, second = self.lent(), self.lent()
        waiting = self.borrow()
        first.connection.usable = False
        self.pool.giveBack(first)
        third = self.connected()
        self.assertIs(self.successResultOf(waiting).connection, third)
        second.connection.isWaiting = True
        self.pool.giveBack(second)
        self.assertEqual(self.pool.connections, frozenset([third]))

    def test_lostWhileIdle(self) -> None:
        """
        A connection that ends while nobody has it is forgotten at once.
        """
        first = self.lent()
        self.pool.giveBack(first)
        first.connection.abort(ConnectionBroken())
        self.assertEqual(self.pool.connections, frozenset())
        self.assertNoResult(self.borrow())
        self.assertEqual(len(self.connecting), 1)

    def test_fresh(self) -> None:
        """
        Who wants a fresh connection gets one, at the cost of an idle one when all are there.
        """
        first, second = self.lent(), self.lent()
        self.pool.giveBack(first)
        fresh = self.borrow(fresh=True)
        self.assertTrue(first.connection.isClosed)
        third = self.connected()
        self.assertIs(self.successResultOf(fresh).connection, third)
        self.assertEqual(self.pool.connections, frozenset([second.connection, third]))

    def test_freshWhileAllAreLent(self) -> None:
        """
        Who wants a fresh connection while all are lent gets a new one in the place of the first
        that is given back, and not that one; others that wait do not get the place.
        """
        first, second = self.lent(), self.lent()
        fresh, other = self.borrow(fresh=True), self.borrow()
        self.pool.giveBack(first)
        self.assertTrue(first.connection.isClosed)
        self.assertEqual(len(self.connecting), 1)
        third = self.connected()
        lease = self.successResultOf(fresh)
        self.assertIs(lease.connection, third)
        self.assertIsNone(lease.idleSeconds)
        self.pool.giveBack(second)
        self.assertIs(self.successResultOf(other).connection, second.connection)
        self.assertEqual(self.pool.connections, frozenset([second.connection, third]))

    def test_cannotConnect(self) -> None:
        """
        When no connection can be made the next one who waits tries.
        """
        first, second, third = self.borrow(), self.borrow(), self.borrow()
        self.connecting.pop(0).errback(ConnectionBroken("no"))
        self.failureResultOf(first, ConnectionBroken)
        self.connected()
        self.connected()
        self.successResultOf(second)
        self.successResultOf(third)
        self.assertEqual(self.counters.poolInUse, 2)

    def test_holdOff(self) -> None:
        """
        For a moment no further connections are made: who needs one waits for those that are there.
        """
        first = self.lent()
        self.pool.holdOff()
        waiting = self.borrow()
        self.assertEqual(self.connecting, [])
        self.pool.giveBack(first)
        lease = self.successResultOf(waiting)
        self.assertIs(lease.connection, first.connection)
        self.clock.advance(HOLD_OFF)
        self.assertNoResult(self.borrow())
        self.assertEqual(len(self.connecting), 1)

    def test_holdOffWithoutConnections(self) -> None:
        """
        When there is no connection at all one is made, all the same, and one at a time.
        """
        self.pool.holdOff()
        first, second = self.borrow(), self.borrow()
        self.assertEqual(len(self.connecting), 1)
        self.connecting.pop().errback(ConnectionBroken("no"))
        self.failureResultOf(first, ConnectionBroken)
        self.connected()
        self.successResultOf(second)

    def test_idleAreClosed(self) -> None:
        """
        Those that were not used for some time are closed, and no others.
        """
        first, second = self.lent(), self.lent()
        self.pool.giveBack(first)
        self.clock.advance(30)
        self.pool.giveBack(second)
        self.clock.advance(30)
        self.pool.closeIdle(60)
        self.assertTrue(first.connection.isClosed)
        self.assertEqual(self.pool.connections, frozenset([second.connection]))

    def test_disappoint(self) -> None:
        """
        When the server is down nobody goes on waiting.
        """
        lease, other = self.lent(), self.lent()
        waiting = [self.borrow(), self.borrow()]
        self.pool.failWaiters(ConnectionBroken("down"))
        for waiter in waiting:
            self.failureResultOf(waiter, ConnectionBroken)
        lease.connection.abort(ConnectionBroken("down"))
        self.pool.giveBack(lease)
        self.assertEqual(self.pool.connections, frozenset([other.connection]))
        self.assertEqual(self.connecting, [])


class SharedTests(SynchronousTestCase):
    """
    L{SharedAttempt}.
    """

    def setUp(self) -> None:
        """
        Have an attempt that ends when the test says so.
        """
        self.clock = Clock()
        self.attempts: list[Deferred[Any]] = []

        async def attempt() -> Any:
            running: Deferred[Any] = Deferred()
            self.attempts.append(running)
            return await running

        self.shared: SharedAttempt[Any] = SharedAttempt(Deadlines(self.clock), attempt)

    def test_together(self) -> None:
        """
        Several wait for one attempt; afterwards there is a new one.
        """
        waiting = [self.shared.wait(5) for _ in range(3)]
        self.assertEqual(len(self.attempts), 1)
        self.attempts[0].callback("done")
        self.assertEqual([self.successResultOf(w) for w in waiting], ["done"] * 3)
        failing = self.shared.wait(5)
        self.attempts[1].errback(ConnectionBroken())
        self.failureResultOf(failing, ConnectionBroken)

    def test_leaving(self) -> None:
        """
        Who is late or cancelled leaves; the others, and the attempt, go on.
        """
        cancelled, late, patient = self.shared.wait(9), self.shared.wait(1), self.shared.wait(9)
        cancelled.cancel()
        self.failureResultOf(cancelled, CancelledError)
        self.clock.advance(1 + 2 * GRANULARITY)
        self.failureResultOf(late, DeadlineExceeded)
        self.attempts[0].callback("done")
        self.assertEqual(self.successResultOf(patient), "done")

    def test_cancel(self) -> None:
        """
        An attempt that is given up fails for all who wait, with the reason.
        """
        waiting = [self.shared.wait(5) for _ in range(2)]
        self.shared.cancel(ConnectionBroken("closed"))
        for waiter in waiting:
            self.failureResultOf(waiter, ConnectionBroken)
        self.shared.cancel(ConnectionBroken("closed"))
        self.shared.wait(5).addErrback(lambda f: None)
        self.assertEqual(len(self.attempts), 2)

    def test_overAtOnce(self) -> None:
        """
        An attempt may be over before it returns.
        """

        async def attempt() -> str:
            return "at once"

        shared = SharedAttempt(Deadlines(self.clock), attempt)
        self.assertEqual(self.successResultOf(shared.wait(5)), "at once")
        self.assertEqual(self.successResultOf(shared.wait(5)), "at once")
