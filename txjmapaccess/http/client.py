# -*- test-case-name: tests.http.test_client -*-
"""
An HTTP client for small requests and responses over connections that are kept alive.

Redirects are not followed, so a secret is sent only to the URL that it is for.
L{twisted.web.client.Agent} costs three times as much for each request, more than the rest of a
login.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.interfaces import IStreamClientEndpoint

from txjmapaccess.errors import TemporaryFailure
from txjmapaccess.http.keepalivepool import ConnectionStale, KeepAlivePool
from txjmapaccess.http.request import Origin, Request
from txjmapaccess.http.response import LONGEST_RESPONSE, BrokenResponse, Response
from txjmapaccess.http.tls import verifiedTLS

#: Requests in flight at one time; others wait.
CONCURRENT = 64

_REQUEST_TIMEOUT = 408

#: Their texts hold nothing that was sent or received.
_HARMLESS = (
    BrokenResponse,
    ConnectError,
    ConnectionClosed,
    DNSLookupError,
    TLSError,
    VerificationError,
)


class Network:
    """
    The connections to all servers.

    @param trustRoot: the trusted CAs; L{None} for those of the system.
    @param longest: most octets of the body of a response.
    """

    def __init__(
        self, reactor: Any, trustRoot: Any = None, longest: int = LONGEST_RESPONSE
    ) -> None:
        self._reactor = reactor
        self._longest = longest
        self._trustRoot = trustRoot
        self._pools: dict[Origin, KeepAlivePool] = {}

    def send(self, request: Request, body: bytes | None, fresh: bool = False) -> Deferred[Response]:
        """
        See L{KeepAlivePool.send}.
        """
        pool = self._pools.get(request.origin)
        if pool is None:
            endpoint = self._endpoint(request.origin)
            pool = self._pools[request.origin] = KeepAlivePool(
                self._reactor, endpoint, self._longest
            )
        return pool.send(request.withBody(body), fresh)

    def close(self) -> Deferred[Any]:
        """
        See L{KeepAlivePool.close}.
        """
        return gatherResults([pool.close() for pool in self._pools.values()])

    def _endpoint(self, server: Origin) -> IStreamClientEndpoint:
        endpoint = HostnameEndpoint(self._reactor, server.host.encode("ascii"), server.port)
        if server.scheme == "http":
            return endpoint
        return wrapClientTLS(verifiedTLS(server.host, self._trustRoot), endpoint)


class HTTPClient:
    """
    @param network: sends the requests.
    @ivar closed: whether L{close} was called.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._busy = 0
        self._waiting: deque[Deferred[None]] = deque()
        self.closed = False

    async def send(self, request: Request, body: bytes | None = None) -> Response:
        """
        @return: the response, whatever its status. Cancelling closes the connection.

        @raise TemporaryFailure: if there is no complete response. Its text names the URL and the
            problem.
        """
        # A Deferred only if there is something to wait for.
        if self._busy >= CONCURRENT:
            await self._turn()
        self._busy += 1
        try:
            return await self._sendWithRetry(request, body)
        except CancelledError:
            raise
        except Exception as e:
            # Not "from e": its traceback holds the request.
            raise TemporaryFailure(f"the request to {request.url} failed: {describe(e)}") from None
        finally:
            self._busy -= 1
            if self._waiting:
                self._waiting.popleft().callback(None)

    def close(self) -> Deferred[Any]:
        """
        Close all connections.

        @return: a Deferred that fires when they are closed, and soon in any case.
        """
        self.closed = True
        return self._network.close()

    def _turn(self) -> Deferred[None]:
        turn: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(turn)
        return turn

    async def _sendWithRetry(self, request: Request, body: bytes | None) -> Response:
        """
        Send a request, and retry it once on a new connection if the first one was closed without a
        response, or with a request timeout (RFC 9110, section 15.5.9): most likely it had been idle
        for too long. Introspection has no side effects, so a POST can be repeated.
        """
        try:
            response = await self._network.send(request, body)
        except ConnectionStale:
            pass
        else:
            if response.status != _REQUEST_TIMEOUT:
                return response
        return await self._network.send(request, body, fresh=True)


def describe(error: Exception) -> str:
    """
    @return: what went wrong, for the log, without texts that could quote what was sent or
        received.
    """
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, _HARMLESS) else name
