# -*- test-case-name: tests.integration.test_demo -*-
"""
An OAuth introspection endpoint (RFC 7662), with one token in it.
"""

from __future__ import annotations

import hmac
import json
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import Request

TOKEN = "demo-token-arnt"

_TOKENS: dict[bytes, dict[str, Any]] = {
    TOKEN.encode("ascii"): {
        "active": True,
        "username": "arnt",
        "scope": "urn:ietf:params:jmap:core urn:ietf:params:jmap:mail",
    }
}


class IntrospectionResource(Resource):
    """
    The endpoint, for one client.

    @param clientID: the name of the client.
    @param clientSecret: its secret.
    """

    isLeaf = True

    def __init__(self, clientID: str, clientSecret: str) -> None:
        super().__init__()
        self._client = (clientID.encode("ascii"), clientSecret.encode("ascii"))

    def render_POST(self, request: Request) -> bytes:
        """
        RFC 7662, section 2.
        """
        request.setHeader(b"cache-control", b"no-store")
        request.setHeader(b"content-type", b"application/json")
        if not self._isClient(request):
            request.setResponseCode(401)
            request.setHeader(b"www-authenticate", b'Basic realm="introspection"')
            return b'{"error": "invalid_client"}'
        token = (request.args or {}).get(b"token", [b""])[0]
        return json.dumps(_TOKENS.get(token, {"active": False})).encode("ascii")

    def _isClient(self, request: Request) -> bool:
        given = request.getUser() + b":" + request.getPassword()
        return hmac.compare_digest(given, b":".join(self._client))
