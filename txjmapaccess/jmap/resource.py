# -*- test-case-name: tests.jmap.test_resource -*-
"""
JMAP over HTTP: the session resource, and below it the API endpoint and the download of blobs.

::

    request -> credentials (authorization.py) -> portal and policy (authenticator.py) -> account
            -> sessionobject.py | api.py and mail.py | blobs.py -> response (guardedresource.py)
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import quote

from twisted.cred.portal import Portal
from twisted.web.server import Request

from txjmapaccess.jmap.api import API
from txjmapaccess.jmap.authenticator import Authenticator, JMAPLogin
from txjmapaccess.jmap.errors import RequestError
from txjmapaccess.jmap.guardedresource import (
    GuardedResource,
    JMAPResponse,
    RequestGuard,
    encoded,
)
from txjmapaccess.jmap.jmaprequest import checkSize, isJSON, parseRequest
from txjmapaccess.jmap.mail import Mail
from txjmapaccess.jmap.requestturns import RequestTurns
from txjmapaccess.jmap.sessionobject import MAIL, MAX_CONCURRENT, sessionObject
from txjmapaccess.limits import Limits
from txjmapaccess.objectid import ObjectIDIndex
from txjmapaccess.policy import Policy
from txjmapaccess.sessionurl import checkSessionURL
from txjmapaccess.store.serveridentifiers import ServerIdentifiers


class JMAPResource(GuardedResource):
    """
    A JMAP session resource (RFC 8620, section 2) for the accounts of a portal, read-only, for any
    place in a L{twisted.web.server.Site}. Its other resources are below it: C{api}, C{download}.

    It responds with 200 to credentials to which the policy says usable, and with 401 to all others.

    @param portal: the L{twisted.cred.portal.Portal} of the IMAP server, or one with the same
        checkers and realm. Each request is a login, whose avatar is logged out at its end.
    @param policy: the L{txjmapaccess.interfaces.IJMAPAccessPolicy} of the IMAP server.
    @param reactor: where this runs.
    @param url: the URL of this resource, if requests do not show it: behind a proxy that terminates
        TLS or changes paths.
    @param realm: the name of the protection space, visible ASCII.
    @param requireTLS: refuse credentials in clear (403), except from loopback addresses.
    @param refusalSeconds: the delay of a refusal in seconds.
    @param limits: those of the IMAP server, so that refusals on both sides are counted together
        (429 after too many); L{None} for none, as behind a proxy.
    @param objectIDs: the index that the IMAP server uses, with C{sharedWithJMAP=True}, for a store
        without identifiers; L{None} for accounts that adapt to
        L{txjmapaccess.interfaces.IObjectIDAccount}.

    @raise ConfigurationError: for a URL that clients must not see.
    """

    def __init__(
        self,
        portal: Portal,
        policy: Policy,
        *,
        reactor: Any = None,
        url: str | None = None,
        realm: str = "JMAP",
        requireTLS: bool = True,
        refusalSeconds: float = 1,
        limits: Limits | None = None,
        objectIDs: ObjectIDIndex | None = None,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self._url = None if url is None else checkSessionURL(url).rstrip("/")
        authenticator = Authenticator(portal, policy, ServerIdentifiers(objectIDs, portal), reactor)
        guard = RequestGuard(authenticator, reactor, realm, requireTLS, refusalSeconds, limits)
        super().__init__(guard)
        self.putChild(b"api", _APIResource(guard, self._url))
        self.putChild(b"download", _DownloadResource(guard))

    render_GET = GuardedResource.respond

    async def serve(self, request: Request, login: JMAPLogin) -> JMAPResponse:
        """
        See L{GuardedResource.serve}.
        """
        url = self._url or _urlOf(request)
        return JMAPResponse(200, encoded(sessionObject(login.username, login.accountID, url)))


class _APIResource(GuardedResource):
    """
    The API endpoint (RFC 8620, section 3.1).
    """

    isLeaf = True

    def __init__(self, guard: RequestGuard, sessionURL: str | None) -> None:
        super().__init__(guard)
        self._sessionURL = sessionURL
        self._running: Counter[str] = Counter()

    render_POST = GuardedResource.respond

    async def serve(self, request: Request, login: JMAPLogin) -> JMAPResponse:
        """
        See L{GuardedResource.serve}.
        """
        if self._running[login.accountID] >= MAX_CONCURRENT:
            raise RequestError(
                "limit", "Too many requests at a time", limit="maxConcurrentRequests"
            )
        self._running[login.accountID] += 1
        try:
            return await self._process(request, login)
        finally:
            self._running -= Counter((login.accountID,))  # Without those that reach zero.

    async def _process(self, request: Request, login: JMAPLogin) -> JMAPResponse:
        if not isJSON(request.getHeader("content-type")):
            raise RequestError("notJSON", "The content type is not application/json")
        body = request.content
        assert body is not None
        checkSize(body.seek(0, 2))
        body.seek(0)
        parsed = parseRequest(body.read())
        turns = RequestTurns(self._guard.reactor)
        mail = Mail(login, turns)
        try:
            url = self._sessionURL or _urlOf(request).rpartition("/")[0]
            state = sessionObject(login.username, login.accountID, url)["state"]
            return JMAPResponse(200, await API({MAIL: mail.methods}, turns).answer(parsed, state))
        finally:
            await mail.close()


class _DownloadResource(GuardedResource):
    """
    The octets of messages and their parts (RFC 8620, section 6.2).
    """

    isLeaf = True
    render_GET = GuardedResource.respond

    async def serve(self, request: Request, login: JMAPLogin) -> JMAPResponse:
        """
        See L{GuardedResource.serve}.
        """
        segments = [segment.decode("utf-8", "replace") for segment in request.postpath or ()]
        if len(segments) != 3:
            raise RequestError(None, "This is not the path of a blob", 404)
        accountID, blobID, name = segments
        if accountID != login.accountID:
            raise RequestError(None, "There is no such account", 404)
        mail = Mail(login, RequestTurns(self._guard.reactor))
        try:
            blob = await mail.blob(blobID)
        finally:
            await mail.close()
        if blob is None:
            raise RequestError(None, "There is no such blob", 404)
        # Never rendered: a message may hold any HTML, and this is the operator's own host.
        disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}".encode("ascii")
        headers = {b"content-disposition": [disposition]}
        return JMAPResponse(200, blob, headers, _downloadType(request))


def _urlOf(request: Request) -> str:
    return str(request.prePathURL().decode("ascii").rstrip("/"))


def _downloadType(request: Request) -> bytes:
    wanted = (request.args or {}).get(b"type", [b""])[0]
    isToken = wanted.count(b"/") == 1 and all(0x21 <= octet < 0x7F for octet in wanted)
    return wanted if isToken else b"application/octet-stream"
