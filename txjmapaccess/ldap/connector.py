# -*- test-case-name: tests.ldap.test_connector -*-
"""
Connects to a server: TCP, then TLS if configured, and no request before that.
"""

from __future__ import annotations

import contextlib
import socket
from ipaddress import ip_address
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    DNSLookupError,
    TimeoutError,
)
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory

from txjmapaccess.ldap.deadlines import Deadlines
from txjmapaccess.ldap.errors import ConnectionBroken, DeadlineExceeded, ServerFailed
from txjmapaccess.ldap.protocol import LDAPConnection
from txjmapaccess.ldap.settings import LDAPSettings
from txjmapaccess.ldap.tlssettings import ContextFactory, TLSSettings
from txjmapaccess.ldap.uri import ServerURI

_T = TypeVar("_T")

#: Seconds of silence before the kernel asks whether the peer is there, and between questions.
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


class Connector:
    """
    Makes connections to one server.

    @param contextFactory: for TLS, or L{None} for none.
    @param starttls: whether to start TLS with StartTLS.
    @param timeout: seconds after which unacknowledged data ends a connection (TCP_USER_TIMEOUT).
    """

    def __init__(
        self,
        reactor: Any,
        deadlines: Deadlines,
        uri: ServerURI,
        contextFactory: ContextFactory | None,
        starttls: bool,
        timeout: float,
    ) -> None:
        self._reactor = reactor
        self._deadlines = deadlines
        self._contextFactory = contextFactory
        self._uri = uri
        self._starttls = starttls
        self._timeout = timeout
        self._endpoint = _endpoint(reactor, uri)
        #: Attempts in progress, and why they were aborted.
        self._attempts: dict[Deferred[Any], ServerFailed | None] = {}
        self._connections: set[LDAPConnection] = set()
        self._closing: list[Deferred[None]] = []

    async def connect(self, deadline: float) -> LDAPConnection:
        """
        @param deadline: a time of the clock, in seconds.

        @raise ServerFailed: see L{txjmapaccess.ldap.errors}.
        """
        connection = LDAPConnection(self._reactor, self._deadlines)
        factory = Factory.forProtocol(lambda: connection)
        factory.noisy = False
        await self._connected(self._endpoint.connect(factory), deadline)
        self._connections.add(connection)
        connection.whenLost.append(self._lost)
        self._tune(connection)
        await self._secure(connection, deadline)
        return connection

    @property
    def isWaiting(self) -> bool:
        """
        Whether a request, or a TLS handshake, waits for a response.
        """
        return any(connection.isWaiting for connection in self._connections)

    def isResponding(self, since: float) -> bool:
        """
        @param since: a time of the clock, in seconds.

        @return: whether a usable connection has received a response since then.
        """
        return any(c.usable and c.lastResponse > since for c in self._connections)

    def abort(self, reason: ServerFailed) -> None:
        """
        Abort every connection and attempt: everything that waits fails with C{reason}.
        """
        for attempt in list(self._attempts):
            self._attempts[attempt] = reason
            attempt.cancel()
        for connection in list(self._connections):
            connection.abort(reason)

    def allClosed(self) -> Deferred[None]:
        """
        @return: a Deferred that fires when all connections and attempts have ended.
        """
        closed: Deferred[None] = Deferred()
        self._closing.append(closed)
        self._fireWhenClosed()
        return closed

    def _lost(self, connection: LDAPConnection) -> None:
        self._connections.discard(connection)
        self._fireWhenClosed()

    def _fireWhenClosed(self) -> None:
        if not self._connections and not self._attempts:
            closing, self._closing = self._closing, []
            for closed in closing:
                closed.callback(None)

    async def _connected(self, connecting: Deferred[Any], deadline: float) -> None:
        self._attempts[connecting] = None
        late = self._deadlines.add(deadline, connecting.cancel)
        try:
            await connecting
        except (CancelledError, ConnectingCancelledError):
            reason = self._attempts[connecting]
            if reason is not None:
                raise reason from None
            if self._reactor.seconds() >= deadline:
                raise DeadlineExceeded("could not connect in time") from None
            raise CancelledError() from None
        except (ConnectError, DNSLookupError, TimeoutError, OSError) as e:
            raise ConnectionBroken(f"could not connect ({e})") from None
        finally:
            late.cancel()
            del self._attempts[connecting]
            self._fireWhenClosed()

    async def _secure(self, connection: LDAPConnection, deadline: float) -> None:
        if self._uri.isTLS:
            await connection.beginTLS(self._contextFactory, deadline)
        elif self._starttls:
            await connection.startTLS(self._contextFactory, deadline)

    def _tune(self, connection: LDAPConnection) -> None:
        transport: Any = connection.transport
        transport.setTcpNoDelay(True)
        transport.setTcpKeepAlive(True)
        with contextlib.suppress(AttributeError, OSError):
            # Not every platform has these, and not every transport a socket.
            handle = transport.getHandle()
            for name, value in _KEEPALIVE.items():
                handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
            milliseconds = max(1000, int(self._timeout * 1000))
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def makeConnector(
    reactor: Any,
    deadlines: Deadlines,
    settings: LDAPSettings,
    uri: ServerURI,
    tls: TLSSettings | None,
) -> Connector:
    """
    @param uri: one of the servers of C{settings}.
    @param tls: how to verify it; L{None} when no server is reached over TLS.
    """
    usesTLS = tls is not None and (uri.isTLS or settings.starttls)
    contextFactory = tls.forHost(uri.host) if tls is not None and usesTLS else None
    timeout = float(settings.timeout)
    return Connector(reactor, deadlines, uri, contextFactory, settings.starttls, timeout)


def _endpoint(reactor: Any, uri: ServerURI) -> IStreamClientEndpoint:
    try:
        address = ip_address(uri.host)
    except ValueError:
        return HostnameEndpoint(reactor, uri.host.encode("ascii"), uri.port)
    kind = TCP4ClientEndpoint if address.version == 4 else TCP6ClientEndpoint
    return kind(reactor, uri.host, uri.port)
