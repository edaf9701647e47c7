# -*- test-case-name: tests.http.test_client -*-
"""
Tests for L{txjmapaccess.http.client} and what it is made of, without a network. Real sockets are in
L{tests.integration.test_introspection_fake}.
"""

from __future__ import annotations

import contextlib
import gc
from types import ModuleType

from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL.SSL import Error as TLSError
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txjmapaccess.http.client import Network
from txjmapaccess.http.keepalivepool import (
    IDLE_SECONDS,
    ConnectionStale,
    HTTPConnection,
    KeepAlivePool,
)
from txjmapaccess.http.request import Origin, makeRequest
from txjmapaccess.http.response import LONGEST_RESPONSE, BrokenResponse, Response, ResponseReader

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"


def withBody(length: int) -> bytes:
    """
    @return: a response whose body has this length.
    """
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + b"x" * length


class ResponseTests(SynchronousTestCase):
    """
    L{ResponseReader}: responses (RFC 9112).
    """

    def read(self, data: bytes, *ends: int) -> Response | None:
        """
        @param ends: where segments end.
        """
        reader = ResponseReader()
        for begin, end in zip((0, *ends), (*ends, len(data)), strict=True):
            reader.feed(data[begin:end])
        return reader.response

    def assertBroken(self, data: bytes, text: str = "") -> None:
        """
        It is no response, and nothing of it is in the error.
        """
        error = self.assertRaises(BrokenResponse, self.read, data)
        self.assertIn(text, str(error))
        self.assertNotIn("s3cret", str(error))

    def test_complete(self) -> None:
        """
        With a length, in chunks, without a body, behind an interim response.
        """
        interim = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        for data, answer in (
            (GOOD, Response(200, b"{}")),
            (CHUNKED, Response(200, b"{}")),
            (b"HTTP/1.1 204 No Content\r\n\r\n", Response(204, b"")),
            (b"HTTP/1.1 401 \r\ncontent-length:0\r\n\r\n", Response(401, b"")),
            (interim + interim + GOOD, Response(200, b"{}")),
        ):
            self.assertEqual(answer, self.read(data))
            self.assertIsNone(self.read(data[:-1]))

    @given(st.sampled_from([GOOD, CHUNKED]), st.data())
    @settings(max_examples=100, deadline=None)
    def test_segments(self, data: bytes, draw: st.DataObject) -> None:
        """
        However it comes, it is the same.
        """
        ends = sorted(draw.draw(st.sets(st.integers(1, len(data) - 1))))
        self.assertEqual(Response(200, b"{}"), self.read(data, *ends))

    def test_endsWithConnection(self) -> None:
        """
        A response without a length ends with the connection (RFC 9112, section 6.3); one with a
        length that is not reached, or whose head is not complete, does not.
        """
        head = b"HTTP/1.1 200 OK\r\n"
        for data, body in (
            (head + b"\r\n{}", b"{}"),
            (b"HTTP/1.0 200 OK\r\n\r\n", b""),
            (head + b"Content-Length: 3\r\n\r\n{}", None),
            (head + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", None),
            (head + b"Transfer-Encoding: gzip\r\n\r\n{}", None),
            (head, None),
            (b"HTTP/1.1 100 Continue\r\n\r\n", None),
            (b"", None),
        ):
            reader = ResponseReader()
            if data:
                self.assertIsNone(reader.feed(data))
            self.assertEqual(None if body is None else Response(200, body), reader.end())

    def test_keepAlive(self) -> None:
        """
        RFC 9112, section 9.3: a connection stays unless HTTP/1.0 or C{close}.
        """
        for data, stays in (
            (GOOD, True),
            (CHUNKED, True),
            (GOOD.replace(b"1.1", b"1.0"), False),
            (GOOD.replace(b"\r\nC", b"\r\nConnection: close\r\nC"), False),
        ):
            reader = ResponseReader()
            reader.feed(data)
            self.assertEqual(stays, reader.keepAlive)

    def test_garbage(self) -> None:
        """
        What is not HTTP, or not sure to be one response, is none (RFC 9112, sections 5 and 6).
        """
        head = b"HTTP/1.1 200 OK\r\n"
        for data in (
            b"* OK s3cret IMAP4rev1 Service Ready\r\n",
            b"\x16\x03\x01\x00\x05hello",
            b"HTTP/1.1 s3cret\r\n\r\n",
            b"HTTP/1.1 2000 OK\r\n\r\n",
            head + b"Content-Length: nine\r\n\r\n",
            head + b"Content-Length: -1\r\n\r\n",
            head + b"Content-Length: 99999999999999999999999\r\n\r\n",
            head + b"Content-Length: 2\r\nContent-Length: 9\r\n\r\n",
            head + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
            head + b"Transfer-Encoding: chunked\r\n\r\nzzz\r\n",
            head + b"X: a\r\n folded\r\n\r\n",
            head + b"X: a\0b\r\n\r\n",
            b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
            GOOD + b"s3cret",
        ):
            self.assertBroken(data)

    def test_twoAnswers(self) -> None:
        """
        One answer to one request: with two, nobody knows whose the second is.
        """
        self.assertBroken(GOOD + GOOD, "extra data")

    def test_length(self) -> None:
        """
        An answer of 64 KiB is read; one octet more is too long, with a length and without.
        """
        answer = self.read(withBody(LONGEST_RESPONSE))
        assert answer is not None
        self.assertEqual(LONGEST_RESPONSE, len(answer.body))
        self.assertBroken(withBody(LONGEST_RESPONSE + 1), "longer than 65536")
        self.assertBroken(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * (LONGEST_RESPONSE + 1), "longer")
        chunk = b"10001\r\n" + b"x" * (LONGEST_RESPONSE + 1)
        self.assertBroken(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk, "longer"
        )

    def test_ownLength(self) -> None:
        """
        Who expects more may have more.
        """
        reader = ResponseReader(LONGEST_RESPONSE + 1)
        response = reader.feed(withBody(LONGEST_RESPONSE + 1))
        assert response is not None
        self.assertEqual(LONGEST_RESPONSE + 1, len(response.body))

    def test_headers(self) -> None:
        """
        Header fields are found whatever the case of their names is, each with all its values.
        Those of interim responses and trailers are not among them.
        """
        interim = b"HTTP/1.1 103 Early Hints\r\nX: hint\r\n\r\n"
        head = b"HTTP/1.1 401 \r\nx: 1\r\nTransfer-Encoding: chunked\r\nX: caf\xe9\r\n\r\n"
        response = self.read(interim + head + b"0\r\nX: trailer\r\n\r\n")
        assert response is not None
        self.assertEqual(["1", "caf\u00e9"], response.header("x"))
        self.assertEqual([], response.header("y"))

    def test_endlessHead(self) -> None:
        """
        What comes around a body has its limit, too.
        """
        long = b"x" * 90_000
        self.assertBroken(b"HTTP/1.1 200 " + long, "longer")
        self.assertBroken(b"HTTP/1.1 200 OK\r\nX: " + long, "longer")
        self.assertBroken(b"HTTP/1.1 100 Continue\r\n\r\n" * 4_000, "longer")
        self.assertBroken(CHUNKED[:-5] + b"1;" + b"x" * 90_000, "longer")

    @given(st.binary(max_size=300))
    @settings(max_examples=300, deadline=None)
    def test_anything(self, tail: bytes) -> None:
        """
        Whatever comes, nothing else happens than that.
        """
        for head in (b"", b"HTTP/1.1 200 OK\r\n", CHUNKED[:-5]):
            with contextlib.suppress(BrokenResponse):
                self.read(head + tail)

    def test_json(self) -> None:
        """
        A body is a JSON object or is none.
        """
        self.assertEqual({"a": 1}, Response(200, b'{"a": 1}').jsonObject())
        for body in (b"", b"[]", b"{", b"\xff", b"[" * 60_000):
            self.assertIsNone(Response(200, body).jsonObject())


class RequestTests(SynchronousTestCase):
    """
    L{makeRequest}.
    """

    def test_post(self) -> None:
        """
        A request with a body (RFC 9112, sections 3 and 6.2).
        """
        request = makeRequest("POST", "https://a.example/a?b=c", {"Accept": "x"})
        self.assertEqual(
            b"POST /a?b=c HTTP/1.1\r\nHost: a.example\r\nAccept: x\r\nContent-Length: 3\r\n\r\nt=1",
            request.withBody(b"t=1"),
        )

    def test_get(self) -> None:
        """
        A request without one.
        """
        self.assertEqual(
            b"GET / HTTP/1.1\r\nHost: idp.example\r\n\r\n",
            makeRequest("GET", "https://idp.example", {}).withBody(None),
        )

    def test_origin(self) -> None:
        """
        Where it goes; C{Host} is as the URL has it.
        """
        for url, server in (
            ("https://IDP.example/", Origin("https", "idp.example", 443)),
            ("https://idp.example./", Origin("https", "idp.example", 443)),
            ("http://localhost/", Origin("http", "localhost", 80)),
            ("http://[::1]:8080/", Origin("http", "::1", 8080)),
        ):
            request = makeRequest("GET", url, {})
            self.assertEqual(server, request.origin)
            self.assertIn(url.split("/")[2].encode(), request.head)


@implementer(IStreamClientEndpoint)
class FakeEndpoint:
    """
    Makes connections when a test wants it.
    """

    def __init__(self) -> None:
        self.waiting: list[tuple[IProtocolFactory, Deferred[HTTPConnection]]] = []
        self.cancelled: list[Deferred[HTTPConnection]] = []
        self.made: list[HTTPConnection] = []

    def connect(self, factory: IProtocolFactory) -> Deferred[HTTPConnection]:
        made: Deferred[HTTPConnection] = Deferred(self.cancelled.append)
        self.waiting.append((factory, made))
        return made

    def accept(self) -> HTTPConnection:
        """
        Make the connection that was asked for first.
        """
        factory, made = self.waiting.pop(0)
        connection = factory.buildProtocol(None)  # type: ignore[arg-type]
        assert isinstance(connection, HTTPConnection)
        transport = StringTransportWithDisconnection()
        transport.protocol = connection
        connection.makeConnection(transport)
        self.made.append(connection)
        made.callback(connection)
        return connection


class PoolTests(SynchronousTestCase):
    """
    L{KeepAlivePool} and L{HTTPConnection}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.endpoint = FakeEndpoint()
        self.pool = KeepAlivePool(self.clock, self.endpoint)

    def ask(self, request: bytes = b"q") -> tuple[HTTPConnection, Deferred[Response]]:
        """
        @return: a new connection, and the answer that is waited for.
        """
        answer = self.pool.send(request)
        return self.endpoint.accept(), answer

    def isOpen(self, connection: HTTPConnection) -> bool:
        transport = connection.transport
        assert isinstance(transport, StringTransportWithDisconnection)
        return transport.connected

    def sent(self, connection: HTTPConnection) -> bytes:
        transport = connection.transport
        assert isinstance(transport, StringTransportWithDisconnection)
        return transport.value()

    def test_answered(self) -> None:
        """
        A request is written, and its answer read.
        """
        connection, answer = self.ask(b"the request")
        self.assertEqual(b"the request", self.sent(connection))
        connection.dataReceived(GOOD[:10])
        self.assertNoResult(answer)
        connection.dataReceived(GOOD[10:])
        self.assertEqual(Response(200, b"{}"), self.successResultOf(answer))

    def test_kept(self) -> None:
        """
        The next request uses the connection, also when it is made by the answer's callback.
        """
        connection, answer = self.ask()
        answer.addCallback(lambda _: self.pool.send(b"r"))
        connection.dataReceived(GOOD)
        self.assertEqual(b"qr", self.sent(connection))
        connection.dataReceived(CHUNKED)
        self.assertEqual(Response(200, b"{}"), self.successResultOf(answer))
        self.assertEqual([], self.endpoint.waiting)

    def test_nothingIsHeld(self) -> None:
        """
        A connection that is idle holds nothing of what it was told.
        """
        connection, answer = self.ask(b"s3cret")
        connection.dataReceived(withBody(1000))
        self.successResultOf(answer)
        held, seen = [vars(connection)], set()
        del answer
        while held:
            thing = held.pop()
            if id(thing) not in seen and not isinstance(thing, (type, ModuleType, Clock)):
                seen.add(id(thing))
                self.assertNotIn("xxx", repr(thing))
                # The names of a function's module are nobody's memory of an answer.
                names = getattr(thing, "__globals__", None)
                held.extend(each for each in gc.get_referents(thing) if each is not names)

    def test_oneAtATime(self) -> None:
        """
        A connection has one request at a time, and the one that was used last is used next.
        """
        connections = [self.ask()[0] for _ in range(3)]
        for connection in connections:
            connection.dataReceived(GOOD)
        self.pool.send(b"r")
        self.assertEqual([b"q", b"q", b"qr"], [self.sent(c) for c in connections])
        self.pool.send(b"r")
        self.assertEqual(b"qr", self.sent(connections[1]))

    def test_fresh(self) -> None:
        """
        A new connection where one is wanted.
        """
        self.ask()[0].dataReceived(GOOD)
        self.pool.send(b"q", fresh=True)
        self.assertEqual(1, len(self.endpoint.waiting))

    def test_notKept(self) -> None:
        """
        A connection that the other side will close is closed.
        """
        connection, answer = self.ask()
        connection.dataReceived(GOOD.replace(b"1.1", b"1.0"))
        self.successResultOf(answer)
        self.assertFalse(self.isOpen(connection))
        self.pool.send(b"q")
        self.assertEqual(1, len(self.endpoint.waiting))

    def test_idle(self) -> None:
        """
        A connection that was not used for a while is closed, and no other; there is one timer for
        all, and none when there is no connection.
        """
        first, _ = self.ask()
        second, _ = self.ask()
        first.dataReceived(GOOD)
        self.clock.advance(IDLE_SECONDS - 1)
        second.dataReceived(GOOD)
        self.assertEqual(1, len(self.clock.getDelayedCalls()))
        self.clock.advance(1)
        self.assertEqual((False, True), (self.isOpen(first), self.isOpen(second)))
        self.clock.advance(IDLE_SECONDS - 1.5)
        self.assertTrue(self.isOpen(second))
        self.clock.advance(0.5)
        self.assertFalse(self.isOpen(second))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_idleIsNotUsed(self) -> None:
        """
        One that is being closed for that is not used again, although its end may come later.
        """
        connection, _ = self.ask()
        connection.dataReceived(GOOD)
        self.patch(connection, "abort", lambda: None)
        self.clock.advance(IDLE_SECONDS)
        self.pool.send(b"r")
        self.assertEqual(1, len(self.endpoint.waiting))

    def test_usedAgainIsNotIdle(self) -> None:
        """
        What counts is the last use.
        """
        connection, _ = self.ask()
        connection.dataReceived(GOOD)
        self.clock.advance(IDLE_SECONDS - 1)
        answer = self.pool.send(b"r")
        self.clock.advance(2)
        self.assertTrue(self.isOpen(connection))
        connection.dataReceived(GOOD)
        self.successResultOf(answer)
        self.clock.advance(IDLE_SECONDS - 1)
        self.assertTrue(self.isOpen(connection))

    def test_closedByThem(self) -> None:
        """
        A connection that the other side has closed is not used.
        """
        connection, _ = self.ask()
        connection.dataReceived(GOOD)
        connection.connectionLost(Failure(ConnectionDone()))
        self.pool.send(b"q")
        self.assertEqual(1, len(self.endpoint.waiting))

    def test_unanswered(self) -> None:
        """
        Closed before anything of the answer came: L{ConnectionStale}, on a connection that was used
        before as well.
        """
        connection, answer = self.ask()
        connection.dataReceived(GOOD)
        self.successResultOf(answer)
        answer = self.pool.send(b"r")
        connection.connectionLost(Failure(ConnectionLost()))
        self.failureResultOf(answer, ConnectionStale)

    def test_interrupted(self) -> None:
        """
        Closed in the middle: that is the reason.
        """
        for reason in (ConnectionDone, ConnectionLost):
            connection, answer = self.ask()
            connection.dataReceived(GOOD[:-1])
            connection.connectionLost(Failure(reason()))
            self.assertNotIsInstance(self.failureResultOf(answer, reason).value, ConnectionStale)

    def test_endsWithConnection(self) -> None:
        """
        An answer that ends with its connection is complete when that is closed in order, and not
        when it is lost.
        """
        for reason, isComplete in ((ConnectionDone, True), (ConnectionLost, False)):
            connection, answer = self.ask()
            connection.dataReceived(b"HTTP/1.1 200 OK\r\n\r\n{}")
            connection.connectionLost(Failure(reason()))
            if isComplete:
                self.assertEqual(Response(200, b"{}"), self.successResultOf(answer))
            else:
                self.failureResultOf(answer, ConnectionLost)

    def test_otherTrouble(self) -> None:
        """
        A TLS error is told as it is; on a connection that has worked it is the way in which it was
        closed.
        """
        connection, answer = self.ask()
        connection.connectionLost(Failure(TLSError()))
        self.failureResultOf(answer, TLSError)
        connection, answer = self.ask()
        connection.dataReceived(GOOD)
        answer = self.pool.send(b"r")
        connection.connectionLost(Failure(TLSError()))
        self.failureResultOf(answer, ConnectionStale)

    def test_broken(self) -> None:
        """
        What is no answer ends the connection.
        """
        connection, answer = self.ask()
        connection.dataReceived(b"nonsense\r\n")
        self.failureResultOf(answer, BrokenResponse)
        self.assertFalse(self.isOpen(connection))

    def test_unasked(self) -> None:
        """
        So does what nobody has asked for: it must not be taken for the next answer.
        """
        connection, _ = self.ask()
        connection.dataReceived(GOOD)
        connection.dataReceived(GOOD)
        self.assertFalse(self.isOpen(connection))
        self.pool.send(b"r")
        self.assertEqual(1, len(self.endpoint.waiting))

    def test_cancel(self) -> None:
        """
        An answer that nobody waits for any more is not waited for: the connection is closed.
        """
        connection, answer = self.ask()
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assertFalse(self.isOpen(connection))

    def test_cancelInTurn(self) -> None:
        """
        An answer that is there, and waits for its turn, can be given up, too: the connection stays,
        for it may have the next request already.
        """
        connection, answer = self.ask()
        following: list[Deferred[Response]] = []
        steps = (
            lambda: connection.dataReceived(GOOD),
            lambda: following.append(self.pool.send(b"r")),
            answer.cancel,
        )
        self.pool.pace.each(lambda step: step(), steps)
        self.failureResultOf(answer, CancelledError)
        self.assertTrue(self.isOpen(connection))
        connection.dataReceived(GOOD)
        self.assertEqual(Response(200, b"{}"), self.successResultOf(following[0]))
        self.assertEqual([], self.flushLoggedErrors())

    def test_cancelConnecting(self) -> None:
        """
        Nor is a connection.
        """
        answer = self.pool.send(b"q")
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assertEqual(1, len(self.endpoint.cancelled))

    def test_notConnected(self) -> None:
        """
        A connection that cannot be made is the reason.
        """
        answer = self.pool.send(b"q")
        self.endpoint.waiting[0][1].errback(ConnectionRefusedError())
        self.failureResultOf(answer, ConnectionRefusedError)

    def test_close(self) -> None:
        """
        All connections are closed, and those that come or become free later, too.
        """
        idle, _ = self.ask()
        busy, answer = self.ask()
        idle.dataReceived(GOOD)
        late = self.pool.send(b"r", fresh=True)
        self.successResultOf(self.pool.close())
        self.failureResultOf(answer, ConnectionStale)
        self.assertEqual((False, False), (self.isOpen(idle), self.isOpen(busy)))
        connection = self.endpoint.accept()
        connection.dataReceived(GOOD)
        self.successResultOf(late)
        self.assertFalse(self.isOpen(connection))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_closeWaitsForAll(self) -> None:
        """
        Closed is when the last connection is.
        """
        connections = [self.ask()[0] for _ in range(2)]
        for connection in connections:
            connection.dataReceived(GOOD)
            self.patch(connection, "close", lambda: None)
        closed = self.pool.close()
        for connection in connections:
            self.assertNoResult(closed)
            connection.connectionLost(Failure(ConnectionDone()))
        self.successResultOf(closed)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_closeStubborn(self) -> None:
        """
        A connection whose other side does not let go is cut after a second.
        """
        connection, _ = self.ask()
        connection.dataReceived(GOOD)
        self.patch(connection, "close", lambda: None)
        closed = self.pool.close()
        self.clock.advance(0.9)
        self.assertNoResult(closed)
        self.clock.advance(0.1)
        self.successResultOf(closed)
        self.assertFalse(self.isOpen(connection))

    def test_closeUnused(self) -> None:
        """
        What was never used is closed at once.
        """
        self.successResultOf(self.pool.close())
        self.successResultOf(Network(self.clock).close())
