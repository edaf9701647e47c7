"""
L{txjmapaccess.oauth} with providers that misbehave, on real sockets.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.ssl import Certificate, KeyPair, PrivateCertificate
from twisted.internet.task import deferLater
from twisted.internet.tcp import Client
from twisted.trial.unittest import TestCase

from tests.support.certificate import makeCertificate
from tests.support.coroutines import asynchronous
from tests.support.introspection import (
    ACTIVE,
    FakeConnection,
    FakeProvider,
    LogCatcher,
    httpAnswer,
    jsonAnswer,
    secretFile,
)
from txjmapaccess.credentials import BearerToken
from txjmapaccess.errors import TemporaryFailure
from txjmapaccess.http import keepalivepool
from txjmapaccess.http.response import LONGEST_RESPONSE
from txjmapaccess.oauth import IntrospectionChecker

GOOD = jsonAnswer(ACTIVE)

#: Seconds in which what ends at a deadline has ended, on a machine that is busy with other things;
#: much less than anything takes that does not end.
SOON = 6


def answerWell(connection: FakeConnection) -> None:
    connection.send(GOOD)


def neverAnswer(connection: FakeConnection) -> None:
    pass


class FakeProviderTestCase(TestCase):
    """
    A checker that caches nothing, and a provider that does what the test wants.
    """

    def setUp(self) -> None:
        self.logged = LogCatcher(self)

    def start(self, behave: Callable[[FakeConnection], object], **keys: Any) -> None:
        self.provider = FakeProvider(behave)
        endpoint = self.provider.listen(reactor, self)
        self.checker = self.makeChecker(endpoint, **keys)

    def makeChecker(self, endpoint: str, **keys: Any) -> IntrospectionChecker:
        checker = IntrospectionChecker(
            endpoint=endpoint,
            client_id="imapd",
            client_secret_file=secretFile(self),
            **{"timeout": 10, "cache_seconds": 0, **keys},
        )
        self.addCleanup(checker.close)
        return checker

    async def login(self, token: str = "token") -> str:
        name: str = await self.checker.requestAvatarId(BearerToken(token))
        return name

    async def assertUnavailable(self) -> None:
        """
        A login fails for the time being, in time.
        """
        begun = time.monotonic()
        await self.assertFailure(
            self.checker.requestAvatarId(BearerToken("token")), TemporaryFailure
        )
        self.assertLess(time.monotonic() - begun, SOON)

    async def assertNoneOpen(self) -> None:
        """
        All connections are closed, now or in a moment.
        """
        for _ in range(500):
            if not self.provider.openConnections:
                return
            await deferLater(reactor, 0.01, lambda: None)
        self.fail(f"{self.provider.openConnections} connections are open")


class ConnectionTests(FakeProviderTestCase):
    """
    Connections that are kept alive.
    """

    @asynchronous
    async def test_keptAlive(self) -> None:
        """
        One login after another uses one connection.
        """
        self.start(answerWell)
        for _ in range(5):
            self.assertEqual("arnt", await self.login())
        self.assertEqual(1, len(self.provider.connections))
        self.assertEqual(5, len(self.provider.requests))

    @asynchronous
    async def test_idle(self) -> None:
        """
        A connection that nobody has used for a while is closed, before the provider does it: node
        does after five seconds.
        """
        self.assertLess(keepalivepool.IDLE_SECONDS, 5)
        self.patch(keepalivepool, "IDLE_SECONDS", 0.2)
        self.start(answerWell)
        await self.login()
        await self.login()
        self.assertEqual(1, self.provider.openConnections)
        await self.assertNoneOpen()
        self.assertEqual("arnt", await self.login())
        self.assertEqual(2, len(self.provider.connections))

    @asynchronous
    async def test_manyKeptAlive(self) -> None:
        """
        As many connections are kept as logins use at a time, more than the two that Twisted keeps
        by default.
        """
        self.start(answerWell)
        for _ in range(3):
            await gatherResults(
                [self.checker.requestAvatarId(BearerToken(f"t{n}")) for n in range(20)]
            )
        self.assertEqual(20, len(self.provider.connections))

    @asynchronous
    async def test_staleConnection(self) -> None:
        """
        When the provider closes a kept connection at the moment of the next request, that is
        repeated on a new connection, and the login succeeds.
        """

        def closeSecond(connection: FakeConnection) -> None:
            connection.send(GOOD) if connection.number == 1 else connection.abort()

        self.start(closeSecond)
        for _ in range(4):
            self.assertEqual("arnt", await self.login())
        self.assertEqual([], self.logged.texts())

    @asynchronous
    async def test_allConnectionsStale(self) -> None:
        """
        That connection is new, and not another one that was kept and may be just as dead.
        """

        def closeSecond(connection: FakeConnection) -> None:
            connection.send(GOOD) if connection.number == 1 else connection.abort()

        self.start(closeSecond, timeout=2)
        logins = [self.checker.requestAvatarId(BearerToken(f"t{n}")) for n in range(20)]
        self.assertEqual(["arnt"] * 20, await gatherResults(logins))
        self.assertEqual("arnt", await self.login())

    @asynchronous
    async def test_alwaysClosed(self) -> None:
        """
        A provider that closes every connection is asked twice, not again and again.
        """
        self.start(FakeConnection.abort)
        await self.assertUnavailable()
        self.assertEqual(2, len(self.provider.requests))

    @asynchronous
    async def test_closedInTheMiddle(self) -> None:
        """
        An answer that breaks off is no answer, and is not asked for again.
        """

        def breakOff(connection: FakeConnection) -> None:
            connection.send(GOOD[:-5])
            connection.transport.loseConnection()

        self.start(breakOff)
        await self.assertUnavailable()
        self.assertEqual(1, len(self.provider.requests))

    @asynchronous
    async def test_closeChecker(self) -> None:
        """
        Closing the checker closes its connections, busy and idle.
        """
        self.start(lambda c: c.send(GOOD) if b"good" in self.provider.requests[-1] else None)
        await self.login("good")
        waiting = self.checker.requestAvatarId(BearerToken("wait"))
        while len(self.provider.requests) < 2:
            await deferLater(reactor, 0.01, lambda: None)
        await self.checker.close()
        await self.assertFailure(waiting, TemporaryFailure)
        await self.assertNoneOpen()


class AnswerTests(FakeProviderTestCase):
    """
    Answers that are none.
    """

    @asynchronous
    async def test_garbage(self) -> None:
        """
        What is not HTTP, or not JSON, is a temporary failure.
        """
        for garbage in (
            b"* OK IMAP4rev1 Service Ready\r\n" * 3,
            b"\x16\x03\x01\x00\x05hello",
            b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
            httpAnswer(b"<html>It works!</html>"),
            httpAnswer(b"\x00\xff" * 100),
            httpAnswer(b"[" * 65_000),
            httpAnswer(b'{"active": true'),
            httpAnswer(b""),
            jsonAnswer([ACTIVE]),
        ):
            self.start(lambda c, garbage=garbage: c.send(garbage), timeout=0.3)
            await self.assertUnavailable()

    @asynchronous
    async def test_otherStatus(self) -> None:
        """
        A good answer with another status than 200 is none. Redirects are not followed: the
        client's secret would go there, too.
        """
        for status in ("201 Created", "302 Found", "401 Unauthorized", "500 Oops"):
            redirect = GOOD.replace(b"200 OK\r\n", f"{status}\r\nLocation: /x\r\n".encode())
            self.start(lambda connection, redirect=redirect: connection.send(redirect))
            await self.assertUnavailable()
            self.assertEqual(1, len(self.provider.requests))

    @asynchronous
    async def test_tooLong(self) -> None:
        """
        A longer answer than 64 KiB is a temporary failure, and is not read to its end, however it
        comes.
        """
        endless = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n"
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n"
        for head in (endless, chunked, b"HTTP/1.0 200 OK\r\n\r\n"):
            self.start(
                lambda connection, head=head: connection.send(head + b" " * (LONGEST_RESPONSE + 1)),
                timeout=5,
            )
            await self.assertUnavailable()
            await self.assertNoneOpen()

    @asynchronous
    async def test_withoutLength(self) -> None:
        """
        An answer that ends with its connection is complete.
        """

        def answer(connection: FakeConnection) -> None:
            connection.send(b"HTTP/1.0 200 OK\r\n\r\n" + GOOD.partition(b"\r\n\r\n")[2])
            connection.transport.loseConnection()

        self.start(answer)
        self.assertEqual("arnt", await self.login())


class HangingTests(FakeProviderTestCase):
    """
    Providers that take their time.
    """

    @asynchronous
    async def test_forever(self) -> None:
        """
        No answer at all: the login ends at its deadline, and the connection with it.
        """
        self.start(neverAnswer, timeout=0.2)
        await self.assertUnavailable()
        await self.assertNoneOpen()

    @asynchronous
    async def test_slowly(self) -> None:
        """
        An answer that drips in does not move the deadline.
        """

        def drip(connection: FakeConnection, position: int = 0) -> None:
            if position < len(GOOD) and not connection.closed.called:
                connection.send(GOOD[position : position + 1])
                reactor.callLater(0.02, drip, connection, position + 1)

        self.start(drip, timeout=0.2)
        await self.assertUnavailable()
        await self.assertNoneOpen()
        await deferLater(reactor, 0.05, lambda: None)

    @asynchronous
    async def test_stopsInTheBody(self) -> None:
        """
        Nor does one that stops in the middle, and its connection is closed.
        """
        self.start(lambda connection: connection.send(GOOD[:-5]), timeout=0.2)
        await self.assertUnavailable()
        await self.assertNoneOpen()

    @asynchronous
    async def test_slowButInTime(self) -> None:
        """
        An answer before the deadline is good.
        """
        self.start(lambda connection: reactor.callLater(0.1, connection.send, GOOD), timeout=5)
        self.assertEqual("arnt", await self.login())

    @asynchronous
    async def test_unansweredConnection(self) -> None:
        """
        A host that lets connections hang is no different.
        """
        # Nobody accepts from this queue, and it is full.
        import socket

        listening = socket.socket()
        self.addCleanup(listening.close)
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            self.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(listening.getsockname())
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        self.checker = self.makeChecker(url, timeout=0.2)
        await self.assertUnavailable()

    @asynchronous
    async def test_nothingPilesUp(self) -> None:
        """
        With many logins at a time on a provider that hangs, all end at their deadline, not one
        after the other; all connections are closed; and when the provider recovers logins succeed.
        """
        self.start(neverAnswer, timeout=1)
        logins = [
            self.assertFailure(self.checker.requestAvatarId(BearerToken(f"t{n}")), TemporaryFailure)
            for n in range(500)
        ]
        begun = time.monotonic()
        await gatherResults(logins)
        self.assertLess(time.monotonic() - begun, SOON)
        await self.assertNoneOpen()
        self.assertEqual(1, len(self.logged.texts()))
        self.provider.behave = answerWell
        self.assertEqual("arnt", await self.login())


class TLSTests(FakeProviderTestCase):
    """
    https.
    """

    def startTLS(self, host: str = "localhost", name: str = "localhost", **keys: Any) -> None:
        """
        A provider with a certificate for C{name}, and a checker that asks C{host}.
        """
        certificate, key = makeCertificate(name)
        self.authority = self.mktemp()
        with open(self.authority, "wb") as file:
            file.write(certificate)
        self.provider = FakeProvider(answerWell)
        private = PrivateCertificate.fromCertificateAndKeyPair(
            Certificate.loadPEM(certificate), KeyPair.load(key, 1)
        )
        port = reactor.listenSSL(0, self.provider, private.options(), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.addCleanup(self.provider.hangUp)
        keys = {"ca_file": self.authority, "timeout": 5, **keys}
        self.checker = self.makeChecker(f"https://{host}:{port.getHost().port}/", **keys)

    @asynchronous
    async def test_verified(self) -> None:
        """
        A certificate for the host, by an authority of C{ca_file}; the connection is kept.
        """
        self.startTLS()
        for _ in range(3):
            self.assertEqual("arnt", await self.login())
        self.assertEqual(1, len(self.provider.connections))

    @asynchronous
    async def test_unknownAuthority(self) -> None:
        """
        A certificate by any other authority is not accepted, and nothing is sent.
        """
        self.startTLS(ca_file=None)
        await self.assertUnavailable()
        self.assertEqual([], self.provider.requests)
        self.assertIn("certificate verify failed", self.logged.texts()[0])

    @asynchronous
    async def test_otherAuthority(self) -> None:
        """
        With C{ca_file} only the authorities in it count.
        """
        other = self.mktemp()
        with open(other, "wb") as file:
            file.write(makeCertificate("other.example")[0])
        self.startTLS(ca_file=other)
        await self.assertUnavailable()
        self.assertEqual([], self.provider.requests)

    @asynchronous
    async def test_otherName(self) -> None:
        """
        Nor is a certificate for another host.
        """
        self.startTLS(name="other.example")
        await self.assertUnavailable()
        self.assertEqual([], self.provider.requests)

    @asynchronous
    async def test_staleConnection(self) -> None:
        """
        When the provider closes a kept connection, without TLS's farewell, at the moment of the
        next request, that is repeated on a new connection.
        """
        self.startTLS()

        def closeSecond(connection: FakeConnection) -> None:
            if connection.number == 1:
                connection.send(GOOD)
            else:
                # What is under TLS is closed in order, so that this is no reset.
                connection.transport.transport.loseConnection()

        self.provider.behave = closeSecond
        for _ in range(3):
            self.assertEqual("arnt", await self.login())
        self.assertEqual([], self.logged.texts())

    @asynchronous
    async def test_hangsInTheBody(self) -> None:
        """
        A connection is closed at the deadline without the other side's consent, which TLS would
        wait for.
        """
        self.startTLS(timeout=0.5)

        def hang(connection: FakeConnection) -> None:
            connection.send(GOOD[:-5])
            connection.transport.pauseProducing()

        self.provider.behave = hang
        await self.assertUnavailable()
        await deferLater(reactor, 0.1, lambda: None)
        self.assertEqual([], [r for r in reactor.getReaders() if isinstance(r, Client)])

    @asynchronous
    async def test_hangsBehindTheLastAnswer(self) -> None:
        """
        Nor is it waited for when the other side says that it will close the connection, and does
        not.
        """
        self.startTLS()
        last = GOOD.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)

        def hang(connection: FakeConnection) -> None:
            connection.send(last)
            connection.transport.pauseProducing()

        self.provider.behave = hang
        for _ in range(3):
            self.assertEqual("arnt", await self.login())
        await deferLater(reactor, 0.1, lambda: None)
        self.assertEqual([], [r for r in reactor.getReaders() if isinstance(r, Client)])

    @asynchronous
    async def test_closeWhileTheyHang(self) -> None:
        """
        The checker can be closed when the other side does not answer TLS any more.
        """
        self.startTLS()
        await self.login()
        self.provider.connections[0].transport.pauseProducing()
        begun = time.monotonic()
        await self.checker.close()
        self.assertLess(time.monotonic() - begun, SOON)
