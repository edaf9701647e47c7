"""
Connections that die in every way, and hosts that are gone. The directory is played by a server in
this process, on a real socket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import gatherResults

from tests.integration.test_ldap_fake import TEMPLATE, FakeTestCase, accept
from tests.support.introspection import LogCatcher
from tests.support.ldap import DeafPort, FakeDirectory, done, found, result, serversUp
from tests.support.ports import freePort
from txjmapaccess.errors import Refused, TemporaryFailure
from txjmapaccess.ldap import LDAPChecker, codec, directoryserver, retry
from txjmapaccess.ldap.settings import LDAPSettings


class DroppedConnectionTests(FakeTestCase):
    """
    Connections that die while they lie idle.
    """

    def dying(self, die: Callable[[Any], None]) -> FakeDirectory:
        """
        @return: a directory whose first connection dies at its second request.
        """

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            connection.count = getattr(connection, "count", 0) + 1
            if connection.number == 0 and connection.count == 2:
                die(connection)
            elif connection.number != 0 or connection.count < 2:
                accept(connection, messageID, tag, content)

        return self.directory(handler)

    async def test_dropped(self) -> None:
        """
        The request is repeated on a fresh connection, and nobody notices.
        """
        for die in ("loseConnection", "abortConnection"):
            directory = self.dying(lambda c, die=die: getattr(c.transport, die)())
            checker = self.checker(directory)
            await self.login(checker)
            await self.login(checker)
            self.assertEqual(len(directory.connections), 2)
            self.assertEqual(serversUp(checker.counters), 1)

    async def test_silent(self) -> None:
        """
        A firewall that forgot a connection answers nothing at all: half of the time is left for
        another connection.
        """
        self.patch(retry, "DOUBTFUL_AFTER", 0.1)
        directory = self.dying(lambda connection: None)
        checker = self.checker(directory)
        await self.login(checker)
        await self.sleep(0.2)
        await self.login(checker)
        self.assertEqual(serversUp(checker.counters), 1)
        # No password was sent to where it could have been counted without an answer.
        self.assertEqual(directory.requests.count(codec.BIND_REQUEST), 2)

    async def test_slowAfterAPause(self) -> None:
        """
        A server that takes its time, on a connection that was not used for a while, is waited for,
        and sees each password once: it may count wrong ones.
        """
        self.patch(retry, "DOUBTFUL_AFTER", 0.1)

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            if tag == codec.BIND_REQUEST:
                answer = result(messageID, 0 if b"right" in content else 49)
                reactor.callLater(0.6, connection.transport.write, answer)
            else:
                accept(connection, messageID, tag, content)

        directory = self.directory(handler)
        checker = self.checker(directory)
        await self.login(checker)
        await self.sleep(0.2)
        with self.assertRaises(Refused):
            await self.login(checker, b"wrong")
        self.assertEqual(directory.requests.count(codec.BIND_REQUEST), 2)
        self.assertEqual(len(directory.connections), 1)

    async def test_hangsAfterAPause(self) -> None:
        """
        One that lives, and hangs when it is asked about a password, is not asked about it again.
        """
        self.patch(retry, "DOUBTFUL_AFTER", 0.1)

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            if b"wrong" not in content:
                accept(connection, messageID, tag, content)

        directory = self.directory(handler)
        checker = self.checker(directory)
        await self.login(checker)
        await self.sleep(0.2)
        with self.assertRaisesRegex(TemporaryFailure, "no response in time"):
            await self.login(checker, b"wrong")
        self.assertEqual(directory.requests.count(codec.BIND_REQUEST), 2)

    async def test_allDropped(self) -> None:
        """
        When all connections are dead, the fresh one is fresh.
        """

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            connection.count = getattr(connection, "count", 0) + 1
            if connection.number < 3 and connection.count > 1:
                connection.transport.abortConnection()
            else:
                reactor.callLater(0.05, connection.transport.write, result(messageID, 0))

        directory = self.directory(handler)
        checker = self.checker(directory, connections=3)
        await gatherResults([self.login(checker) for _ in range(3)])
        self.assertEqual(await self.login(checker), "alice")
        self.assertEqual(len(directory.connections), 4)

    async def test_repeatedOnce(self) -> None:
        """
        When the fresh connection breaks, too, it is not tried a third time: the server is down.
        """

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            if len(directory.requests) == 1:
                accept(connection, messageID, tag, content)
            elif tag == codec.BIND_REQUEST:
                connection.transport.abortConnection()

        directory = self.directory(handler)
        checker = self.checker(directory)
        await self.login(checker)
        with self.assertRaises(TemporaryFailure):
            await self.login(checker)
        self.assertEqual(directory.requests.count(codec.BIND_REQUEST), 3)
        self.assertEqual(serversUp(checker.counters), 0)

    async def test_repeatedOnAFreshOneOnly(self) -> None:
        """
        With all connections lent, and all of them dying, what is repeated is repeated on a fresh
        one; when that breaks, too, the next server is asked.
        """

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            connection.count = getattr(connection, "count", 0) + 1
            if connection.count == 1 and connection.number < 2:
                reactor.callLater(0.05, connection.transport.write, result(messageID, 0))
            elif connection.number == 1 or connection.count > 2:
                connection.transport.abortConnection()
            else:
                reactor.callLater(0.1, connection.transport.write, result(messageID, 0))

        first, second = self.directory(handler), self.directory()
        checker = self.checker(first, second, connections=2)
        await gatherResults([self.login(checker) for _ in range(2)])
        logins = [self.login(checker) for _ in range(3)]
        self.assertEqual(await gatherResults(logins), ["alice"] * 3)
        self.assertEqual(checker.counters.failed, 0)

    async def test_repeatedSearchBreaksToo(self) -> None:
        """
        When the fresh connection that is searched breaks, too, the next server is asked.
        """

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            if len(first.requests) == 1:
                connection.transport.write(done(messageID))
            else:
                connection.transport.abortConnection()

        first, second = self.directory(handler), self.directory()
        checker = self.checker(first, second, search_base="dc=x", search_filter="(uid={user})")
        for _ in range(2):
            with self.assertRaises(Refused):
                await self.login(checker)
        self.assertEqual(first.requests.count(codec.SEARCH_REQUEST), 3)
        self.assertEqual(len(second.requests), 1)

    async def test_notRepeatedWhenClosed(self) -> None:
        """
        When the connection ends because the checker is closed, or because the server is down, there
        is no fresh one.
        """
        for isClosed in (True, False):
            directory = self.dying(lambda connection: None)
            checker = self.checker(directory)
            await self.login(checker)
            waiting = self.login(checker)
            await self.sleep(0.05)
            if isClosed:
                await checker.close()
            with self.assertRaises(TemporaryFailure):
                await waiting
            await self.sleep(0.05)
            self.assertEqual(len(directory.connections), 1)

    async def test_serviceConnection(self) -> None:
        """
        The same for the connection that is searched, with many searches on it.
        """
        directory = self.dying(lambda c: c.transport.abortConnection())
        checker = self.checker(directory, search_base="dc=x", search_filter="(uid={user})")
        with self.assertRaises(Refused):
            await self.login(checker)
        logins = [self.login(checker).addErrback(lambda f: f.type) for _ in range(10)]
        self.assertEqual(await gatherResults(logins), [Refused] * 10)
        self.assertEqual(len(directory.connections), 2)

    async def test_silentServiceConnection(self) -> None:
        """
        A forgotten connection that is searched is not kept: another one takes its place.
        """
        self.patch(retry, "DOUBTFUL_AFTER", 0.1)
        directory = self.dying(lambda connection: None)
        checker = self.checker(directory, search_base="dc=x", search_filter="(uid={user})")
        for _ in range(2):
            with self.assertRaises(Refused):
                await self.login(checker)
            await self.sleep(0.2)
        self.assertEqual([c.isLost for c in directory.connections], [True, False])
        self.assertEqual(serversUp(checker.counters), 1)

    async def test_usedIsKept(self) -> None:
        """
        Connections that are used now and then are kept.
        """
        self.patch(directoryserver, "CLOSE_IDLE_AFTER", 0.4)
        self.patch(directoryserver, "SWEEP", 0.1)

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            if tag == codec.SEARCH_REQUEST:
                connection.transport.write(found(messageID, "uid=alice", uid="alice"))
            accept(connection, messageID, tag, content)

        directory = self.directory(handler)
        checker = self.checker(directory, search_base="dc=x", search_filter="(uid={user})")
        for _ in range(10):
            await self.login(checker)
            await self.sleep(0.1)
        self.assertEqual(len(directory.connections), 2)

    async def test_idleIsClosed(self) -> None:
        """
        Connections that nobody used for a minute are closed, politely.
        """
        self.patch(directoryserver, "CLOSE_IDLE_AFTER", 0.1)
        self.patch(directoryserver, "SWEEP", 0.15)
        directory = self.directory()
        checker = self.checker(directory)
        await self.login(checker)
        await self.sleep(0.5)
        self.assertEqual(directory.requests, [codec.BIND_REQUEST, codec.UNBIND_REQUEST])
        await self.login(checker)


class UnreachableTests(FakeTestCase):
    """
    A host to which nothing gets through.
    """

    async def test_backWhileAnAttemptWaits(self) -> None:
        """
        The first login after the host is back succeeds, although an attempt is under way that
        began before, and that its kernel would repeat too late.
        """
        port = DeafPort()
        # Half a second, so that the kernel, which tries again every second, does not help.
        halves: Any = 1.5
        settings = LDAPSettings((port.uri,), bind_dn_template=TEMPLATE, timeout=halves)
        checker = LDAPChecker.fromSettings(settings)
        self.addCleanup(checker.close)
        with self.assertRaises(TemporaryFailure):
            await self.login(checker)
        port.listen()
        await self.sleep(2.2)  # Tried after 1 s, and by the kernel after 2 s.
        directory = port.hear(accept)
        self.addCleanup(directory.close)
        self.assertEqual(await self.login(checker), "alice")

    async def test_foundDownWhileWaiting(self) -> None:
        """
        A login that waits when the host is found down, and is back already, succeeds, too. The one
        that found out has paid no more than its share of the time.
        """
        port, nobody = DeafPort(), f"ldap://127.0.0.1:{freePort()}"
        port.listen()
        checker = LDAPChecker(
            uris=[port.uri, nobody], bind_dn_template=TEMPLATE, timeout=3, connections=1
        )
        self.addCleanup(checker.close)
        began, early = reactor.seconds(), self.login(checker)
        await self.sleep(1.2)  # The kernel tries again every second.
        directory = port.hear(accept)
        self.addCleanup(directory.close)
        login = self.login(checker)
        with self.assertRaises(TemporaryFailure):
            await early
        self.assertTrue(1.4 < reactor.seconds() - began < 1.9)
        self.assertEqual(await login, "alice")


class HalfDeadTests(FakeTestCase):
    """
    Servers that end some connections, and answer on others.
    """

    def balancer(self) -> FakeDirectory:
        """
        @return: a load balancer. Every third connection goes to a dead machine.
        """

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            if connection.number % 3 == 2:
                connection.transport.abortConnection()
            elif tag == codec.SEARCH_REQUEST:
                write = connection.transport.write
                reactor.callLater(
                    0.02, write, found(messageID, "uid=alice", uid="alice") + done(messageID)
                )
            elif tag == codec.BIND_REQUEST:
                answer = result(messageID, 0 if b"right" in content else 49)
                reactor.callLater(0.02, connection.transport.write, answer)

        return self.directory(handler)

    async def test_loadBalancer(self) -> None:
        """
        A dead machine behind a load balancer costs no login, and no connection to the living ones.
        """
        log = LogCatcher(self)
        balancer = self.balancer()
        checker = self.checker(balancer, connections=8)
        for _ in range(3):
            logins = [self.login(checker) for _ in range(50)]
            self.assertEqual(await gatherResults(logins), ["alice"] * 50)
        dead = [c.number for c in balancer.connections if c.isLost]
        self.assertTrue(dead)
        self.assertEqual([number for number in dead if number % 3 != 2], [])
        states = [event["state"] for event in log.events if "state" in event]
        self.assertNotIn("down", states)

    async def test_loadBalancerWithSearch(self) -> None:
        """
        The same when entries are searched: whichever connection it is that breaks.
        """
        for before in range(3):
            balancer = self.balancer()
            balancer.connections.extend(_Nobody() for _ in range(before))
            checker = self.checker(
                balancer, search_base="dc=x", search_filter="(uid={user})", connections=3
            )
            await self.login(checker).addErrback(lambda f: f.trap(TemporaryFailure))
            for _ in range(3):
                logins = [self.login(checker) for _ in range(20)]
                self.assertEqual(await gatherResults(logins), ["alice"] * 20)
            self.assertEqual(serversUp(checker.counters), 1)

    async def test_limitOfConnections(self) -> None:
        """
        A server that takes only some connections from each client is used with those, and not
        hammered with attempts.
        """

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            if sum(not c.isLost for c in directory.connections[: connection.number]) >= 2:
                connection.transport.abortConnection()
            else:
                answer = result(messageID, 0 if b"right" in content else 49)
                reactor.callLater(0.005, connection.transport.write, answer)

        directory = self.directory(handler)
        checker = self.checker(directory, connections=8)
        for _ in range(3):
            logins = [self.login(checker) for _ in range(40)]
            self.assertEqual(await gatherResults(logins), ["alice"] * 40)
        self.assertEqual([c.isLost for c in directory.connections[:2]], [False, False])
        self.assertLess(len(directory.connections), 12)
        self.assertEqual(serversUp(checker.counters), 1)

    async def test_poison(self) -> None:
        """
        A user whose bind ends every connection fails alone: the server stays up, and the logins
        that are under way on other connections go on.
        """

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            if b"poison" in content:
                connection.transport.abortConnection()
            elif tag == codec.BIND_REQUEST:
                reactor.callLater(0.05, connection.transport.write, result(messageID, 0))

        directory = self.directory(handler)
        checker = self.checker(directory, connections=6)
        for _ in range(2):
            poisoned = self.login(checker, user=b"poison")
            logins = [self.login(checker) for _ in range(12)]
            with self.assertRaises(TemporaryFailure):
                await poisoned
            self.assertEqual(await gatherResults(logins), ["alice"] * 12)
        self.assertLess(checker.counters.binds["broken"], 7)
        self.assertEqual(serversUp(checker.counters), 1)

    async def test_allDead(self) -> None:
        """
        When the last connection breaks, too, the server is down, and nobody goes on waiting.
        """
        directory = self.directory(lambda c, *rest: c.transport.abortConnection())
        checker = self.checker(directory, connections=4, timeout=3)
        began = reactor.seconds()
        for login in [self.login(checker) for _ in range(20)]:
            with self.assertRaises(TemporaryFailure):
                await login
        self.assertLess(reactor.seconds() - began, 2.9)
        self.assertEqual(serversUp(checker.counters), 0)

    async def test_checkMeetsTheDeadOne(self) -> None:
        """
        The check at the start does not end logins that are under way when it meets the dead
        machine.
        """
        balancer = self.balancer()
        checker = self.checker(balancer)
        logins = [self.login(checker) for _ in range(2)]
        await self.sleep(0.01)
        checker.start()
        self.assertEqual(await gatherResults(logins), ["alice"] * 2)
        await self.sleep(0.05)
        self.assertEqual([c.isLost for c in balancer.connections], [False, False, True])
        self.assertEqual(serversUp(checker.counters), 1)


class _Nobody:
    """
    A connection that came before.
    """

    isLost = True
    transport = property(lambda self: self)

    def abortConnection(self) -> None:
        """
        It has ended.
        """
