# -*- test-case-name: tests.test_limits -*-
"""
Tests for L{txjmapaccess.limits} and L{txjmapaccess.imap.connectionlimits}.
"""

from __future__ import annotations

from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.support.imap import Connection, makePortal
from txjmapaccess import limits
from txjmapaccess.limits import LIMITS, Limits
from txjmapaccess.logthrottle import MOST_EVENTS, PAUSE


def reachedEvents(case):
    """
    @return: a list that will hold the log events of limits until the end of a test.
    """
    events = []

    def observe(event):
        if event["log_namespace"] == "txjmapaccess.limitlog.LimitLog":
            events.append(event)

    globalLogPublisher.addObserver(observe)
    case.addCleanup(globalLogPublisher.removeObserver, observe)
    return events


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

    def test_bounded(self):
        """
        So many addresses are remembered; those that were quiet longest are forgotten, and those
        without a connection.
        """
        self.patch(limits, "_MOST_ADDRESSES", 2)
        for source in (*["192.0.2.1"] * 3, *["192.0.2.2"] * 2, "192.0.2.1", "192.0.2.3"):
            self.limits.refused(source)
        self.assertTrue(self.limits.isBlocked("192.0.2.1"))
        self.limits.refused("192.0.2.2")
        self.assertFalse(self.limits.isBlocked("192.0.2.2"))
        self.limits.enter("192.0.2.9")
        self.limits.loggedIn("192.0.2.9")
        self.assertEqual(self.limits._unauthenticated, {})

    def test_counters(self):
        """
        What there is, and which limits were reached, can be read at any time.
        """
        for source in ("192.0.2.1", "192.0.2.1", "192.0.2.1", None, None, None):
            self.limits.enter(source)
        counters = self.limits.counters
        self.assertEqual((counters.connections, counters.unauthenticated), (4, 4))
        self.limits.loggedIn(None)
        self.limits.loggedIn("192.0.2.1")
        self.limits.leave()
        self.assertEqual((counters.connections, counters.unauthenticated), (3, 2))
        for _ in range(3):
            self.limits.refused("192.0.2.2")
        self.limits.enter("192.0.2.2")
        expected = dict.fromkeys(LIMITS, 0) | {
            "connections": 1,
            "unauthenticated_per_address": 1,
            "failures_per_address": 1,
        }
        self.assertEqual(counters.reached, expected)

    def test_takenOver(self):
        """
        New limits go on with the connections of the old ones, which leave later.
        """
        for _ in range(3):
            self.limits.enter(None)
        new = Limits(connections=3, counters=self.limits.counters)
        self.assertIn(b"Too many connections", new.enter(None))
        self.limits.leave()
        self.assertIsNone(new.enter(None))


class LimitLogTests(SynchronousTestCase):
    """
    What the log says of limits that were reached.
    """

    def setUp(self):
        """
        Limits that are reached at once.
        """
        self.clock = Clock()
        self.limits = Limits(connections=0, seconds=self.clock.seconds)
        self.events = reachedEvents(self)

    def test_event(self):
        """
        An event names the limit, and who reached it where there is one.
        """
        self.limits.enter("192.0.2.1")
        self.limits.reached("failures_per_address", "192.0.2.1")
        found = [(e["event"], e["limit"], e["address"], formatEvent(e)) for e in self.events]
        self.assertEqual(
            found,
            [
                ("limit", "connections", None, "The limit connections was reached"),
                (
                    "limit",
                    "failures_per_address",
                    "192.0.2.1",
                    "The limit failures_per_address was reached by 192.0.2.1",
                ),
            ],
        )

    def test_onceAMinute(self):
        """
        Each limit is named once a minute for each source, however often it is reached.
        """
        for _ in range(240):
            for source in ("192.0.2.1", "192.0.2.2"):
                self.limits.reached("failures_per_address", source)
                self.limits.reached("login_seconds", source)
            self.clock.advance(0.5)
        self.assertEqual(len(self.events), 2 * 2 * 2)

    def test_flood(self):
        """
        A flood from ever new addresses is a hundred lines a minute, and one that says so.
        """
        for number in range(1000):
            self.limits.reached("login_seconds", f"10.0.{number // 256}.{number % 256}")
        self.assertEqual(len(self.events), MOST_EVENTS + 1)
        self.assertIn("not all are logged", formatEvent(self.events[-1]))
        self.assertEqual(self.limits.counters.reached["login_seconds"], 1000)
        self.clock.advance(PAUSE)
        self.limits.reached("login_seconds", "10.0.0.1")
        self.assertEqual(len(self.events), MOST_EVENTS + 2)


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

    def test_everyWay(self):
        """
        An address that is blocked may not try AUTHENTICATE either.
        """
        connection, other = self.connect(), self.connect()
        for _ in range(2):
            connection.send(b"a LOGIN arnt x")
        other.send(b"a LOGIN arnt x")
        answer = connection.send(b"b AUTHENTICATE PLAIN AGFybnQAdHJvbmRoZWlt")
        self.assertEqual([line[:5] for line in answer], [b"b NO ", b"* BYE"])

    def test_hangsUp(self):
        """
        Who hangs up before the answer is counted like one who was refused, but not one who has
        waited for so long as a refusal takes, nor, twice, one who leaves while it waits.
        """

        class Slow:
            credentialInterfaces = (IUsernamePassword,)

            def requestAvatarId(self, credentials):
                return fail(UnauthorizedLogin()) if credentials.username == b"no" else Deferred()

        portal = makePortal(checkers=[Slow()])
        for name, patience, isBlocked in (
            (b"u", 1.0, False),
            (b"u", 0.9, True),
            (b"no", 0.5, True),
        ):
            self.setUp()
            for tries in range(3):
                self.assertFalse(self.limits.isBlocked("192.0.2.1"), tries)
                connection = self.connect(portal=portal, refusalSeconds=1)
                connection.send(b"a LOGIN " + name + b" p")
                self.clock.advance(patience)
                connection.lose()
            self.assertEqual(self.limits.isBlocked("192.0.2.1"), isBlocked)

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
        self.assertEqual([line[:5] for line in third.greeting], [b"* BYE"])
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
        self.assertEqual(self.limits.counters.reached["login_seconds"], 1)

    def test_idle(self):
        """
        A client that is silent for long after its login has reached no limit.
        """
        connection = self.connect()
        connection.send(b"a LOGIN arnt trondheim")
        self.clock.advance(60 * 60)
        self.assertEqual(connection.received()[0][:5], b"* BYE")
        self.assertEqual(self.limits.counters.reached, dict.fromkeys(LIMITS, 0))

    def test_counted(self):
        """
        Connections are counted by state, and refused logins of one connection as a limit.
        """
        counters = self.limits.counters
        first, second = self.connect("127.0.0.1"), self.connect()
        first.send(b"a LOGIN arnt trondheim")
        self.assertEqual((counters.connections, counters.unauthenticated), (2, 1))
        for _ in range(3):
            second.send(b"a LOGIN arnt x")
        self.assertEqual(counters.reached["failures_per_connection"], 1)
        first.lose()
        second.lose()
        self.assertEqual((counters.connections, counters.unauthenticated), (0, 0))
