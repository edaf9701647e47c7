# -*- test-case-name: tests.oauth.test_checker -*-
# mypy: allow-untyped-calls
"""
The introspection client (RFC 7662, section 2).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Coroutine
from typing import Any, TypeVar
from urllib.parse import quote_plus, urlencode

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from txjmapaccess._version import __version__
from txjmapaccess.cache import ResultCache
from txjmapaccess.errors import TemporaryFailure
from txjmapaccess.http.client import HTTPClient
from txjmapaccess.http.request import Request, makeRequest
from txjmapaccess.http.response import Response
from txjmapaccess.oauth.availabilitylog import AvailabilityLog
from txjmapaccess.oauth.counters import IntrospectionCounters
from txjmapaccess.oauth.discovery import Provider, metadataURLs, readMetadata
from txjmapaccess.oauth.settings import IntrospectionSettings

_T = TypeVar("_T")

_COMMON = {"Accept": "application/json", "User-Agent": f"txjmapaccess/{__version__}"}


class IntrospectionClient:
    """
    Introspects tokens, and logs when the provider cannot be used.

    @param clock: for deadlines.
    @param counters: counts requests.
    """

    def __init__(
        self,
        settings: IntrospectionSettings,
        http: HTTPClient,
        clock: IReactorTime,
        counters: IntrospectionCounters,
    ) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._counters = counters
        self._header = _header(settings)
        self._form = _form(settings)
        self._alarm = AvailabilityLog(clock)
        self._pending: set[Deferred[Any]] = set()
        self._request: Request | None = None
        self._provider = None if settings.endpoint is None else Provider(settings.endpoint)
        # Not to cache it, but so that logins share one discovery.
        self._discovered: ResultCache[Provider] = ResultCache(clock, lambda _: 0.0)

    @property
    def openidConfiguration(self) -> str | None:
        """
        See L{Provider}; L{None} until discovery has succeeded.
        """
        return None if self._provider is None else self._provider.openidConfiguration

    def introspect(self, token: str, rediscover: bool = False) -> Deferred[dict[str, object]]:
        """
        @param rediscover: whether to discover the issuer's endpoint again. Other logins use the
            known endpoint until that is done.

        @return: a Deferred of the JSON object from the endpoint. It fails with
            L{TemporaryFailure} after C{timeout} seconds in all, and if there is no such object.
        """
        self._counters.requestsInFlight += 1
        begun = self._clock.seconds()
        pending = self._inTime(self._introspect(token, rediscover))
        return pending.addCallbacks(self._worked, self._failed, callbackArgs=(begun,))

    def close(self) -> Deferred[None]:
        """
        Fail all requests and close all connections.

        @return: a Deferred that fires when they are closed.
        """
        closed = self._http.close()
        for pending in list(self._pending):
            pending.cancel()
        return closed

    def _worked(self, response: dict[str, object], begun: float) -> dict[str, object]:
        self._counters.requestsInFlight -= 1
        self._counters.latencySum += self._clock.seconds() - begun
        self._counters.latencyCount += 1
        self._counters.isDown = False
        self._alarm.worked()
        return response

    def _failed(self, failure: Failure) -> Failure:
        self._counters.requestsInFlight -= 1
        self._counters.requestsFailed += not failure.check(CancelledError)
        # A cancelled login, or the end of this client, is not a problem to report.
        if failure.check(TemporaryFailure) and not self._http.closed:
            self._counters.isDown = True
            self._alarm.failed(str(failure.value))
        return failure

    def _inTime(self, work: Coroutine[Deferred[Any], Any, _T]) -> Deferred[_T]:
        """
        @return: a Deferred of what C{work} returns, with a deadline of C{timeout} seconds.
        """
        pending = Deferred.fromCoroutine(work)
        deadline = self._clock.callLater(self._settings.timeout, pending.cancel)
        self._pending.add(pending)
        return pending.addBoth(self._over, pending, deadline)

    def _over(self, result: Any, pending: Deferred[Any], deadline: IDelayedCall) -> Any:
        self._pending.discard(pending)
        isTooLate = not deadline.active()
        if not isTooLate:
            deadline.cancel()
        if not isinstance(result, Failure):
            return result
        if self._http.closed:
            return Failure(_closed())
        return Failure(self._tooLate()) if isTooLate else result

    def _tooLate(self) -> TemporaryFailure:
        where = self._settings.endpoint or self._settings.issuer
        return TemporaryFailure(
            f"{where} did not respond within {self._settings.timeout:g} seconds"
        )

    async def _introspect(self, token: str, rediscover: bool) -> dict[str, object]:
        if self._http.closed:
            raise _closed()
        provider = self._provider
        if provider is None or (rediscover and self._settings.issuer is not None):
            provider = await self._discover()
        body = self._form + b"&token=" + quote_plus(token).encode()
        response = await self._http.send(self._requestTo(provider.endpoint), body)
        _checkAccess(response, provider.endpoint)
        return _objectFrom(response, provider.endpoint)

    def _requestTo(self, endpoint: str) -> Request:
        if self._request is None or self._request.url != endpoint:
            self._request = makeRequest("POST", endpoint, self._header)
        return self._request

    async def _discover(self) -> Provider:
        # It has its own deadline: if it ended only with its last waiter, a discovery that hangs
        # would not end while logins keep coming.
        self._provider = await self._discovered.get((), lambda: self._inTime(self._findProvider()))
        return self._provider

    async def _findProvider(self) -> Provider:
        issuer = self._settings.issuer
        assert issuer is not None  # settings require one of the two
        problems = []
        for url in metadataURLs(issuer):
            try:
                response = await self._http.send(makeRequest("GET", url, _COMMON))
                return readMetadata(_objectFrom(response, url), issuer, url)
            except TemporaryFailure as e:
                problems.append(str(e))
        raise TemporaryFailure("; ".join(problems))


def _closed() -> TemporaryFailure:
    return TemporaryFailure("The checker is closed")


def _header(settings: IntrospectionSettings) -> dict[str, str]:
    header = {**_COMMON, "Content-Type": "application/x-www-form-urlencoded"}
    if settings.client_auth == "basic":
        # Both are encoded like the fields of a form first (RFC 6749, section 2.3.1).
        pair = f"{quote_plus(settings.client_id)}:{quote_plus(settings.clientSecret)}"
        header["Authorization"] = "Basic " + b64encode(pair.encode()).decode()
    return header


def _form(settings: IntrospectionSettings) -> bytes:
    fields = {"token_type_hint": "access_token"}
    if settings.client_auth == "post":
        fields |= {"client_id": settings.client_id, "client_secret": settings.clientSecret}
    return urlencode(fields).encode()


def _checkAccess(response: Response, url: str) -> None:
    found = response.jsonObject() if response.status == 400 else None
    if response.status in (401, 403) or (found or {}).get("error") == "invalid_client":
        raise TemporaryFailure(
            f"{url} responded with {response.status}: it does not accept client_id with the secret"
            f" in client_secret_file, or does not allow this client to introspect"
        )


def _objectFrom(response: Response, url: str) -> dict[str, object]:
    if response.status != 200:
        raise TemporaryFailure(f"{url} responded with {response.status}")
    found = response.jsonObject()
    if found is None:
        raise TemporaryFailure(f"the response of {url} is not a JSON object")
    return found
