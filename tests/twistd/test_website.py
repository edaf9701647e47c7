# -*- test-case-name: tests.twistd.test_website -*-
"""
HTTP connections when the service stops.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from txjmapaccess.twistd.shutdown import Connections
from txjmapaccess.twistd.website import StoppableSite

GET = b"GET /slow HTTP/1.1\r\nHost: x\r\n"


class Slow(Resource):
    """
    Answers when the test says so.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []

    def render_GET(self, request: Request) -> int:
        self.requests.append(request)
        return NOT_DONE_YET

    def answer(self) -> None:
        """
        Answer the oldest request.
        """
        request = self.requests.pop(0)
        request.write(b"done")
        request.finish()


class StoppableSiteTests(SynchronousTestCase):
    """
    L{StoppableSite}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.connections = Connections()
        self.resource = Slow()
        self.site = StoppableSite(self.resource, self.connections)
        # Its own would be the global one.
        self.site.reactor = self.clock  # type: ignore[misc]

    def connect(self) -> None:
        """
        Make C{self.channel} and C{self.transport}.
        """
        self.channel = self.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        self.transport = StringTransport()
        # A site writes its log with the time of day.
        self.site._updateLogDateTime()
        self.addCleanup(self.site._logDateTimeCall.cancel)
        self.channel.makeConnection(self.transport)

    def lose(self) -> None:
        """
        The transport does what it was told to.
        """
        self.assertTrue(self.transport.disconnecting)
        self.channel.connectionLost(Failure(ConnectionDone()))

    def test_persists(self) -> None:
        """
        While nothing ends, a connection stays for the next request.
        """
        self.connect()
        for _ in range(2):
            self.channel.dataReceived(GET + b"\r\n")
            self.resource.answer()
        self.assertEqual(self.transport.value().count(b"done"), 2)
        self.assertFalse(self.transport.disconnecting)
        self.transport.disconnecting = True
        self.lose()

    def test_quiet(self) -> None:
        """
        A connection that waits for a request ends at once.
        """
        self.connect()
        ended = self.connections.end(self.clock, 10)
        self.lose()
        self.successResultOf(ended)

    def test_inFlight(self) -> None:
        """
        A response that is under way is finished, and what was sent behind its request is not
        carried out.
        """
        self.connect()
        self.channel.dataReceived(GET + b"\r\n")
        ended = self.connections.end(self.clock, 10)
        self.channel.dataReceived(GET + b"\r\n")
        self.assertFalse(self.transport.disconnecting)
        self.resource.answer()
        self.assertIn(b"done", self.transport.value())
        self.assertEqual(self.resource.requests, [])
        self.assertNoResult(ended)
        self.lose()
        self.successResultOf(ended)

    def test_incomplete(self) -> None:
        """
        A request that is coming in is answered, and the response says that it is the last
        (RFC 9112, section 9.6).
        """
        self.connect()
        self.channel.dataReceived(GET)
        ended = self.connections.end(self.clock, 10)
        self.channel.dataReceived(b"\r\n")
        self.resource.answer()
        self.assertIn(b"connection: close", self.transport.value().lower())
        self.lose()
        self.successResultOf(ended)

    def test_late(self) -> None:
        """
        A connection that comes when all end is closed.
        """
        self.connections.end(self.clock, 10)
        self.connect()
        self.lose()
        self.assertEqual(len(self.connections), 0)
