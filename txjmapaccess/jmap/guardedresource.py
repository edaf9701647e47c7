# -*- test-case-name: tests.jmap.test_resource -*-
"""
HTTP resources that require credentials, and their responses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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

_NO_HEADERS: Mapping[bytes, Sequence[bytes]] = {}


class JMAPResponse(NamedTuple):
    """
    An HTTP response.
    """

    status: int
    body: bytes
    headers: Mapping[bytes, Sequence[bytes]] = _NO_HEADERS
    contentType: bytes = b"application/json"


def encoded(value: Any) -> bytes:
    """
    @return: JSON, with a line end for readers on a terminal.
    """
    return json.dumps(value).encode("ascii") + b"\n"


def _errorResponse(error: RequestError) -> JMAPResponse:
    """
    RFC 7807.
    """
    headers = {b"www-authenticate": error.challenges} if error.challenges else _NO_HEADERS
    body = encoded(error.asObject())
    return JMAPResponse(error.status, body, headers, b"application/problem+json")


@dataclass(frozen=True)
class RequestGuard:
    """
    Lets requests in by their credentials.

    @ivar authenticator: checks the credentials.
    @ivar reactor: for the delay of refusals.
    @ivar realm: the name of the protection space.
    @ivar requireTLS: whether to refuse credentials in clear, except from loopback addresses.
    @ivar refusalSeconds: the delay of a refusal in seconds.
    @ivar limits: counts refusals by address, or L{None}.
    """

    authenticator: Authenticator
    reactor: Any
    realm: str
    requireTLS: bool
    refusalSeconds: float
    limits: Limits | None = None

    async def logIn(self, request: Request) -> JMAPLogin:
        """
        @raise RequestError: with status 401, 403, 429 or 503. It does not say why credentials are
            not valid (RFC 9110, section 15.5.2).
        """
        peer = request.getClientAddress()
        if self.requireTLS and not (request.isSecure() or isLoopback(getattr(peer, "host", ""))):
            raise RequestError(None, "TLS is required", 403)
        credentials = credentialsFrom(request.getHeader(b"authorization"))
        checkers = self.authenticator.portal.checkers
        if credentials is None or not any(each.providedBy(credentials) for each in checkers):
            raise self._unauthorized(False)
        if self.limits is not None and self.limits.isBlocked(self.limits.source(peer)):
            raise RequestError(None, "Too many refused requests", 429)
        try:
            return await self.authenticator.logIn(credentials)
        except Refused as refusal:
            if self.limits is not None and not isinstance(refusal, NotForJMAP):
                self.limits.refused(self.limits.source(peer))
            # Always the same delay, so that the time says nothing about the reason.
            await deferLater(self.reactor, self.refusalSeconds)
            raise self._unauthorized(isinstance(credentials, BearerToken)) from None
        except TemporaryFailure:
            raise RequestError(None, "Temporary authentication failure", 503) from None

    def _unauthorized(self, isTokenRefused: bool) -> RequestError:
        offered = challenges(self.authenticator.portal.checkers, self.realm, isTokenRefused)
        detail = "Credentials that are valid for JMAP are required"
        return RequestError(None, detail, 401, challenges=offered)


class GuardedResource(Resource):
    """
    A resource that requires credentials.
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
        Respond to C{request}. If the client goes away, the work still runs to its end, so that each
        avatar is logged out.
        """
        gone: list[Failure] = []
        request.notifyFinish().addErrback(gone.append)
        responded = Deferred.fromCoroutine(self._respond(request))
        responded.addErrback(self._failed)
        responded.addCallback(lambda response: None if gone else _write(request, response))
        return NOT_DONE_YET

    def _failed(self, failure: Failure) -> JMAPResponse:
        self._log.failure("A JMAP request failed", failure=failure)
        return _errorResponse(RequestError(None, "Internal server error", 500))

    async def _respond(self, request: Request) -> JMAPResponse:
        try:
            login = await self._guard.logIn(request)
            try:
                return await self.serve(request, login)
            finally:
                login.logout()
        except RequestError as error:
            return _errorResponse(error)


def _write(request: Request, response: JMAPResponse) -> None:
    request.setResponseCode(response.status)
    headers = request.responseHeaders
    headers.setRawHeaders(b"cache-control", [b"no-cache, no-store, must-revalidate"])
    headers.setRawHeaders(b"content-type", [response.contentType])
    headers.setRawHeaders(b"content-length", [b"%d" % len(response.body)])
    headers.setRawHeaders(b"x-content-type-options", [b"nosniff"])
    for name, values in response.headers.items():
        headers.setRawHeaders(name, values)
    if request.method != b"HEAD":
        request.write(response.body)
    request.finish()
