# -*- test-case-name: tests.twistd.test_website -*-
"""
An HTTP server whose responses are finished before it stops.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from txjmapaccess.twistd.shutdown import Connections


class _Channel(HTTPChannel):
    """
    A connection that can end at once between two requests.
    """

    factory: Any
    transport: Any

    def connectionMade(self) -> None:
        """
        See L{twisted.internet.interfaces.IProtocol.connectionMade}.
        """
        super().connectionMade()
        self.factory.connections.opened(self)
        if self.factory.connections.areEnding:
            self.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See L{twisted.internet.interfaces.IProtocol.connectionLost}.
        """
        super().connectionLost(reason)
        self.factory.connections.closed(self)

    def finish(self) -> None:
        """
        See L{txjmapaccess.twistd.shutdown.Stoppable}.
        """
        if self.requests:
            self.persistent = False
        else:
            self.loseConnection()

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        """
        @return: whether another request may follow on this connection. The response says so.
        """
        persists = bool(super().checkPersistence(request, version))
        if self.factory.connections.areEnding:
            request.responseHeaders.setRawHeaders(b"connection", [b"close"])
            return False
        return persists


class StoppableSite(Site):
    """
    @param resource: what is served.
    @param connections: registers the connections of this site.
    """

    protocol: Any = _Channel

    def __init__(
        self, resource: IResource, connections: Connections, requestFactory: Any = None
    ) -> None:
        super().__init__(resource, requestFactory)
        self.connections = connections

    def acceptableProtocols(self) -> list[bytes]:
        """
        @return: the protocols to agree on within TLS: none, it is HTTP/1.1. Twisted 22.4 would
            change the common context for it, which pyOpenSSL no longer allows.
        """
        return []
