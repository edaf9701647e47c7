# -*- test-case-name: tests.test_oauth_checker -*-
# mypy: allow-untyped-calls
"""
The introspection client (RFC 7662, section 2).
"""

from __future__ import annotations

import math
from base64 import b64encode
from typing import Any
from urllib.parse import quote_plus, urlencode

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers

from txjmapaccess._version import __version__
from txjmapaccess.cache import AnswerCache
from txjmapaccess.errors import TemporaryFailure
from txjmapaccess.oauth.discovery import Provider, metadataURLs, readMetadata
from txjmapaccess.oauth.http import Answer, HTTPClient
from txjmapaccess.oauth.settings import IntrospectionSettings

_REPEAT_SECONDS = 60.0


class IntrospectionClient:
    """
    Asks the provider about tokens, and tells the operator when it cannot.

    @param clock: measures the deadlines.
    """

    def __init__(
        self, settings: IntrospectionSettings, http: HTTPClient, clock: IReactorTime
    ) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._headers = _headers(settings)
        self._form = _form(settings)
        self._alarm = Alarm(clock)
        self._asked: dict[Deferred[dict[str, object]], IDelayedCall] = {}
        self._provider = None if settings.endpoint is None else Provider(settings.endpoint)
        # Asked for once, however many wait for it, and again as long as it fails.
        self._discovered: AnswerCache[Provider] = AnswerCache(clock, lambda _: math.inf)

    @property
    def openidConfiguration(self) -> str | None:
        """
        See L{Provider}; L{None} as long as discovery has not succeeded.
        """
        return None if self._provider is None else self._provider.openidConfiguration

    def introspect(self, token: str) -> Deferred[dict[str, object]]:
        """
        @return: a Deferred of the JSON object that the endpoint answers. It fails with
            L{TemporaryFailure} after C{timeout} seconds, whatever has taken so long, and whenever
            there is no such object.
        """
        answer: Deferred[dict[str, object]] = Deferred.fromCoroutine(self._introspect(token))
        deadline = self._clock.callLater(self._settings.timeout, answer.cancel)
        self._asked[answer] = deadline
        return answer.addBoth(self._answered, answer, deadline)

    def close(self) -> Deferred[None]:
        """
        Let all that is asked fail, and close all connections.

        @return: a Deferred that fires when they are closed.
        """
        closed = self._http.close()
        for answer in list(self._asked):
            answer.cancel()
        return closed

    def _answered(self, result: Any, answer: Deferred[Any], deadline: IDelayedCall) -> Any:
        self._asked.pop(answer, None)
        isTooLate = not deadline.active()
        if not isTooLate:
            deadline.cancel()
        if not isinstance(result, Failure):
            self._alarm.worked()
            return result
        failure = self._explained(result, isTooLate)
        if failure.check(TemporaryFailure) and not self._http.closed:
            self._alarm.failed(str(failure.value))
        return failure

    def _explained(self, failure: Failure, isTooLate: bool) -> Failure:
        """
        Whose doing it was that the answer was cancelled, if it was.
        """
        if self._http.closed:
            return Failure(TemporaryFailure("The checker is closed"))
        if isTooLate:
            where = self._settings.endpoint or self._settings.issuer
            seconds = f"{self._settings.timeout:g} seconds"
            return Failure(TemporaryFailure(f"{where} did not answer within {seconds}"))
        return failure

    async def _introspect(self, token: str) -> dict[str, object]:
        if self._http.closed:
            raise TemporaryFailure("The checker is closed")
        provider = self._provider or await self._discover()
        body = self._form + b"&token=" + quote_plus(token).encode()
        answer = await self._http.post(provider.endpoint, self._headers, body)
        return _objectFrom(answer, provider.endpoint)

    async def _discover(self) -> Provider:
        self._provider = await self._discovered.get(
            (), lambda: Deferred.fromCoroutine(self._findProvider())
        )
        return self._provider

    async def _findProvider(self) -> Provider:
        issuer = self._settings.issuer
        assert issuer is not None  # the settings have one or the other
        problems = []
        for url in metadataURLs(issuer):
            try:
                answer = await self._http.get(url, Headers({b"Accept": [b"application/json"]}))
                return readMetadata(_objectFrom(answer, url), issuer, url)
            except TemporaryFailure as e:
                problems.append(str(e))
        raise TemporaryFailure("; ".join(problems))


def _headers(settings: IntrospectionSettings) -> Headers:
    headers = {
        b"Accept": [b"application/json"],
        b"Content-Type": [b"application/x-www-form-urlencoded"],
        b"User-Agent": [f"txjmapaccess/{__version__}".encode()],
    }
    if settings.client_auth == "basic":
        # Both are encoded like the fields of a form first (RFC 6749, section 2.3.1).
        pair = f"{quote_plus(settings.client_id)}:{quote_plus(settings.clientSecret)}"
        headers[b"Authorization"] = [b"Basic " + b64encode(pair.encode())]
    return Headers(headers)


def _form(settings: IntrospectionSettings) -> bytes:
    fields = {"token_type_hint": "access_token"}
    if settings.client_auth == "post":
        fields |= {"client_id": settings.client_id, "client_secret": settings.clientSecret}
    return urlencode(fields).encode()


def _objectFrom(answer: Answer, url: str) -> dict[str, object]:
    found = answer.jsonObject()
    if answer.status == 200 and found is not None:
        return found
    if answer.status in (401, 403) or (found or {}).get("error") == "invalid_client":
        raise TemporaryFailure(
            f"{url} answered {answer.status}: it does not accept client_id with the secret in "
            f"client_secret_file, or does not let this client introspect"
        )
    if answer.status != 200:
        raise TemporaryFailure(f"{url} answered {answer.status}")
    raise TemporaryFailure(f"{url} answered something that is not a JSON object")


class Alarm:
    """
    Tells the operator when something stops working and when it works again, but does not repeat
    itself for every login.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._said = ""
        self._saidAt = -math.inf

    def worked(self) -> None:
        """
        Log that it works again, if it did not.
        """
        if self._said:
            self._log.info("Token introspection works again")
            self._said = ""

    def failed(self, problem: str) -> None:
        """
        Log C{problem}, unless that was just done.
        """
        now = self._clock.seconds()
        if problem != self._said or not 0 <= now - self._saidAt < _REPEAT_SECONDS:
            self._log.error("Access tokens cannot be checked: {problem}", problem=problem)
            self._said, self._saidAt = problem, now
