# -*- test-case-name: tests.twistd.test_proxyprotocol -*-
"""
Tests for L{txjmapaccess.twistd.proxyprotocol}.
"""

from __future__ import annotations

import contextlib
import struct
from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.haproxy._v1parser import V1Parser
from twisted.protocols.haproxy._v2parser import V2Parser
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.hosts import isIn
from txjmapaccess.interfaces import IProtectedTransport
from txjmapaccess.twistd.config import LimitSettings
from txjmapaccess.twistd.connectionsettings import ConnectionSettings
from txjmapaccess.twistd.proxyprotocol import (
    BadProxyHeader,
    ProxyProtocolFactory,
    parseHeader,
)

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
PROXY = IPv4Address("TCP", "192.0.2.10", 40000)
CLIENT = IPv4Address("TCP", "203.0.113.9", 5555)
V1 = b"PROXY TCP4 203.0.113.9 10.0.0.1 5555 993\r\n"


def v2(command, family, body):
    """
    @return: a version 2 header.
    """
    return SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


V2 = v2(0x21, 0x11, ip_address("203.0.113.9").packed + b"\n\0\0\1" + struct.pack("!HH", 5555, 993))


class ParseTests(SynchronousTestCase):
    """
    L{parseHeader}.
    """

    def test_v1(self):
        """
        Version 1: IPv4, IPv6, and what stands behind the header.
        """
        header = parseHeader(V1 + b"a NOOP\r\n")
        self.assertEqual((header.client, header.rest), (("203.0.113.9", 5555), b"a NOOP\r\n"))
        header = parseHeader(b"PROXY TCP6 2001:db8::1 ::1 5555 993\r\n")
        self.assertEqual(header.client, ("2001:db8::1", 5555))

    def test_v2(self):
        """
        Version 2: IPv4, IPv6 with extensions, and what stands behind the header.
        """
        header = parseHeader(V2 + b"a NOOP\r\n")
        self.assertEqual((header.client, header.rest), (("203.0.113.9", 5555), b"a NOOP\r\n"))
        body = ip_address("2001:db8::1").packed + bytes(16) + struct.pack("!HH", 5555, 993)
        header = parseHeader(v2(0x21, 0x21, body + b"\x04\0\x01x"))
        self.assertEqual((header.client, header.rest), (("2001:db8::1", 5555), b""))

    def test_proxyForItself(self):
        """
        A proxy may speak for itself: UNKNOWN, LOCAL, and families that are no IP.
        """
        for data in (
            b"PROXY UNKNOWN\r\n",
            b"PROXY UNKNOWN a b c d\r\n",
            v2(0x20, 0x00, b""),
            v2(0x20, 0x11, V2[-12:]),
            v2(0x21, 0x31, bytes(216)),
            v2(0x21, 0x00, b""),
        ):
            self.assertIsNone(parseHeader(data).client)

    def test_incomplete(self):
        """
        Every part of a header leaves room for the rest.
        """
        for data in (V1, V2):
            for size in range(len(data)):
                self.assertIsNone(parseHeader(data[:size]))

    def test_bad(self):
        """
        What is no header is refused, and the text shows nothing of it.
        """
        for data in (
            b"a NOOP\r\n",
            b"\x16\x03\x01",
            b"PROXY TCP4 1.2.3 10.0.0.1 1 2\r\n",
            b"PROXY TCP6 1.2.3.4 10.0.0.1 1 2\r\n",
            b"PROXY TCP4 1.2.3.4 10.0.0.1 70000 2\r\n",
            b"PROXY TCP4 1.2.3.4 10.0.0.1 1\r\n",
            b"PROXY " + b"x" * 200,
            v2(0x31, 0x11, bytes(12)),
            v2(0x21, 0x11, bytes(4)),
            SIGNATURE + b"\x21\x11\xff\xff",
        ):
            problem = self.assertRaises(BadProxyHeader, parseHeader, data)
            self.assertNotIn("1.2.3", str(problem))

    @given(st.ip_addresses(), st.integers(0, 65535), st.binary(max_size=20))
    def test_asTwistedUnderstandsIt(self, host, port, rest):
        """
        Twisted's own parsers understand the same of what is legal.
        """
        family = b"TCP%d" % (4 if host.version == 4 else 6)
        text = str(host).encode()
        line = b"PROXY %b %b %b %d 993\r\n" % (family, text, text, port)
        binary = v2(
            0x21,
            0x11 if host.version == 4 else 0x21,
            host.packed * 2 + struct.pack("!HH", port, 993),
        )
        for data, parser in ((line, V1Parser()), (binary, V2Parser())):
            info, remaining = parser.feed(data + rest)
            header = parseHeader(data + rest)
            self.assertEqual(
                (ip_address(header.client[0]), header.client[1], header.rest),
                (ip_address(info.source.host), info.source.port, remaining),
            )

    @given(st.binary())
    def test_anyOctets(self, octets):
        """
        Any octets are a header, the beginning of one, or refused.
        """
        for start in (b"", b"PROXY ", SIGNATURE):
            with contextlib.suppress(BadProxyHeader):
                parseHeader(start + octets)


class Recorder(Protocol):
    """
    Remembers what it got.
    """

    def connectionMade(self):
        """
        Greet.
        """
        self.data = b""
        self.lost = False
        self.transport.write(b"* OK\r\n")

    def dataReceived(self, data):
        """
        Remember.
        """
        self.data += data

    def connectionLost(self, reason):
        """
        Remember.
        """
        self.lost = True


class FactoryTests(SynchronousTestCase):
    """
    L{ProxyProtocolFactory}.
    """

    def setUp(self):
        """
        A factory that believes one network.
        """
        self.built = []
        self.clock = Clock()
        self.endsTLS = False

        class Inner(Factory):
            def buildProtocol(inner, address):
                protocol = Recorder()
                self.built.append((address, protocol))
                return protocol

        self.factory = ProxyProtocolFactory(
            Inner(),
            lambda peer: isIn([ip_network("192.0.2.0/24")], peer.host),
            lambda: self.endsTLS,
            self.clock,
        )

    def connect(self, peer):
        """
        @return: the protocol for a connection from C{peer}, and its transport.
        """
        protocol = self.factory.buildProtocol(peer)
        transport = StringTransport(peerAddress=peer)
        transport.abortConnection = transport.loseConnection
        protocol.makeConnection(transport)
        return protocol, transport

    def test_others(self):
        """
        Who is not a proxy is not asked for a header, and one that he sends is not believed.
        """
        protocol, transport = self.connect(CLIENT)
        self.assertEqual(transport.value(), b"* OK\r\n")
        protocol.dataReceived(V1)
        self.assertEqual(self.built[0][1].data, V1)
        self.assertEqual(self.built[0][1].transport.getPeer(), CLIENT)

    def test_proxy(self):
        """
        Nobody is greeted before the header has come; then the protocol is built for the client, and
        it gets what follows. It does not matter how the octets arrive.
        """
        for data in (V1, V2):
            for size in (1, 7, len(data), len(data) + 8):
                self.built.clear()
                protocol, transport = self.connect(PROXY)
                self.assertEqual((self.built, transport.value()), ([], b""))
                octets = data + b"a NOOP\r\n"
                for start in range(0, len(octets), size):
                    protocol.dataReceived(octets[start : start + size])
                ((address, inner),) = self.built
                self.assertEqual((address, inner.data), (CLIENT, b"a NOOP\r\n"))
                self.assertEqual(inner.transport.getPeer(), CLIENT)
                self.assertFalse(IProtectedTransport.providedBy(inner.transport))
                self.clock.advance(10)
                self.assertFalse(transport.disconnecting)
                protocol.connectionLost(Failure(ConnectionDone()))
                self.assertTrue(inner.lost)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_endsTLS(self):
        """
        Where the proxies end TLS their connections count as protected.
        """
        self.endsTLS = True
        protocol, _ = self.connect(PROXY)
        protocol.dataReceived(V1)
        self.assertTrue(IProtectedTransport.providedBy(self.built[0][1].transport))

    def test_proxyForItself(self):
        """
        A health check is the proxy's own.
        """
        protocol, _ = self.connect(PROXY)
        protocol.dataReceived(b"PROXY UNKNOWN\r\n")
        self.assertEqual(self.built[0][0], PROXY)

    def test_badHeader(self):
        """
        A proxy without a header is cut off.
        """
        protocol, transport = self.connect(PROXY)
        protocol.dataReceived(b"a LOGIN u p\r\n")
        self.assertTrue(transport.disconnecting)
        protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual((self.built, self.clock.getDelayedCalls()), ([], []))

    def test_silence(self):
        """
        So is one that says nothing.
        """
        _, transport = self.connect(PROXY)
        self.clock.advance(4)
        self.assertFalse(transport.disconnecting)
        self.clock.advance(2)
        self.assertTrue(transport.disconnecting)

    def test_networks(self):
        """
        Networks of both families, mapped addresses, and peers without an address.
        """
        networks = (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))
        settings: Any = ConnectionSettings(
            None, None, False, frozenset(), True, None, LimitSettings(), proxies=networks
        )
        for host, expected in (
            ("192.0.2.1", True),
            ("::ffff:192.0.2.1", True),
            ("2001:db8::1", True),
            ("198.51.100.1", False),
            ("not an address", False),
        ):
            self.assertEqual(isIn(networks, host), expected)
            self.assertEqual(settings.believes(IPv4Address("TCP", host, 1)), expected)
        self.assertFalse(settings.believes(object()))
