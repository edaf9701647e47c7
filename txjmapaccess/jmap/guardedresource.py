# -*- test-case-name: tests.jmap.test_resource -*-
"""
HTTP resources for those who may come in, and for nobody else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from txjmapaccess.credentials import BearerToken
from txjmapaccess.errors import Refused, TemporaryFailure
from txjmapaccess.jmap.authenticator import Authenticator, JMAPLogin
from txjmapaccess.jmap.authorization import challenges, credentialsFrom
from txjmapaccess.jmap.errors import NotForJMAP, RequestError
from txjmapaccess.limits import Limits
from txjmapaccess.sessionurl import isLoopback

_NOTHING: Mapping[bytes, list[bytes]] = {}


class JMAPResponse(NamedTuple):
    """
    An HTTP response.
    """

    status: int
    body: bytes
    headers: Mapping[bytes, list[bytes]] = _NOTHING
    contentType: bytes = b"application/json"


def encoded(value: Any) -> bytes:
    """
    @return: JSON, with a line end for those who look at it on a terminal.
    """
    return json.dumps(value).encode("ascii") + b"\n"


def errorResponse(
    problem: RequestError, headers: Mapping[bytes, list[bytes]] = _NOTHING
) -> JMAPResponse:
    """
    @return: the answer to a request that is rejected (RFC 7807).
    """
    problemType = b"application/problem+json"
    return JMAPResponse(problem.status, encoded(problem.asObject()), headers, problemType)


@dataclass(frozen=True)
class RequestGuard:
    """
    How the resources are guarded.

    @ivar authenticator: knows whose credentials are good for JMAP.
    @ivar reactor: where this runs.
    @ivar realm: the name of the protection space.
    @ivar requireTLS: whether credentials in clear are refused, but from loopback addresses.
    @ivar refusalSeconds: after how many seconds a refusal is answered.
    @ivar limits: counts refusals by address, or L{None}.
    """

    authenticator: Authenticator
    reactor: Any
    realm: str
    requireTLS: bool
    refusalSeconds: float
    limits: Limits | None = None

    def isClosed(self, request: Request) -> bool:
        """
        @return: whether the credentials of C{request} must not be looked at.
        """
        if not self.requireTLS or request.isSecure():
            return False
        return not isLoopback(getattr(request.getClientAddress(), "host", ""))

    def isBlocked(self, request: Request) -> bool:
        """
        @return: whether too many requests from this address were refused lately.
        """
        limits = self.limits
        return limits is not None and limits.isBlocked(limits.source(request.getClientAddress()))

    async def refused(self, request: Request, refusal: Refused) -> None:
        """
        Count a refusal, and wait until it may be answered: always for as long, so that the time
        tells nothing.
        """
        if self.limits is not None and not isinstance(refusal, NotForJMAP):
            self.limits.refused(self.limits.source(request.getClientAddress()))
        await deferLater(self.reactor, self.refusalSeconds)

    def unauthorized(self, tokenRefused: bool = False) -> JMAPResponse:
        """
        @return: the answer to a request without credentials that are good for JMAP. It does not
            tell why (RFC 9110, section 15.5.2).
        """
        offered = challenges(self.authenticator.checkers, self.realm, tokenRefused)
        problem = RequestError(None, "Credentials that are good for JMAP are needed", 401)
        return errorResponse(problem, {b"www-authenticate": offered})


class GuardedResource(Resource):
    """
    A resource for those who may come in.
    """

    _log = Logger()

    def __init__(self, guard: RequestGuard) -> None:
        super().__init__()
        self._guard = guard

    async def serve(self, request: Request, login: JMAPLogin) -> JMAPResponse:
        """
        @raise RequestError: when the request cannot be served.
        """
        raise NotImplementedError

    def respond(self, request: Request) -> int:
        """
        Answer C{request}. What was begun for a client that has gone is ended as if it were there,
        so that each avatar is logged out.
        """
        gone: list[Failure] = []
        request.notifyFinish().addErrback(gone.append)
        answered = Deferred.fromCoroutine(self._answer(request))
        answered.addErrback(self._failed)
        answered.addCallback(lambda answer: None if gone else _write(request, answer))
        return NOT_DONE_YET

    def _failed(self, failure: Failure) -> JMAPResponse:
        self._log.failure("A JMAP request failed", failure=failure)
        return errorResponse(RequestError(None, "Something went wrong here", 500))

    async def _answer(self, request: Request) -> JMAPResponse:
        if self._guard.isClosed(request):
            return errorResponse(RequestError(None, "TLS is needed", 403))
        credentials = credentialsFrom(request.getHeader(b"authorization"))
        if credentials is None or not self._guard.authenticator.knows(credentials):
            return self._guard.unauthorized()
        if self._guard.isBlocked(request):
            return errorResponse(RequestError(None, "Too many refused requests", 429))
        try:
            login = await self._guard.authenticator.enter(credentials)
        except Refused as refusal:
            await self._guard.refused(request, refusal)
            return self._guard.unauthorized(isinstance(credentials, BearerToken))
        except TemporaryFailure:
            return errorResponse(RequestError(None, "Temporary authentication failure", 503))
        try:
            return await self.serve(request, login)
        except RequestError as problem:
            return errorResponse(problem)
        finally:
            login.logout()


def _write(request: Request, answer: JMAPResponse) -> None:
    request.setResponseCode(answer.status)
    headers = request.responseHeaders
    headers.setRawHeaders(b"cache-control", [b"no-cache, no-store, must-revalidate"])
    headers.setRawHeaders(b"content-type", [answer.contentType])
    headers.setRawHeaders(b"content-length", [b"%d" % len(answer.body)])
    headers.setRawHeaders(b"x-content-type-options", [b"nosniff"])
    for name, values in answer.headers.items():
        headers.setRawHeaders(name, values)
    if request.method != b"HEAD":
        request.write(answer.body)
    request.finish()
