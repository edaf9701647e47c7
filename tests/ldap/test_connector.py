"""
Connections to one server, and what they tell about it; the connection that is searched.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.ldap.test_checker import TCPTransport
from tests.ldap.test_protocol import SEARCH
from tests.support.ldap import done
from txjmapaccess.ldap.connectionpool import Lease
from txjmapaccess.ldap.connector import Connector
from txjmapaccess.ldap.deadlines import Deadlines
from txjmapaccess.ldap.errors import ConnectionBroken
from txjmapaccess.ldap.protocol import LDAPConnection
from txjmapaccess.ldap.serviceaccount import ServiceConnection
from txjmapaccess.ldap.uri import parseURI


class ConnectorTestCase(SynchronousTestCase):
    """
    Has a connector.
    """

    def setUp(self) -> None:
        """
        Make it.
        """
        self.reactor = MemoryReactorClock()
        self.reactor.advance(1000)
        self.deadlines = Deadlines(self.reactor)
        uri = parseURI("ldap://127.0.0.1:10389")
        self.connector = Connector(self.reactor, self.deadlines, uri, None, False, 5.0)

    def connect(self) -> None:
        """
        Complete the newest attempt.
        """
        factory = self.reactor.tcpClients[-1][2]
        protocol = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 10389))
        protocol.makeConnection(TCPTransport())


class ConnectorTests(ConnectorTestCase):
    """
    L{Connector}.
    """

    def test_signsOfLife(self) -> None:
        """
        A connection says something about the server while it waits for an answer, and when it got
        one; and nothing any more once it has ended.
        """
        connected = Deferred.fromCoroutine(self.connector.connect(1005.0))
        self.connect()
        connection = self.successResultOf(connected)
        self.assertFalse(self.connector.isWaiting or self.connector.isResponding(0))
        searched = connection.search(SEARCH, 1005.0)
        self.assertTrue(self.connector.isWaiting)
        self.reactor.advance(1)
        connection.dataReceived(done(1))
        self.successResultOf(searched)
        self.assertFalse(self.connector.isWaiting)
        self.assertTrue(self.connector.isResponding(1000.5))
        self.assertFalse(self.connector.isResponding(1001.0))
        connection.abort(ConnectionBroken("x"))
        self.assertFalse(self.connector.isResponding(1000.5))


class ServiceConnectionTests(ConnectorTestCase):
    """
    L{ServiceConnection}.
    """

    def get(self, notThis: LDAPConnection | None = None) -> Deferred[Lease]:
        """
        Ask for the connection.
        """
        return Deferred.fromCoroutine(self.service.get(1005.0, notThis))

    def test_fresh(self) -> None:
        """
        The connection is used by all; who found it dead gets one that came after it, and that one
        is fresh for him.
        """
        self.service = ServiceConnection(self.reactor, self.deadlines, self.connector, None, 5.0)
        asked = self.get()
        self.connect()
        lease = self.successResultOf(asked)
        first = lease.connection
        self.assertIsNone(lease.idleSeconds)
        self.reactor.advance(1)
        self.assertEqual(self.successResultOf(self.get()).idleSeconds, 1.0)
        asked = self.get(first)
        end: Any = first.transport
        self.assertTrue(end.isAborted)
        first.connectionLost(Failure(ConnectionDone()))
        self.connect()
        second = self.successResultOf(asked).connection
        self.assertIsNot(second, first)
        late = self.successResultOf(self.get(first))
        self.assertEqual((late.connection, late.idleSeconds), (second, None))
