"""
Directories that do what slapd does not: Active Directory's sub-codes, connections that die in every
way, answers that are none. They are played by a server in this process, on a real socket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.logger import LogLevel

from tests.support_async import AsyncTestCase
from tests.support_introspection import LogCatcher
from tests.support_ldap import DeafPort, FakeDirectory, Handler, done, found, message, result
from txjmapaccess.credentials import UsernamePassword
from txjmapaccess.errors import PasswordExpired, Refused, TemporaryFailure
from txjmapaccess.ldap import LDAPChecker, codec, health, idle, repeating
from txjmapaccess.ldap.ber import element

TEMPLATE = "uid={user},dc=example"


def accept(connection: Any, messageID: int, tag: int, content: bytes) -> None:
    """
    Answer every bind with success when the password is C{right}, and every search with nothing.
    """
    if tag == codec.BIND_REQUEST:
        connection.transport.write(result(messageID, 0 if b"right" in content else 49))
    elif tag == codec.SEARCH_REQUEST:
        connection.transport.write(done(messageID))


class FakeTestCase(AsyncTestCase):
    """
    Has fake directories.
    """

    def directory(self, handler: Handler = accept) -> FakeDirectory:
        """
        @return: one that ends with the test.
        """
        directory = FakeDirectory(handler)
        self.addCleanup(directory.close)
        return directory

    def checker(self, *directories: FakeDirectory, **keys: Any) -> LDAPChecker:
        """
        @return: a checker for them, with a template.
        """
        uris = [directory.uri for directory in directories]
        keys = {"timeout": 1, **keys}
        if "search_base" not in keys:
            keys.setdefault("bind_dn_template", TEMPLATE)
        checker = LDAPChecker(uris=uris, **keys)
        self.addCleanup(checker.close)
        return checker

    def login(
        self, checker: LDAPChecker, password: bytes = b"right", user: bytes = b"alice"
    ) -> Deferred[str]:
        """
        Log in.
        """
        return checker.requestAvatarId(UsernamePassword(user, password))

    async def sleep(self, seconds: float) -> None:
        """
        Wait.
        """
        await deferLater(reactor, seconds)


class ActiveDirectoryTests(FakeTestCase):
    """
    What a domain controller answers, as recorded by those who have one.
    """

    def controller(self, subcode: str) -> FakeDirectory:
        """
        @return: a domain controller with a user whose password is C{right}, and what it says about
            that password.
        """
        comment = "80090308: LdapErr: DSID-0C090453, comment: AcceptSecurityContext error, "

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            write = connection.transport.write
            if tag == codec.SEARCH_REQUEST:
                self.searched.append(content)
                reference = element(4, b"ldap://ForestDnsZones.corp.example.com/dc=x")
                if b"alice" in content:
                    dn = "CN=Alice Liddell,CN=Users,DC=corp,DC=example,DC=com"
                    write(found(messageID, dn, sAMAccountName="Alice"))
                write(message(messageID, element(codec.SEARCH_REFERENCE, reference)))
                write(done(messageID))
            elif b"right" in content and subcode == "0":
                write(result(messageID, 0))
            else:
                data = subcode if b"right" in content else "52e"
                write(result(messageID, 49, diagnostic=f"{comment}data {data}, v3839\0"))

        self.searched: list[bytes] = []
        return self.directory(handler)

    async def test_subcodes(self) -> None:
        """
        532 (expired) and 773 (must be changed) come for a right password: NO [EXPIRED]. 775
        (locked), 533 (disabled) and all others are refusals like that of a wrong password.
        """
        for subcode, expected in (
            ("532", PasswordExpired),
            ("773", PasswordExpired),
            ("775", Refused),
            ("533", Refused),
            ("701", Refused),
        ):
            controller = self.controller(subcode)
            checker = self.checker(controller, bind_dn_template="{user}@corp.example.com")
            with self.assertRaises(Refused) as caught:
                await self.login(checker)
            self.assertIs(type(caught.exception), expected)
            with self.assertRaises(Refused) as caught:
                await self.login(checker, b"wrong")
            self.assertIs(type(caught.exception), Refused)

    async def test_userPrincipalName(self) -> None:
        """
        Names that are no distinguished names can be bound with, and carry nothing but the name.
        """
        names: list[bytes] = []

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            names.append(content)
            connection.transport.write(result(messageID, 0))

        for template, name in (
            ("{user}@corp.example.com", b"alice@corp.example.com"),
            ("CORP\\{user}", b"CORP\\alice"),
        ):
            checker = self.checker(self.directory(handler), bind_dn_template=template)
            self.assertEqual(await self.login(checker, user=b"Alice"), "alice")
            self.assertIn(bytes((4, len(name))) + name, names.pop())
            with self.assertRaises(Refused):
                await self.login(checker, user=b"cn=admin,dc=example")
            self.assertEqual(names, [])

    async def test_search(self) -> None:
        """
        userPrincipalName and sAMAccountName lead to one mailbox; the references to other zones that
        every search of a domain brings are left alone.
        """
        controller = self.controller("0")
        checker = self.checker(
            controller,
            search_base="dc=corp,dc=example,dc=com",
            search_filter="(|(userPrincipalName={user})(sAMAccountName={user}))",
            username_attribute="sAMAccountName",
        )
        for name in (b"alice", b"alice@corp.example.com"):
            self.assertEqual(await self.login(checker, user=name), "Alice")
        with self.assertRaises(Refused):
            await self.login(checker, user=b"nobody")
        self.assertEqual(len(controller.connections), 2)


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
            self.assertEqual(checker.counters.serversUp, 1)

    async def test_silent(self) -> None:
        """
        A firewall that forgot a connection answers nothing at all: half of the time is left for
        another connection.
        """
        self.patch(repeating, "DOUBTFUL_AFTER", 0.1)
        directory = self.dying(lambda connection: None)
        checker = self.checker(directory)
        await self.login(checker)
        await self.sleep(0.2)
        await self.login(checker)
        self.assertEqual(checker.counters.serversUp, 1)

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
        self.assertEqual(checker.counters.serversUp, 0)

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
        self.patch(repeating, "DOUBTFUL_AFTER", 0.1)
        directory = self.dying(lambda connection: None)
        checker = self.checker(directory, search_base="dc=x", search_filter="(uid={user})")
        for _ in range(2):
            with self.assertRaises(Refused):
                await self.login(checker)
            await self.sleep(0.2)
        self.assertEqual([c.isLost for c in directory.connections], [True, False])
        self.assertEqual(checker.counters.serversUp, 1)

    async def test_usedIsKept(self) -> None:
        """
        Connections that are used now and then are kept.
        """
        self.patch(idle, "CLOSE_IDLE_AFTER", 0.4)
        self.patch(idle, "SWEEP", 0.1)

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
        self.patch(idle, "CLOSE_IDLE_AFTER", 0.1)
        self.patch(idle, "SWEEP", 0.15)
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
        checker = LDAPChecker(uris=[port.uri], bind_dn_template=TEMPLATE, timeout=2)
        self.addCleanup(checker.close)
        with self.assertRaises(TemporaryFailure):
            await self.login(checker)
        port.listen()
        await self.sleep(2.3)  # Tried after 1 s, and by the kernel again after 2.
        directory = port.hear(accept)
        self.addCleanup(directory.close)
        self.assertEqual(await self.login(checker), "alice")

    async def test_foundDownWhileWaiting(self) -> None:
        """
        A login that waits when the host is found down, and is back already, succeeds, too.
        """
        port = DeafPort()
        port.listen()
        checker = LDAPChecker(uris=[port.uri], bind_dn_template=TEMPLATE, timeout=2, connections=1)
        self.addCleanup(checker.close)
        early = self.login(checker)
        await self.sleep(1.4)
        directory = port.hear(accept)
        self.addCleanup(directory.close)
        login = self.login(checker)
        with self.assertRaises(TemporaryFailure):
            await early
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
            self.assertEqual(checker.counters.serversUp, 1)

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
        self.assertEqual(checker.counters.serversUp, 1)

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
        self.assertEqual(checker.counters.serversUp, 1)

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
        self.assertLess(reactor.seconds() - began, 1.5)
        self.assertEqual(checker.counters.serversUp, 0)

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
        self.assertEqual(checker.counters.serversUp, 1)


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


class BadAnswerTests(FakeTestCase):
    """
    Answers that tell nothing.
    """

    async def test_oneConnectionOnly(self) -> None:
        """
        A violation ends its own connection; logins on others get their answers.
        """

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            if b"hostile" in content:
                connection.transport.write(result(messageID + 1, 0))
            elif tag == codec.BIND_REQUEST:
                answer = result(messageID, 0)
                reactor.callLater(0.1, connection.transport.write, answer)

        directory = self.directory(handler)
        checker = self.checker(directory, connections=8)
        hostile = [self.login(checker, user=b"hostile") for _ in range(4)]
        good = [self.login(checker) for _ in range(4)]
        for login in hostile:
            with self.assertRaises(TemporaryFailure):
                await login
        self.assertEqual(await gatherResults(good), ["alice"] * 4)
        self.assertEqual(checker.counters.serversUp, 1)

    async def test_hostileEntry(self) -> None:
        """
        A user whose entry is too long fails alone: searches of others on the same connection are
        repeated, and the server stays up.
        """

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            if tag == codec.SEARCH_REQUEST and b"hostile" in content:
                write = connection.transport.write
                reactor.callLater(0.1, write, found(messageID, "uid=x", uid="x" * 70_000))
            elif tag == codec.SEARCH_REQUEST:
                answer = found(messageID, "uid=alice", uid="alice") + done(messageID)
                reactor.callLater(0.2, connection.transport.write, answer)
            else:
                accept(connection, messageID, tag, content)

        checker = self.checker(
            self.directory(handler), search_base="dc=x", search_filter="(uid={user})"
        )
        hostile = self.login(checker, user=b"hostile")
        good = [self.login(checker) for _ in range(5)]
        with self.assertRaises(TemporaryFailure):
            await hostile
        self.assertEqual(await gatherResults(good), ["alice"] * 5)
        self.assertEqual(checker.counters.serversUp, 1)

    async def test_busy(self) -> None:
        """
        Busy, unavailable, other (51, 52, 80): another server is asked, and when none can tell it is
        a temporary failure.
        """
        for code in (51, 52, 80, 1, 10, 14):
            busy = self.directory(
                lambda c, messageID, *rest, code=code: c.transport.write(result(messageID, code))
            )
            self.assertEqual(await self.login(self.checker(busy, self.directory())), "alice")
            with self.assertRaises(TemporaryFailure) as caught:
                await self.login(self.checker(busy))
            self.assertIn(str(code), str(caught.exception))

    async def test_lateWhileOthersCome(self) -> None:
        """
        One answer that does not come, while others do, fails that login and not the server.
        """

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            if b"slow" not in content:
                accept(connection, messageID, tag, content)

        checker = self.checker(self.directory(handler))
        slow = self.login(checker, user=b"slow")
        for _ in range(7):
            await self.login(checker)
            await self.sleep(0.12)
        with self.assertRaises(TemporaryFailure):
            await slow
        self.assertEqual(checker.counters.serversUp, 1)

    async def test_serviceAccountIsNotHammered(self) -> None:
        """
        A service account that is refused is not tried again by every login: it would be locked.
        """
        secret = self.mktemp()
        with open(secret, "w") as file:
            file.write("hidden")
        directory = self.directory()
        checker = self.checker(
            directory,
            search_base="dc=x",
            search_filter="(uid={user})",
            bind_dn="cn=service",
            bind_password_file=secret,
        )
        for _ in range(10):
            with self.assertRaises(TemporaryFailure):
                await self.login(checker)
        self.assertEqual(directory.requests.count(codec.BIND_REQUEST), 1)


class LogTests(FakeTestCase):
    """
    What operators read.
    """

    async def test_stateChanges(self) -> None:
        """
        One line for each change of a server's state, with the server and the state in fields.
        """
        log = LogCatcher(self)
        answers = [True]

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            if answers[0]:
                accept(connection, messageID, tag, content)

        directory = self.directory(handler)
        checker = self.checker(directory)
        await self.login(checker)
        answers[0] = False
        for _ in range(2):
            with self.assertRaises(TemporaryFailure):
                await self.login(checker)
        answers[0] = True
        await self.login(checker)
        states = [
            (event["log_level"], event["server"], event["state"])
            for event in log.events
            if "state" in event and "ldap" in event["log_namespace"]
        ]
        self.assertEqual(
            states,
            [(LogLevel.error, directory.uri, "down"), (LogLevel.info, directory.uri, "up")],
        )

    async def test_slow(self) -> None:
        """
        A server whose answers take long is slow, and up again when they do not.
        """
        self.patch(health, "SLOW", 0.1)
        self.patch(health, "SLOW_FOR", 0.1)
        log = LogCatcher(self)

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            if tag == codec.BIND_REQUEST:
                pause = 0.15 if b"wait" in content else 0
                reactor.callLater(pause, connection.transport.write, result(messageID, 0))

        checker = self.checker(self.directory(handler))
        for user in (b"a", b"wait", b"wait", b"a", b"a"):
            await self.login(checker, user=user)
        await self.sleep(0.12)
        await self.login(checker)
        states = [event["state"] for event in log.events if "state" in event]
        self.assertEqual(states, ["slow", "up"])

    async def test_noSecrets(self) -> None:
        """
        Whatever happens, neither a password nor what a server quotes gets into a log or an
        exception.
        """
        log = LogCatcher(self)

        def quoting(code: int) -> Handler:
            return lambda c, messageID, tag, content: c.transport.write(
                result(messageID, code, diagnostic=content.decode("latin-1"))
            )

        def garbling(c: Any, messageID: int, tag: int, content: bytes) -> None:
            c.transport.write(content)

        def dropping(c: Any, messageID: int, tag: int, content: bytes) -> None:
            c.transport.abortConnection()

        texts = []
        for handler in (quoting(49), quoting(51), quoting(0), garbling, dropping, lambda *a: None):
            checker = self.checker(self.directory(handler))
            checker.start()
            try:
                await self.login(checker, b"pa55-w0rd")
            except Exception as e:
                texts.append(f"{e!r} {e.__cause__!r}")
        self.assertEqual(len(texts), 5)
        self.assertNotIn("pa55-w0rd", "".join(texts) + log.everything())


class CounterTests(FakeTestCase):
    """
    What a metrics endpoint reads.
    """

    async def test_counters(self) -> None:
        """
        Logins by outcome, binds by result, what they took, connections in use, servers by state:
        all as they happen.
        """
        answers = {b"right": 0, b"wrong": 49, b"busy": 51}

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            (code,) = [code for word, code in answers.items() if word in content] or [None]
            if code is not None:
                connection.transport.write(result(messageID, code))
            elif b"garbage" in content:
                connection.transport.write(b"garbage")
            elif b"drop" in content:
                connection.transport.abortConnection()
            elif tag == codec.SEARCH_REQUEST:
                connection.transport.write(done(messageID))

        directory = self.directory(handler)
        checker = self.checker(directory, connections=3, cache_seconds=60)
        counters = checker.counters
        self.assertEqual(counters.poolSize, 3)
        self.assertEqual(counters.serverStates, {directory.uri: "up"})
        for password in (b"right", b"right", b"wrong", b"busy", b"garbage", b""):
            await self.login(checker, password).addErrback(lambda f: None)
        given = self.login(checker, b"silent")
        await self.sleep(0.05)
        self.assertEqual(counters.poolInUse, 1)
        given.addErrback(lambda f: None)
        given.cancel()
        await self.login(checker, b"drop").addErrback(lambda f: None)
        self.assertEqual(counters.serverStates, {directory.uri: "down"})
        await self.login(checker, b"silent").addErrback(lambda f: None)
        self.assertEqual(
            (counters.accepted, counters.fromCache, counters.refused, counters.failed),
            (2, 1, 2, 4),
        )
        self.assertEqual(
            counters.binds,
            {
                "accepted": 1,
                "refused": 1,
                "unexpected": 1,
                "late": 1,
                "broken": 1,
                "malformed": 1,
                "cancelled": 1,
            },
        )
        self.assertEqual((counters.cancelled, counters.poolInUse), (1, 0))
        self.assertEqual(counters.latencyCount, 3)
        self.assertEqual(counters.latencyHistogram()[-1][1], 3)
        self.assertTrue(0 < counters.latencySum < 1)


class CacheTests(FakeTestCase):
    """
    C{cache_seconds}.
    """

    async def test_remembered(self) -> None:
        """
        A right password is remembered for its user; any other password, and any other user, goes to
        the directory.
        """
        directory = self.directory()
        checker = self.checker(directory, cache_seconds=60)
        for _ in range(3):
            self.assertEqual(await self.login(checker), "alice")
        self.assertEqual(directory.requests, [codec.BIND_REQUEST])
        for _ in range(2):
            with self.assertRaises(Refused):
                await self.login(checker, b"wrong")
        await self.login(checker, user=b"bob")
        self.assertEqual(len(directory.requests), 4)
        await self.login(checker)
        self.assertEqual(len(directory.requests), 4)
        self.assertEqual(checker.counters.accepted, 5)
        self.assertEqual(checker.counters.fromCache, 3)

    async def test_together(self) -> None:
        """
        Equal logins at the same time share one bind, and one that is cancelled does not take the
        others with it.
        """
        directory = self.directory()
        checker = self.checker(directory, cache_seconds=60)
        logins = [self.login(checker) for _ in range(10)]
        logins[0].addErrback(lambda f: None)
        logins[0].cancel()
        self.assertEqual(await gatherResults(logins[1:]), ["alice"] * 9)
        self.assertEqual(directory.requests, [codec.BIND_REQUEST])

    async def test_expires(self) -> None:
        """
        It is remembered no longer than that.
        """
        directory = self.directory()
        checker = self.checker(directory, cache_seconds=0.2)
        await self.login(checker)
        await self.sleep(0.3)
        await self.login(checker)
        self.assertEqual(len(directory.requests), 2)

    async def test_off(self) -> None:
        """
        By default nothing is remembered.
        """
        directory = self.directory()
        checker = self.checker(directory)
        await self.login(checker)
        await self.login(checker)
        self.assertEqual(len(directory.requests), 2)
