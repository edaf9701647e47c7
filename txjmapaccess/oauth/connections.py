# -*- test-case-name: tests.integration.test_introspection_fake -*-
# mypy: allow-untyped-calls
"""
Agents that make few connections and keep them.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import platformTrust
from twisted.web.client import URI, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

#: Seconds after which an idle connection is closed: before the other side closes it (node does
#: after five), because a request that meets that is lost.
IDLE_SECONDS = 4


def makePool(reactor: Any, size: int) -> HTTPConnectionPool:
    """
    @param size: how many idle connections are kept.
    """
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost = size
    pool.cachedConnectionTimeout = IDLE_SECONDS
    # It would repeat a GET only; HTTPClient repeats everything.
    pool.retryAutomatically = False
    return pool


@implementer(IAgentEndpointFactory)
class ServerEndpoints:
    """
    One endpoint for each server. L{Agent} would make a new one for each request, also when it has
    a connection, and with it a TLS context.
    """

    def __init__(self, reactor: Any, trustRoot: Any) -> None:
        self._reactor = reactor
        self._policy = BrowserLikePolicyForHTTPS(
            platformTrust() if trustRoot is None else trustRoot
        )
        self._endpoints: dict[tuple[bytes, bytes, int], IStreamClientEndpoint] = {}

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        server = (uri.scheme, uri.host, uri.port)
        if server not in self._endpoints:
            self._endpoints[server] = self._make(*server)
        return self._endpoints[server]

    def _make(self, scheme: bytes, host: bytes, port: int) -> IStreamClientEndpoint:
        endpoint = HostnameEndpoint(self._reactor, host, port)
        if scheme == b"http":
            return endpoint
        return wrapClientTLS(self._policy.creatorForNetloc(host, port), endpoint)
