# -*- test-case-name: tests.test_limits -*-
"""
Tests for L{txjmapaccess.limits} and L{txjmapaccess.imap.admission}.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.support_imap import Connection
from txjmapaccess.limits import Limits


class LimitsTests(SynchronousTestCase):
    """
    Counting, without connections.
    """

    def setUp(self):
        """
        Small limits.
        """
        self.clock = Clock()
        self.limits = Limits(
            connections=4,
            unauthenticatedPerAddress=2,
            failuresPerAddress=3,
            window=60,
            seconds=self.clock.seconds,
        )

    def source(self, host):
        """
        @return: what an address is counted under.
        """
        return self.limits.source(IPv4Address("TCP", host, 1))

    def test_sources(self):
        """
        IPv4 addresses count one by one, IPv6 by /64, mapped ones as IPv4; loopback and UNIX sockets
        are exempt.
        """
        self.assertEqual(self.source("192.0.2.1"), "192.0.2.1")
        self.assertEqual(self.source("::ffff:192.0.2.1"), "192.0.2.1")
        self.assertEqual(self.source("2001:db8::1"), self.source("2001:db8::ffff:1"))
        self.assertNotEqual(self.source("2001:db8::1"), self.source("2001:db8:0:1::1"))
        self.assertEqual(self.source("fe80::1%eth0"), self.source("fe80::2"))
        for host in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"):
            self.assertIsNone(self.source(host))
        self.assertIsNone(self.limits.source(UNIXAddress("/run/imap")))

    def test_window(self):
        """
        Refused logins count for as long as the window is.
        """
        for _ in range(2):
            self.limits.refused("192.0.2.1")
        self.clock.advance(30)
        self.assertFalse(self.limits.isBlocked("192.0.2.1"))
        self.limits.refused("192.0.2.1")
        self.assertTrue(self.limits.isBlocked("192.0.2.1"))
        self.assertFalse(self.limits.isBlocked("192.0.2.2"))
        self.clock.advance(31)
        self.assertFalse(self.limits.isBlocked("192.0.2.1"))

    def test_exemptNeverBlocked(self):
        """
        What is exempt is never blocked.
        """
        for _ in range(100):
            self.limits.refused(None)
        self.assertFalse(self.limits.isBlocked(None))

    def test_connections(self):
        """
        All connections count, until they leave.
        """
        sources = ["192.0.2.1", "192.0.2.2", None, None]
        self.assertEqual([self.limits.enter(s) for s in sources], [None] * 4)
        self.assertIn(b"Too many connections", self.limits.enter(None))
        self.limits.leave()
        self.assertIsNone(self.limits.enter(None))

    def test_unauthenticated(self):
        """
        One address may have so many connections that are not logged in.
        """
        self.limits.enter("192.0.2.1")
        self.limits.enter("192.0.2.1")
        self.assertIn(b"from your address", self.limits.enter("192.0.2.1"))
        self.assertIsNone(self.limits.enter("192.0.2.2"))
        self.limits.loggedIn("192.0.2.1")
        self.assertIsNone(self.limits.enter("192.0.2.1"))


class AdmissionTests(SynchronousTestCase):
    """
    The limits as a client meets them.
    """

    def setUp(self):
        """
        Limits and a clock that connections share.
        """
        self.clock = Clock()
        self.limits = Limits(
            connections=3,
            unauthenticatedPerAddress=2,
            failuresPerAddress=3,
            window=60,
            seconds=self.clock.seconds,
        )

    def connect(self, host="192.0.2.1", **attributes):
        """
        @return: a connection from an address.
        """
        transport = StringTransport(peerAddress=IPv4Address("TCP", host, 1))
        attributes.setdefault("limits", self.limits)
        return Connection(transport=transport, clock=self.clock, **attributes)

    def test_perConnection(self):
        """
        After three refused logins the connection ends with BYE.
        """
        connection = self.connect(limits=None)
        for tag in (b"a", b"b"):
            self.assertEqual(connection.send(tag + b" LOGIN arnt x")[0][:5], tag + b" NO ")
        answer = connection.send(b"c LOGIN arnt x", b"d LOGIN arnt trondheim")
        self.assertEqual([line[:5] for line in answer], [b"c NO ", b"* BYE"])
        self.assertTrue(connection.transport.disconnecting)

    def test_perAddress(self):
        """
        An address with too many refused logins is sent away, on old connections and on new ones,
        until the window has passed; others are not.
        """
        first, second = self.connect(), self.connect()
        for _ in range(2):
            first.send(b"a LOGIN arnt x")
        second.send(b"a LOGIN arnt x")
        answer = second.send(b"b LOGIN arnt trondheim")
        self.assertEqual([line[:5] for line in answer], [b"b NO ", b"* BYE"])
        first.lose()
        second.lose()
        self.assertEqual(self.connect().greeting[0][:24], b"* BYE [UNAVAILABLE] Too ")
        self.assertEqual(self.connect("192.0.2.2").greeting[0][:4], b"* OK")
        self.clock.advance(61)
        self.assertEqual(self.connect().greeting[0][:4], b"* OK")

    def test_temporaryFailuresDoNotCount(self):
        """
        A back end that is down locks nobody out.
        """
        connection = self.connect(portal=None)
        connection.server.portal.checkers.clear()
        for _ in range(10):
            self.assertIn(b"[UNAVAILABLE]", connection.send(b"a LOGIN arnt trondheim")[0])

    def test_unauthenticated(self):
        """
        A third connection that has not logged in is one too many; a login makes room.
        """
        first, _ = self.connect(), self.connect()
        third = self.connect()
        self.assertEqual(third.greeting[0][:5], b"* BYE")
        self.assertTrue(third.transport.disconnecting)
        third.lose()
        first.send(b"a LOGIN arnt trondheim")
        self.assertEqual(self.connect().greeting[0][:4], b"* OK")

    def test_left(self):
        """
        Connections that have gone count no more, logged in or not.
        """
        for _ in range(10):
            first, second = self.connect(), self.connect()
            first.send(b"a LOGIN arnt trondheim")
            first.lose()
            second.lose()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_loginSeconds(self):
        """
        A client that keeps talking and does not log in is sent away in time; one that has is not.
        """
        slow, quick = self.connect(loginSeconds=30), self.connect(loginSeconds=30)
        quick.send(b"a LOGIN arnt trondheim")
        for _ in range(3):
            self.assertEqual(slow.send(b"a NOOP")[0][:4], b"a OK")
            self.clock.advance(9)
        self.clock.advance(4)
        self.assertEqual(slow.received()[0][:5], b"* BYE")
        self.assertEqual(quick.received(), [])
