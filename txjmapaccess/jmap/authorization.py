# -*- test-case-name: tests.jmap.test_authorization -*-
"""
HTTP authentication: from the Authorization field (RFC 9110, section 11) to credentials, and the
challenges of a 401 response. Pure functions.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Container
from typing import Any

from twisted.cred.credentials import IUsernamePassword

from txjmapaccess.credentials import BearerToken, UsernamePassword
from txjmapaccess.interfaces import IBearerToken

#: b64token (RFC 6750, section 2.1).
_TOKEN = re.compile(rb"[A-Za-z0-9._~+/-]+=*\Z")


def credentialsFrom(header: bytes | None) -> UsernamePassword | BearerToken | None:
    """
    @param header: the value of the Authorization field.

    @return: the credentials, or L{None} if there are none that are valid.
    """
    scheme, _, rest = (header or b"").strip().partition(b" ")
    if scheme.lower() == b"basic":
        return _basic(rest.strip())
    if scheme.lower() == b"bearer" and _TOKEN.match(rest.strip()):
        return BearerToken(rest.strip().decode("ascii"), mechanism="BEARER")
    return None


def _basic(encoded: bytes) -> UsernamePassword | None:
    """
    RFC 7617, section 2.
    """
    try:
        userPass = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    username, colon, password = userPass.partition(b":")
    if not colon or b"\0" in userPass:
        return None
    return UsernamePassword(username, password, "BASIC")


def challenges(checkers: Container[Any], realm: str, tokenRefused: bool = False) -> list[bytes]:
    """
    @param checkers: the credential interfaces that have a checker.
    @param realm: the name of the protection space, visible ASCII.
    @param tokenRefused: whether an access token was refused.

    @return: the values of the WWW-Authenticate field (RFC 7617, section 2; RFC 6750, section 3).
    """
    quoted = realm.replace("\\", "\\\\").replace('"', '\\"').encode("ascii")
    offered = []
    if IBearerToken in checkers:
        error = b', error="invalid_token"' if tokenRefused else b""
        offered.append(b'Bearer realm="' + quoted + b'"' + error)
    if IUsernamePassword in checkers:
        offered.append(b'Basic realm="' + quoted + b'", charset="UTF-8"')
    return offered
