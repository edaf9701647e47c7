# -*- test-case-name: tests.integration.test_introspection_fake -*-
# mypy: allow-untyped-calls
"""
HTTP as a token checker needs it: small requests, small answers, connections that are kept alive,
and nothing that outlives its Deferred.

L{twisted.web.client.Agent} follows no redirects, so a secret goes nowhere but to the URL that it
is meant for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, fail, succeed
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import platformTrust
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    BrowserLikePolicyForHTTPS,
    HostnameCachingHTTPSPolicy,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseNeverReceived,
)
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from txjmapaccess.errors import TemporaryFailure

#: Requests on their way at any time; others wait for their turn. That many connections are kept.
CONCURRENT = 64

#: Seconds after which an idle connection is closed: before the other side closes it (node does
#: after five), because a request that meets that is lost.
IDLE_SECONDS = 4

#: An answer that is longer is none that a provider would give.
LONGEST_ANSWER = 65_536

_STALE = (RequestTransmissionFailed, ResponseNeverReceived)


class AnswerTooLong(Exception):
    """
    An answer of more than L{LONGEST_ANSWER} octets.
    """


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
        self._pool = _makePool(reactor)
        policy = HostnameCachingHTTPSPolicy(
            BrowserLikePolicyForHTTPS(platformTrust() if trustRoot is None else trustRoot)
        )
        # By position the pool would become the policy, and nothing would be kept alive.
        self._agent = agent or Agent(reactor, contextFactory=policy, pool=self._pool)
        self._unpooled = agent or Agent(reactor, contextFactory=policy)
        self._turns = DeferredSemaphore(CONCURRENT)
        self._requests: set[Deferred[Answer]] = set()
        self.closed = False

    def get(self, url: str, headers: Headers) -> Deferred[Answer]:
        """
        See L{post}.
        """
        return self._request(b"GET", url, headers, None)

    def post(self, url: str, headers: Headers, body: bytes) -> Deferred[Answer]:
        """
        @return: a Deferred of the L{Answer}, whatever its status is. Cancelling it closes the
            connection. It fails with L{TemporaryFailure}, whose text
            names the URL and what went wrong, when there is no complete answer.
        """
        return self._request(b"POST", url, headers, body)

    def close(self) -> Deferred[None]:
        """
        Let all requests fail and close all connections.

        @return: a Deferred that fires when they are closed.
        """
        self.closed = True
        for request in list(self._requests):
            request.cancel()
        closed: Deferred[None] = self._pool.closeCachedConnections()
        return closed

    def _request(
        self, method: bytes, url: str, headers: Headers, body: bytes | None
    ) -> Deferred[Answer]:
        if self.closed:
            raise _closedError(url)
        answer: Deferred[Answer] = self._turns.run(self._twice, method, url, headers, body)
        self._requests.add(answer)
        answer.addBoth(self._done, answer, url)
        return answer

    def _done(
        self, result: Answer | Failure, request: Deferred[Answer], url: str
    ) -> Answer | Failure:
        self._requests.discard(request)
        if not isinstance(result, Failure):
            return result
        if self.closed:
            return Failure(_closedError(url))
        if any(isinstance(cause, CancelledError) for cause in _causes(result.value)):
            return Failure(CancelledError())
        return Failure(TemporaryFailure(f"{url} could not be asked: {describe(result)}"))

    def _twice(
        self, method: bytes, url: str, headers: Headers, body: bytes | None
    ) -> Deferred[Answer]:
        """
        Once, and once more on a new connection when the first one was closed before anything
        came: most likely it had been idle for too long. Agent repeats no POST, since that could
        do something twice; introspection only asks.
        """

        def ask(agent: IAgent) -> Deferred[Answer]:
            producer = None if body is None else _Body(body)
            response = agent.request(method, url.encode(), headers, producer)
            return response.addCallback(_readAnswer)

        def again(failure: Failure) -> Deferred[Answer]:
            return ask(self._unpooled) if _isStale(failure) and not self.closed else fail(failure)

        return ask(self._agent).addErrback(again)


def _closedError(url: str) -> TemporaryFailure:
    return TemporaryFailure(f"{url} is not asked any more: the checker is closed")


def _makePool(reactor: Any) -> HTTPConnectionPool:
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost = CONCURRENT
    pool.cachedConnectionTimeout = IDLE_SECONDS
    return pool


def _isStale(failure: Failure) -> bool:
    return isinstance(failure.value, _STALE) and all(
        isinstance(cause, ConnectionClosed) for cause in _causes(failure.value)
    )


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


def describe(failure: Failure) -> str:
    """
    @return: what went wrong, for the log. Texts that could hold what was sent or received are left
        out.
    """
    harmless = (ConnectError, ConnectionClosed, DNSLookupError, TLSError, VerificationError)
    return "; ".join(
        f"{type(cause).__name__}: {cause}" if isinstance(cause, harmless) else type(cause).__name__
        for cause in _causes(failure.value)
    )


@implementer(IBodyProducer)
class _Body:
    """
    A body that is written at once. It is short, and L{twisted.web.client.FileBodyProducer} costs
    more than the request.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """
        Nothing is left to produce.
        """

    def resumeProducing(self) -> None:
        """
        Nothing is left to produce.
        """

    def stopProducing(self) -> None:
        """
        Nothing is left to produce.
        """


def _readAnswer(response: IResponse) -> Deferred[Answer]:
    reader = _Reader(response.code)
    response.deliverBody(reader)
    return reader.answer


class _Reader(Protocol):
    """
    Reads a body up to a limit. Unlike with L{twisted.web.client.readBody}, cancelling closes the
    connection.
    """

    def __init__(self, status: int) -> None:
        self._status = status
        self._pieces: list[bytes] = []
        self._length = 0
        self.answer: Deferred[Answer] = Deferred(lambda _: self._abort())

    def dataReceived(self, data: bytes) -> None:
        self._length += len(data)
        if self._length <= LONGEST_ANSWER:
            self._pieces.append(data)
        elif not self.answer.called:
            self._abort()
            self.answer.errback(AnswerTooLong())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.answer.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.answer.callback(Answer(self._status, b"".join(self._pieces)))
        else:
            self.answer.errback(reason)

    def _abort(self) -> None:
        # What Agent passes on is a proxy that cannot abort; the transport is behind it. Over TLS,
        # loseConnection waits for the other side, and may do so forever.
        transport: Any = getattr(self.transport, "_producer", None) or self.transport
        close: Callable[[], None] = getattr(transport, "abortConnection", transport.loseConnection)
        close()
