# -*- test-case-name: tests.twistd.test_proxyprotocol -*-
"""
The PROXY protocol (versions 1 and 2, as HAProxy specifies it), so that limits and logs see the
client and not the proxy.

Twisted's C{haproxy:} endpoint believes anybody, greets before it knows the peer, and expects the
header inside TLS. Here only the networks that the operator names are believed, the header comes
before TLS, and the protocol behind it is built when the peer is known.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address as IPv4
from ipaddress import IPv6Address as IPv6
from ipaddress import ip_address
from typing import Any

from twisted.internet import address
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import alsoProvides, directlyProvides, providedBy

from txjmapaccess.interfaces import IProtectedTransport

_V1_START = b"PROXY "
_V1_LONGEST = 107
_V2_START = b"\r\n\r\n\0\r\nQUIT\n"
_V2_HEADER = struct.Struct("!12sBBH")
#: Octets of addresses and extensions in a version 2 header; real ones have some hundred.
_V2_LONGEST = 4096
#: Seconds from connect to the end of the header.
_PATIENCE = 5


class BadProxyHeader(Exception):
    """
    The data is not a PROXY protocol header. The text quotes nothing of it.
    """


@dataclass(frozen=True)
class ProxyHeader:
    """
    @ivar client: host and port of the client, or L{None} if the proxy has connected for itself.
    @ivar rest: the data after the header.
    """

    client: tuple[str, int] | None
    rest: bytes


def parseHeader(data: bytes) -> ProxyHeader | None:
    """
    @param data: the data received so far.

    @return: the header, or L{None} if it is incomplete.

    @raise BadProxyHeader: if it is invalid.
    """
    if data.startswith(_V1_START[: len(data)]):
        return _parseV1(data)
    if data.startswith(_V2_START[: len(data)]):
        return _parseV2(data)
    raise BadProxyHeader("it does not begin like a PROXY protocol header")


def _parseV1(data: bytes) -> ProxyHeader | None:
    line, end, rest = data.partition(b"\r\n")
    if not end:
        if len(data) > _V1_LONGEST:
            raise BadProxyHeader("its line is too long")
        return None
    words = line.split(b" ")
    if words[1] == b"UNKNOWN":
        return ProxyHeader(None, rest)
    try:
        _, family, source, _, port, _ = words
        host = ip_address(source.decode("ascii"))
        number = int(port)
    except ValueError:
        raise BadProxyHeader("its line does not name a source address and a port") from None
    if host.version != {b"TCP4": 4, b"TCP6": 6}.get(family) or not 0 <= number <= 65535:
        raise BadProxyHeader("its line does not name a source address and a port")
    return ProxyHeader((str(host), number), rest)


def _parseV2(data: bytes) -> ProxyHeader | None:
    if len(data) < _V2_HEADER.size:
        return None
    _, command, family, length = _V2_HEADER.unpack_from(data)
    if command not in (0x20, 0x21) or length > _V2_LONGEST:
        raise BadProxyHeader("its version, command or length is unknown")
    end = _V2_HEADER.size + length
    if len(data) < end:
        return None
    body, rest = data[_V2_HEADER.size : end], data[end:]
    isLocal = command == 0x20
    return ProxyHeader(None if isLocal else _v2Client(family, body), rest)


def _v2Client(family: int, body: bytes) -> tuple[str, int] | None:
    try:
        if family == 0x11:
            source, _, port, _ = struct.unpack_from("!4s4sHH", body)
            return str(IPv4(source)), port
        if family == 0x21:
            source, _, port, _ = struct.unpack_from("!16s16sHH", body)
            return str(IPv6(source)), port
    except struct.error:
        raise BadProxyHeader("its addresses are incomplete") from None
    # Unspecified, a UNIX socket, or a datagram: no client address.
    return None


class _ProxiedConnection(ProtocolWrapper):
    """
    Reads the header, then becomes transparent. The wrapped protocol is built when the client is
    known.
    """

    factory: Any
    transport: Any
    wrappedProtocol: Any
    _log = Logger()
    _buffer = b""
    _client: Any = None
    _patience: IDelayedCall | None = None

    def makeConnection(self, transport: Any) -> None:
        """
        See L{twisted.internet.interfaces.IProtocol}.
        """
        directlyProvides(self, providedBy(transport))
        Protocol.makeConnection(self, transport)
        self.factory.registerProtocol(self)
        later = self.factory.reactor.callLater
        self._patience = later(_PATIENCE, self._give, "no header arrived in time")

    def getPeer(self) -> Any:
        """
        @return: the address of the client.
        """
        return self._client or super().getPeer()

    def dataReceived(self, data: bytes) -> None:
        """
        See L{twisted.internet.interfaces.IProtocol}.
        """
        if self.wrappedProtocol is not None:
            self.wrappedProtocol.dataReceived(data)
            return
        self._buffer += data
        try:
            header = parseHeader(self._buffer)
        except BadProxyHeader as e:
            self._give(str(e))
            return
        if header is not None:
            self._stopWaiting()
            if self.factory.endsTLS():
                alsoProvides(self, IProtectedTransport)
            self._begin(self._addressOf(header.client), header.rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See L{twisted.internet.interfaces.IProtocol}.
        """
        self._stopWaiting()
        if self.wrappedProtocol is None:
            self.factory.unregisterProtocol(self)
        else:
            super().connectionLost(reason)

    def _addressOf(self, client: tuple[str, int] | None) -> Any:
        if client is None:
            return super().getPeer()
        host, port = client
        kind = address.IPv6Address if ":" in host else address.IPv4Address
        return kind("TCP", host, port)

    def _begin(self, peer: Any, rest: bytes) -> None:
        self._client = peer
        self._buffer = b""
        wrapped = self.factory.wrappedFactory.buildProtocol(peer)
        if wrapped is None:
            self.transport.loseConnection()
            return
        self.wrappedProtocol = wrapped
        wrapped.makeConnection(self)
        if rest:
            wrapped.dataReceived(rest)

    def _give(self, problem: str) -> None:
        self._stopWaiting()
        self._log.warn(
            "Closed a connection from {proxy} with an invalid PROXY protocol header: {problem}",
            proxy=getattr(super().getPeer(), "host", None),
            problem=problem,
        )
        self.transport.abortConnection()

    def _stopWaiting(self) -> None:
        call, self._patience = self._patience, None
        if call is not None and call.active():
            call.cancel()


class ProxyProtocolFactory(WrappingFactory):  # type: ignore[type-arg,unused-ignore]
    """
    @param wrappedFactory: for the protocol after the header, TLS included.
    @param believes: whether the peer with this L{twisted.internet.interfaces.IAddress} is a proxy.
    @param endsTLS: whether connections from proxies count as protected.
    @param reactor: for the deadline of the header.
    """

    noisy = False

    def __init__(
        self,
        wrappedFactory: Any,
        believes: Callable[[Any], bool],
        endsTLS: Callable[[], bool],
        reactor: Any,
    ) -> None:
        super().__init__(wrappedFactory)
        self.believes = believes
        self.endsTLS = endsTLS
        self.reactor = reactor

    def buildProtocol(self, addr: Any) -> Any:
        """
        See L{twisted.internet.interfaces.IProtocolFactory}.
        """
        if self.believes(addr):
            return _ProxiedConnection(self, None)  # type: ignore[arg-type]
        return self.wrappedFactory.buildProtocol(addr)
