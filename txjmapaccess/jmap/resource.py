# -*- test-case-name: tests.jmap.test_resource -*-
"""
JMAP over HTTP: the session resource, and below it the API endpoint and the download of messages.

::

    request -> credentials (authorization.py) -> portal and policy (authenticator.py) -> account
            -> session.py | api.py and mail.py | blobs.py -> Answer -> response (http.py)
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import quote

from twisted.cred.portal import Portal
from twisted.web.server import Request

from txjmapaccess.jmap.api import API
from txjmapaccess.jmap.authenticator import Authenticator, JMAPLogin
from txjmapaccess.jmap.http import Answer, Door, GuardedResource, encoded
from txjmapaccess.jmap.mail import Mail
from txjmapaccess.jmap.problems import RequestProblem
from txjmapaccess.jmap.requests import checkSize, isJSON, parseRequest
from txjmapaccess.jmap.session import MAIL, MAX_CONCURRENT, sessionObject
from txjmapaccess.jmap.turns import RequestTurns
from txjmapaccess.limits import Limits
from txjmapaccess.objectid import ObjectIDIndex
from txjmapaccess.policy import Policy
from txjmapaccess.sessionurl import checkSessionURL
from txjmapaccess.store.serveridentifiers import ServerIdentifiers


class JMAPResource(GuardedResource):
    """
    A JMAP session resource (RFC 8620, section 2) for the accounts of a portal, read-only, to be put
    anywhere in a L{twisted.web.server.Site}. What belongs to it is below it: C{api}, C{download}.

    It answers 200 to credentials to which the policy says usable, and 401 to all others.

    @param portal: the L{twisted.cred.portal.Portal} of the IMAP server, or one with the same
        checkers and realm. Each request is a login, whose avatar is logged out when the request is
        over.
    @param policy: the L{txjmapaccess.interfaces.IJMAPAccessPolicy} of the IMAP server.
    @param reactor: where this runs.
    @param url: the URL of this resource, where requests do not tell: behind a proxy that ends TLS
        or changes paths.
    @param realm: the name of the protection space, visible ASCII.
    @param requireTLS: refuse credentials in clear (403), but from loopback addresses.
    @param refusalSeconds: after how many seconds a refusal is answered.
    @param limits: those of the IMAP server, so that refusals on both sides are counted together
        (429 when there were too many); L{None} for none, as behind a proxy.
    @param objectIDs: the index that the IMAP server uses, with C{sharedWithJMAP=True}, for a store
        that has no identifiers; L{None} for accounts that adapt to
        L{txjmapaccess.interfaces.IObjectIDAccount}.

    @raise ConfigurationError: for a URL that may not be shown to clients.
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
        door = Door(authenticator, reactor, realm, requireTLS, refusalSeconds, limits)
        super().__init__(door)
        self.putChild(b"api", _APIResource(door, self))
        self.putChild(b"download", _DownloadResource(door))

    def render_GET(self, request: Request) -> int:
        """
        Give the Session object.
        """
        return self.respond(request)

    async def serve(self, request: Request, login: JMAPLogin) -> Answer:
        """
        See L{GuardedResource.serve}.
        """
        base = self._url or request.prePathURL().decode("ascii").rstrip("/")
        return Answer(200, encoded(self.session(login, base)))

    def session(self, login: JMAPLogin, base: str) -> dict[str, Any]:
        """
        @return: the Session object.
        """
        return sessionObject(login.username, login.accountID, self._url or base)


class _APIResource(GuardedResource):
    """
    The API endpoint (RFC 8620, section 3.1).
    """

    isLeaf = True

    def __init__(self, door: Door, parent: JMAPResource) -> None:
        super().__init__(door)
        self._parent = parent
        self._running: Counter[str] = Counter()

    def render_POST(self, request: Request) -> int:
        """
        Process the method calls of a request.
        """
        return self.respond(request)

    async def serve(self, request: Request, login: JMAPLogin) -> Answer:
        """
        See L{GuardedResource.serve}.
        """
        if self._running[login.accountID] >= MAX_CONCURRENT:
            raise RequestProblem(
                "limit", "Too many requests at a time", limit="maxConcurrentRequests"
            )
        self._running[login.accountID] += 1
        try:
            return await self._process(request, login)
        finally:
            self._running[login.accountID] -= 1
            if not self._running[login.accountID]:
                del self._running[login.accountID]

    async def _process(self, request: Request, login: JMAPLogin) -> Answer:
        if not isJSON(request.getHeader("content-type")):
            raise RequestProblem("notJSON", "The content type is not application/json")
        body = request.content
        assert body is not None
        checkSize(body.seek(0, 2))
        body.seek(0)
        parsed = parseRequest(body.read())
        base = request.prePathURL().decode("ascii").rstrip("/").rpartition("/")[0]
        turns = RequestTurns(self._door.reactor)
        mail = _mailOf(login, turns)
        try:
            state = self._parent.session(login, base)["state"]
            return Answer(200, await API({MAIL: mail.methods}, turns).answer(parsed, state))
        finally:
            await mail.close()


class _DownloadResource(GuardedResource):
    """
    The octets of messages and their parts (RFC 8620, section 6.2).
    """

    isLeaf = True

    def render_GET(self, request: Request) -> int:
        """
        Give the octets of a blob.
        """
        return self.respond(request)

    async def serve(self, request: Request, login: JMAPLogin) -> Answer:
        """
        See L{GuardedResource.serve}.
        """
        accountID, blobID, name = _downloadPath(request)
        if accountID != login.accountID:
            raise RequestProblem(None, "There is no such account", 404)
        mail = _mailOf(login, RequestTurns(self._door.reactor))
        try:
            blob = await mail.blob(blobID)
        finally:
            await mail.close()
        if blob is None:
            raise RequestProblem(None, "There is no such blob", 404)
        # Never rendered: a message may hold any HTML, and this is the operator's own host.
        disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}".encode("ascii")
        return Answer(200, blob, {b"content-disposition": [disposition]}, _downloadType(request))


def _mailOf(login: JMAPLogin, turns: RequestTurns) -> Mail:
    return Mail(login.account, login.accountID, login.identifiers, turns)


def _downloadPath(request: Request) -> tuple[str, str, str]:
    segments = [segment.decode("utf-8", "replace") for segment in request.postpath or ()]
    if len(segments) != 3:
        raise RequestProblem(None, "This is not the path of a blob", 404)
    return segments[0], segments[1], segments[2]


def _downloadType(request: Request) -> bytes:
    wanted = (request.args or {}).get(b"type", [b""])[0]
    isToken = wanted.count(b"/") == 1 and all(0x21 <= octet < 0x7F for octet in wanted)
    return wanted if isToken else b"application/octet-stream"
