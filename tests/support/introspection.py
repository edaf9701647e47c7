"""
What the tests of the introspection checker share.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.http.client import Network
from txjmapaccess.http.request import Request
from txjmapaccess.http.response import Response

JMAP_SCOPE = "urn:ietf:params:jmap:mail"

#: What a provider answers about a token that is good for everything.
ACTIVE = {"active": True, "username": "arnt", "scope": f"imap {JMAP_SCOPE}"}


def secretFile(test: SynchronousTestCase, secret: str = "s3cret-of-the-client") -> str:
    """
    @return: the name of a file that holds C{secret}.
    """
    name = test.mktemp()
    with open(os.open(name, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write(secret + "\n")
    return name


def httpAnswer(body: bytes, status: str = "200 OK") -> bytes:
    """
    @return: an HTTP response, as the octets on the wire.
    """
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


def jsonAnswer(answer: object, status: str = "200 OK") -> bytes:
    """
    @return: an HTTP response with JSON in it.
    """
    return httpAnswer(json.dumps(answer).encode(), status)


class FakeProvider(Factory):
    """
    An HTTP server on a real socket that does what a test wants.

    @ivar behave: called with a connection for every complete request.
    @ivar requests: the requests, each with its headers and body.
    @ivar connections: all that were ever made.
    """

    def __init__(self, behave: Callable[[FakeConnection], object]) -> None:
        self.behave = behave
        self.requests: list[bytes] = []
        self.connections: list[FakeConnection] = []

    def buildProtocol(self, addr: object) -> FakeConnection:
        connection = FakeConnection(self)
        self.connections.append(connection)
        return connection

    def listen(self, reactor: IReactorTCP, test: SynchronousTestCase) -> str:
        """
        @return: the URL where it listens until the test ends.
        """
        port = reactor.listenTCP(0, self, interface="127.0.0.1")
        test.addCleanup(port.stopListening)
        test.addCleanup(self.hangUp)
        return f"http://127.0.0.1:{port.getHost().port}/introspect"

    def hangUp(self) -> None:
        """
        Close all connections.
        """
        for connection in self.connections:
            if not connection.closed.called:
                connection.abort()

    @property
    def openConnections(self) -> int:
        """
        How many connections are open.
        """
        return sum(not connection.closed.called for connection in self.connections)


class FakeConnection(Protocol):
    """
    One connection to a L{FakeProvider}.

    @ivar number: how many requests came on it, this one included.
    @ivar closed: fires when it is closed.
    """

    def __init__(self, provider: FakeProvider) -> None:
        self.provider = provider
        self.number = 0
        self.closed: Deferred[None] = Deferred()
        self._received = b""

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if not end or len(body) < length:
            return
        self._received = body[length:]
        self.number += 1
        self.provider.requests.append(head + end + body[:length])
        self.provider.behave(self)

    def send(self, data: bytes) -> None:
        """
        Send octets.
        """
        self.transport.write(data)

    def abort(self) -> None:
        """
        Close at once.
        """
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed.callback(None)


class FakeNetwork(Network):
    """
    A way to servers that are not there.

    @ivar requests: method, URL, headers and body of each.
    @ivar responses: the Deferreds that it returned.
    @ivar cancelled: those that were cancelled.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.fresh: list[bool] = []
        self.responses: list[Deferred[Response]] = []
        self.cancelled: list[Deferred[Response]] = []

    def send(self, request: Request, body: bytes | None, fresh: bool = False) -> Deferred[Response]:
        """
        See L{Network.ask}.
        """
        head, _, sent = request.withBody(body).partition(b"\r\n\r\n")
        line, *fields = head.decode("ascii").split("\r\n")
        headers = dict(field.split(": ", 1) for field in fields)
        self.requests.append((line.split()[0], request.url, headers, sent))
        self.fresh.append(fresh)
        response: Deferred[Response] = Deferred(self.cancelled.append)
        self.responses.append(response)
        return response

    def close(self) -> Deferred[Any]:
        """
        See L{Network.close}.
        """
        return succeed(None)

    def answer(self, answer: object, status: int = 200, number: int = -1) -> None:
        """
        Response a request, the last one by default: L{bytes} as they are, anything else as JSON.
        """
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.responses[number].callback(Response(status, body))

    def form(self, number: int = -1) -> dict[str, str]:
        """
        @return: the form that a request carried.
        """
        body = self.requests[number][3]
        return dict(parse_qsl(body.decode(), strict_parsing=True))


class LogCatcher:
    """
    Collects what is logged while a test runs.
    """

    def __init__(self, test: SynchronousTestCase) -> None:
        self.events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(self.events.append)
        test.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def texts(self, level: LogLevel = LogLevel.error) -> list[str]:
        """
        @return: what was logged at C{level} by this package.
        """
        return [
            event["log_format"].format(**event)
            for event in self.events
            if event.get("log_level") is level and "txjmapaccess" in event["log_namespace"]
        ]

    def everything(self) -> str:
        """
        @return: every value of every event, to search for secrets.
        """
        return repr(self.events)
