# -*- test-case-name: tests.integration.test_introspection_fake -*-
# mypy: allow-untyped-calls
"""
HTTP as a token checker needs it: small requests, small answers, connections that are kept alive.

L{twisted.web.client.Agent} follows no redirects, so a secret goes nowhere but to the URL that it
is meant for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.web.client import Agent, RequestTransmissionFailed, ResponseNeverReceived
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent

from txjmapaccess.errors import TemporaryFailure
from txjmapaccess.oauth.body import WholeBody, readBody
from txjmapaccess.oauth.connections import ServerEndpoints, makePool

#: Requests on their way at any time; others wait for their turn. That many connections are kept.
CONCURRENT = 64

#: An answer that is longer is none that a provider would give.
LONGEST_ANSWER = 65_536

_CLOSE_SECONDS = 1

_STALE = (RequestTransmissionFailed, ResponseNeverReceived)

#: Their texts hold nothing that was sent or received.
_HARMLESS = (ConnectError, ConnectionClosed, DNSLookupError, TLSError, VerificationError)


class Answer(NamedTuple):
    """
    An HTTP status and the body that came with it.
    """

    status: int
    body: bytes

    def jsonObject(self) -> dict[str, object] | None:
        """
        @return: the body, or L{None} when it is not a JSON object.
        """
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None


class HTTPClient:
    """
    @param reactor: provides L{twisted.internet.interfaces.IReactorTime} and what endpoints need.
    @param trustRoot: whose certificates are believed; L{None} for the system's.
    @param agent: makes all requests, if given. It should keep connections alive.
    @ivar closed: whether L{close} was called.
    """

    def __init__(self, reactor: Any, trustRoot: Any = None, agent: IAgent | None = None) -> None:
        endpoints = ServerEndpoints(reactor, trustRoot)
        self._pool = makePool(reactor, CONCURRENT)
        self._agent = agent or Agent.usingEndpointFactory(reactor, endpoints, self._pool)
        self._unpooled = agent or Agent.usingEndpointFactory(reactor, endpoints)
        self._turns = DeferredSemaphore(CONCURRENT)
        self._reactor = reactor
        self.closed = False

    async def get(self, url: str, headers: Headers) -> Answer:
        """
        See L{post}.
        """
        return await self._request(b"GET", url, headers, None)

    async def post(self, url: str, headers: Headers, body: bytes) -> Answer:
        """
        @return: the answer, whatever its status is. Cancelling closes the connection.

        @raise TemporaryFailure: when there is no complete answer. Its text names the URL and what
            went wrong.
        """
        return await self._request(b"POST", url, headers, body)

    def close(self) -> Deferred[None]:
        """
        Close all connections that are idle, and make no others.

        @return: a Deferred that fires when they are closed, and after a second at the latest.
        """
        self.closed = True
        over: Deferred[None] = Deferred()
        # Over TLS the other side has a say in it, and may have nothing to say.
        timer = self._reactor.callLater(_CLOSE_SECONDS, over.callback, None)

        def closed(_: object) -> None:
            if timer.active():
                timer.cancel()
                over.callback(None)

        self._pool.closeCachedConnections().addCallback(closed)
        return over

    async def _request(
        self, method: bytes, url: str, headers: Headers, body: bytes | None
    ) -> Answer:
        await self._turns.acquire()
        try:
            return await self._twice(method, url, headers, body)
        except Exception as e:
            if any(isinstance(cause, CancelledError) for cause in _causes(e)):
                raise CancelledError() from None
            # Not "from e": its traceback holds the request.
            raise TemporaryFailure(f"{url} could not be asked: {describe(e)}") from None
        finally:
            self._turns.release()

    async def _twice(self, method: bytes, url: str, headers: Headers, body: bytes | None) -> Answer:
        """
        Once, and once more on a new connection when the first one was closed before anything
        came: most likely it had been idle for too long. Agent repeats no POST, since that could
        do something twice; introspection only asks.
        """
        try:
            return await _ask(self._agent, method, url, headers, body)
        except _STALE as e:
            if not all(isinstance(cause, ConnectionClosed) for cause in _causes(e)):
                raise
        return await _ask(self._unpooled, method, url, headers, body)


async def _ask(
    agent: IAgent, method: bytes, url: str, headers: Headers, body: bytes | None
) -> Answer:
    producer = None if body is None else WholeBody(body)
    response = await agent.request(method, url.encode(), headers, producer)
    return Answer(response.code, await readBody(response, LONGEST_ANSWER))


def _causes(error: object) -> Iterator[object]:
    """
    Agent wraps what went wrong, possibly more than once.
    """
    reasons = getattr(error, "reasons", None)
    if not isinstance(reasons, list):
        yield error
        return
    for reason in reasons:
        yield from _causes(reason.value)


def describe(error: Exception) -> str:
    """
    @return: what went wrong, for the log. Texts that could hold what was sent or received are left
        out.
    """
    return "; ".join(
        f"{type(cause).__name__}: {cause}" if isinstance(cause, _HARMLESS) else type(cause).__name__
        for cause in _causes(error)
    )
