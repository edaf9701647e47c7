"""
Directories that do what slapd does not: Active Directory's sub-codes, answers that are none. They
are played by a server in this process, on a real socket.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import CannotListenError
from twisted.internet.task import deferLater
from twisted.logger import LogLevel
from twisted.trial.unittest import SkipTest

from tests.support.coroutines import AsyncTestCase
from tests.support.introspection import LogCatcher
from tests.support.ldap import FakeDirectory, Handler, done, found, message, result, serversUp
from txjmapaccess.credentials import UsernamePassword
from txjmapaccess.errors import PasswordExpired, Refused, TemporaryFailure
from txjmapaccess.ldap import LDAPChecker, codec, health
from txjmapaccess.ldap.ber import element
from txjmapaccess.ldap.connector import Connector
from txjmapaccess.ldap.deadlines import Deadlines
from txjmapaccess.ldap.uri import parseURI

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
        self.assertEqual(serversUp(checker.counters), 1)

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
        self.assertEqual(serversUp(checker.counters), 1)

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
        self.assertEqual(serversUp(checker.counters), 1)

    def withServiceAccount(self, *directories: FakeDirectory) -> LDAPChecker:
        """
        @return: a checker with a service account.
        """
        secret = self.mktemp()
        with open(secret, "w") as file:
            file.write("hidden")
        return self.checker(
            *directories,
            search_base="dc=x",
            search_filter="(uid={user})",
            bind_dn="cn=service",
            bind_password_file=secret,
        )

    async def test_busyForTheServiceAccount(self) -> None:
        """
        Busy (51), when the service account binds, says nothing about its password: another server
        is asked, and the same one again by the next login.
        """

        def serving(codes: list[int]) -> FakeDirectory:
            def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
                if b"hidden" in content:
                    connection.transport.write(result(messageID, codes[0]))
                elif tag == codec.SEARCH_REQUEST:
                    write = connection.transport.write
                    write(found(messageID, "uid=alice", uid="alice") + done(messageID))
                else:
                    accept(connection, messageID, tag, content)

            return self.directory(handler)

        codes = [51]
        busy = serving(codes)
        checker = self.withServiceAccount(busy)
        for count in (1, 2):
            with self.assertRaises(TemporaryFailure) as caught:
                await self.login(checker)
            self.assertIn("51", str(caught.exception))
            self.assertGreaterEqual(busy.requests.count(codec.BIND_REQUEST), count)
        both = self.withServiceAccount(busy, serving([0]))
        self.assertEqual(await self.login(both), "alice")
        codes[0] = 0
        self.assertEqual(await self.login(checker), "alice")

    async def test_serviceAccountIsNotHammered(self) -> None:
        """
        A service account that is refused is not tried again by every login: it would be locked.
        """
        directory = self.directory()
        checker = self.withServiceAccount(directory)
        for _ in range(10):
            with self.assertRaises(TemporaryFailure):
                await self.login(checker)
        self.assertEqual(directory.requests.count(codec.BIND_REQUEST), 1)


class ConfiguredTests(FakeTestCase):
    """
    Settings have their effect, on the wire.
    """

    async def test_inOrder(self) -> None:
        """
        Without C{round_robin} the first server gets all logins.
        """
        directories = [self.directory(), self.directory()]
        checker = self.checker(*directories)
        for _ in range(6):
            await self.login(checker)
        self.assertEqual([len(directory.requests) for directory in directories], [6, 0])

    async def test_roundRobin(self) -> None:
        """
        With C{round_robin} they are shared out.
        """
        directories = [self.directory(), self.directory(), self.directory()]
        checker = self.checker(*directories, round_robin=True)
        for _ in range(6):
            await self.login(checker)
        self.assertEqual([len(directory.requests) for directory in directories], [2, 2, 2])

    async def test_connections(self) -> None:
        """
        There are as many binding connections as C{connections} says, however many log in, and no
        bind is sent while another one is under way on the same (RFC 4511, section 4.2.1).
        """
        most: dict[int, int] = {}

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            connection.waiting = getattr(connection, "waiting", 0) + 1
            most[connection.number] = max(connection.waiting, most.get(connection.number, 0))
            reactor.callLater(0.02, answer, connection, messageID)

        def answer(connection: Any, messageID: int) -> None:
            connection.waiting -= 1
            if not connection.isLost:
                connection.transport.write(result(messageID, 0))

        for connections in (1, 3, 7):
            most.clear()
            directory = self.directory(handler)
            checker = self.checker(directory, connections=connections)
            await gatherResults([self.login(checker) for _ in range(20)])
            self.assertEqual(most, dict.fromkeys(range(connections), 1))
            await checker.close()
            await self.sleep(0.05)

    async def test_pipelined(self) -> None:
        """
        Searches are sent on one connection without waiting for each other, and binds on others:
        whoever is bound on the connection that searches would be the one who searches.
        """
        searches: list[tuple[Any, int]] = []

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            connection.tags = {*getattr(connection, "tags", ()), tag}
            if tag == codec.BIND_REQUEST:
                connection.transport.write(result(messageID, 0))
            elif tag == codec.SEARCH_REQUEST:
                searches.append((connection, messageID))
            if len(searches) == 10:
                while searches:
                    asking, number = searches.pop()
                    answer = found(number, "uid=alice", uid="alice") + done(number)
                    asking.transport.write(answer)

        directory = self.directory(handler)
        checker = self.checker(directory, search_base="dc=x", search_filter="(uid={user})")
        logins = [self.login(checker) for _ in range(10)]
        self.assertEqual(await gatherResults(logins), ["alice"] * 10)
        tags = [connection.tags for connection in directory.connections]
        self.assertEqual(tags, [{codec.SEARCH_REQUEST}, *[{codec.BIND_REQUEST}] * (len(tags) - 1)])

    async def test_entryOnlyWhenNeeded(self) -> None:
        """
        With a template the entry is read only when some key needs it.
        """

        def handler(connection: Any, messageID: int, tag: int, content: bytes) -> None:
            if tag == codec.BIND_REQUEST:
                connection.transport.write(result(messageID, 0))
            elif tag == codec.SEARCH_REQUEST:
                connection.transport.write(found(messageID, "uid=alice") + done(messageID))

        bind, search = codec.BIND_REQUEST, codec.SEARCH_REQUEST
        for keys, requests in (
            ({}, [bind]),
            ({"jmap_filter": "(a=b)"}, [bind, search]),
            ({"session_url_attribute": "labeledURI"}, [bind, search]),
            ({"jmap_filter": "(a=b)", "session_url_attribute": "url"}, [bind, search, search]),
        ):
            directory = self.directory(handler)
            await self.login(self.checker(directory, **keys))
            self.assertEqual(directory.requests, requests)

    async def test_internetProtocol6(self) -> None:
        """
        Servers are reached by IPv6 addresses.
        """
        try:
            directory = FakeDirectory(accept, interface="::1")
        except CannotListenError:
            raise SkipTest("this machine has no IPv6") from None
        self.addCleanup(directory.close)
        self.assertEqual(await self.login(self.checker(directory)), "alice")
        self.assertEqual(len(directory.requests), 1)

    async def test_socketOptions(self) -> None:
        """
        No delay, keep-alive, and an end for what the other side's kernel does not acknowledge
        within C{timeout}.
        """
        directory = self.directory()
        uri = parseURI(directory.uri)
        deadlines = Deadlines(reactor)
        connector = Connector(reactor, deadlines, uri, None, False, 3.0)
        connection = await connector.connect(reactor.seconds() + 5)
        handle = connection.transport.getHandle()
        tcp, level = socket.IPPROTO_TCP, socket.SOL_SOCKET
        self.assertTrue(handle.getsockopt(tcp, socket.TCP_NODELAY))
        self.assertTrue(handle.getsockopt(level, socket.SO_KEEPALIVE))
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            self.assertEqual(handle.getsockopt(tcp, socket.TCP_USER_TIMEOUT), 3000)
            self.assertEqual(handle.getsockopt(tcp, socket.TCP_KEEPIDLE), 30)
            self.assertEqual(handle.getsockopt(tcp, socket.TCP_KEEPINTVL), 10)
            self.assertEqual(handle.getsockopt(tcp, socket.TCP_KEEPCNT), 3)
        connection.close()
        await connector.allClosed()
        deadlines.close()


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
        self.assertEqual(sum(counters.latencyCounts), 3)
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
        self.assertEqual((checker.counters.fromCache, checker.counters.cacheMisses), (3, 4))
        # Refusals are not kept.
        self.assertEqual(checker.cacheEntries, 2)

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
