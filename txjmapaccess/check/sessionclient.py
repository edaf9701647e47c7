# -*- test-case-name: tests.integration.test_check_session -*-
"""
A client for the JMAP session resource (RFC 8620, section 2).
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import urljoin, urlsplit

from twisted.internet.defer import Deferred

from txjmapaccess._version import __version__
from txjmapaccess.check.explanation import Explanation, explainURL
from txjmapaccess.check.sessionresponse import KEY, SessionResponse, schemesOf
from txjmapaccess.errors import ConfigurationError, TemporaryFailure
from txjmapaccess.http.client import HTTPClient, Network, describe
from txjmapaccess.http.request import makeRequest
from txjmapaccess.sessionurl import checkSessionURL

#: Seconds for one request, and how many redirects are followed.
TIMEOUT = 10.0
MOST_REDIRECTS = 5
#: Seconds for everything about one URL.
SECONDS = TIMEOUT * (MOST_REDIRECTS + 2)

#: Octets of a Session object: hundreds of accounts fit.
_LONGEST = 4_000_000

#: Each connection is for one request.
_HEADER = {
    "Accept": "application/json",
    "User-Agent": f"txjmapaccess/{__version__}",
    "Connection": "close",
}

_REDIRECTS = (301, 302, 303, 307, 308)


class RequestFailed(Exception):
    """
    The request to the session resource failed.

    @ivar problem: what went wrong, without anything that was sent.
    @ivar url: who did not response.
    """

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(problem)
        self.url = url
        self.problem = problem


class BadRedirect(Exception):
    """
    A redirect that is not followed. Its text is the end of a sentence.
    """


def basic(username: bytes, password: bytes) -> bytes:
    """
    @return: the value of an C{Authorization} header (RFC 7617).
    """
    return b"Basic " + b64encode(username + b":" + password)


def bearer(token: str) -> bytes:
    """
    @return: the value of an C{Authorization} header (RFC 6750).
    """
    return b"Bearer " + token.encode("ascii")


def redirected(response: SessionResponse) -> str:
    """
    @return: the target of a redirect.

    @raise BadRedirect: if it must not be followed.
    """
    target = urljoin(response.url, response.location or "").partition("#")[0]
    if not response.location:
        raise BadRedirect(f"redirects ({response.status}) without a valid Location")
    try:
        checkSessionURL(target)
    except ConfigurationError:
        raise BadRedirect("redirects to a URL that is not https") from None
    if urlsplit(response.url).scheme == "https" != urlsplit(target).scheme:
        raise BadRedirect("redirects from https to http")
    return target


def isSameServer(one: str, other: str) -> bool:
    """
    @return: whether two URLs have one origin (RFC 6454), so that credentials for one may be sent to
        the other.
    """
    a, b = urlsplit(one), urlsplit(other)
    return (a.scheme, a.hostname, _port(a)) == (b.scheme, b.hostname, _port(b))


def _port(parts: Any) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


class SessionClient:
    """
    @param reactor: where it runs.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._http = HTTPClient(Network(reactor, longest=_LONGEST))

    async def ask(self, url: str, authorization: bytes | None = None) -> SessionResponse:
        """
        Get the session resource, and follow redirects (RFC 8620, section 2.2). Credentials are not
        sent to another server than that of C{url}.

        @param authorization: the value of the C{Authorization} header.

        @raise RequestFailed: if there is no response.
        @raise BadRedirect: if a redirect is not followed.
        """
        first = url
        for _ in range(MOST_REDIRECTS + 1):
            response = await self._once(url, authorization)
            if response.status not in _REDIRECTS:
                return response
            url = redirected(response)
            if authorization is not None and not isSameServer(first, url):
                raise BadRedirect("redirects to another server, where credentials are not sent")
        raise BadRedirect(f"redirects more than {MOST_REDIRECTS} times")

    async def _once(self, url: str, authorization: bytes | None) -> SessionResponse:
        asked = Deferred.fromCoroutine(self._request(url, authorization))
        timer = self._reactor.callLater(TIMEOUT, asked.cancel)
        try:
            return await asked
        except Exception as e:
            late = not timer.active()
            problem = str(e) if isinstance(e, TemporaryFailure) else describe(e)
            # Not "from e": its traceback holds the request.
            raise RequestFailed(url, "did not respond within" if late else problem) from None
        finally:
            if timer.active():
                timer.cancel()

    async def _request(self, url: str, authorization: bytes | None) -> SessionResponse:
        header = dict(_HEADER)
        if authorization is not None:
            header["Authorization"] = authorization.decode("ascii")
        response = await self._http.send(makeRequest("GET", url, header))
        location = next(iter(response.header("location")), None)
        schemes = schemesOf(response.header("www-authenticate"))
        return SessionResponse(url, response.status, schemes, location, response.body)


async def explainFailure(reactor: Any, failure: RequestFailed) -> Explanation:
    """
    @return: why there is no response, and what to do.
    """
    trust = "the trusted CAs of this machine"
    return await explainURL(reactor, failure.url, failure.problem, KEY, trust)
