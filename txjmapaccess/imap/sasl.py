# -*- test-case-name: tests.imap.test_sasl -*-
"""
SASL mechanisms (RFC 4422): bytes in, values out, no I/O.

An I{exchange} is a generator. It yields challenges, is sent responses (both without base64), and
returns credentials. It raises L{Malformed} for an invalid message, and L{Refused} or a subclass for
a valid one that is refused.

L{MECHANISMS} is the table of our mechanisms. L{foreignMechanism} makes one of an
L{twisted.mail.interfaces.IChallengeResponse}.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from twisted.cred.credentials import IUsernamePassword

from txjmapaccess.credentials import BearerToken, UsernamePassword, makeEvident
from txjmapaccess.errors import (
    ForeignAuthorizationIdentity,
    JMAPAccessError,
    Refused,
    TokenRefused,
)
from txjmapaccess.interfaces import IBearerToken

Exchange = Generator[bytes, bytes, Any]

#: The client's way to say "I have seen the failure" (RFC 7628, section 3.2.3).
FAILURE_SEEN = b"\x01"

_SEPARATOR = "\x01"
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z")
#: RFC 6750, section 2.1, and a little more: whatever is visible.
_TOKEN = re.compile(r"[!-~]+\Z")
_BEARER = re.compile(r"bearer +(.*)\Z", re.IGNORECASE | re.DOTALL)


class Malformed(JMAPAccessError):
    """
    Not a message of this mechanism, or not base64: C{BAD}. The text is fixed.
    """


class LoneSeparator(Refused):
    """
    The response to the failure challenge of OAUTHBEARER (RFC 7628, section 3.2.3), instead of a
    message.
    """


def decodeBase64(text: bytes) -> bytes:
    """
    @raise Malformed: unless C{text} is base64 to the letter (RFC 3501, section 9).
    """
    if not _BASE64.match(text):
        raise Malformed("The response is not base64")
    return binascii.a2b_base64(text)


def encodeBase64(data: bytes) -> bytes:
    """
    @return: base64 on one line, whatever its length.
    """
    return binascii.b2a_base64(data, newline=False)


def decodeInitialResponse(text: bytes) -> bytes:
    """
    @return: an initial response (RFC 4959, section 3), where C{=} stands for an empty one.
    """
    return b"" if text == b"=" else decodeBase64(text)


def plain() -> Exchange:
    """
    PLAIN (RFC 4616).
    """
    message = yield b""
    parts = message.split(b"\0")
    if len(parts) != 3 or not parts[1]:
        raise Malformed("The response is not a message of the mechanism PLAIN")
    authorizationIdentity, username, password = parts
    if authorizationIdentity not in (b"", username):
        raise ForeignAuthorizationIdentity("PLAIN with the authorization identity of another user")
    return UsernamePassword(username, password, "PLAIN")


def login() -> Exchange:
    """
    LOGIN (draft-murchison-sasl-login): a user name, then a password.
    """
    username = yield b"Username:"
    password = yield b"Password:"
    return UsernamePassword(username, password, "LOGIN")


def oauthBearer() -> Exchange:
    """
    OAUTHBEARER (RFC 7628, section 3.1).
    """
    message = _text((yield b""))
    if message == _SEPARATOR:
        raise LoneSeparator("OAUTHBEARER message without a token")
    header, _, rest = message.partition(_SEPARATOR)
    authorizationIdentity = _gs2AuthorizationIdentity(header)
    return BearerToken(_token(_pairs(rest)), authorizationIdentity, "OAUTHBEARER")


def xoauth2() -> Exchange:
    """
    XOAUTH2, as Gmail and Outlook have it.
    """
    pairs = _pairs(_text((yield b"")))
    return BearerToken(_token(pairs), pairs.get("user") or None, "XOAUTH2")


def oauthBearerFailure(refusal: TokenRefused) -> bytes:
    """
    @return: the challenge that tells the client why (RFC 7628, section 3.2.2).
    """
    details = {
        "status": refusal.status,
        "scope": refusal.scope,
        "openid-configuration": refusal.openidConfiguration,
    }
    return _json({key: value for key, value in details.items() if value})


def xoauth2Failure(refusal: TokenRefused) -> bytes:
    """
    @return: the same for XOAUTH2, with the status of HTTP.
    """
    status = "400" if refusal.status == "invalid_request" else "401"
    details = {"status": status, "schemes": "Bearer", "scope": refusal.scope}
    return _json({key: value for key, value in details.items() if value})


@dataclass(frozen=True)
class Mechanism:
    """
    @ivar name: as in C{AUTH=name}.
    @ivar exchange: makes a fresh exchange.
    @ivar credentials: the interface that a checker must have for it.
    @ivar clientFirst: whether the client speaks first, so that its first message may come as an
        initial response.
    @ivar secretInClear: whether the secret itself crosses the wire: only under TLS.
    @ivar failure: from a refusal to one last challenge, for mechanisms that have it.
    """

    name: bytes
    exchange: Callable[[], Exchange]
    credentials: Any
    clientFirst: bool = True
    secretInClear: bool = True
    failure: Callable[[TokenRefused], bytes] | None = None


MECHANISMS = {
    mechanism.name: mechanism
    for mechanism in (
        Mechanism(b"PLAIN", plain, IUsernamePassword),
        # The user name as an initial response is what clients do, though the draft has none.
        Mechanism(b"LOGIN", login, IUsernamePassword),
        Mechanism(b"OAUTHBEARER", oauthBearer, IBearerToken, failure=oauthBearerFailure),
        Mechanism(b"XOAUTH2", xoauth2, IBearerToken, failure=xoauth2Failure),
    )
}


def foreignMechanism(name: bytes, makeChallenger: Callable[[], Any]) -> Mechanism:
    """
    @param makeChallenger: makes a L{twisted.mail.interfaces.IChallengeResponse}, which is the
        credentials at the same time.
    """

    def exchange() -> Exchange:
        challenger = makeChallenger()
        more = True
        while more:
            response = yield challenger.getChallenge()
            try:
                challenger.setResponse(response)
            except Exception:
                # They parse a response without checks, and raise any exception.
                raise Malformed("The response is not a message of this mechanism") from None
            more = challenger.moreChallenges()
        makeEvident(challenger)
        return challenger

    return Mechanism(name, exchange, None, clientFirst=False, secretInClear=False)


def _text(message: bytes) -> str:
    try:
        return message.decode("utf-8")
    except UnicodeDecodeError:
        raise TokenRefused("a message that is not UTF-8", "invalid_request") from None


def _gs2AuthorizationIdentity(header: str) -> str | None:
    """
    @param header: C{n,a=user@example.com,} (RFC 5801, section 4).
    """
    flag, comma, rest = header.partition(",")
    identity, end, nothing = rest.partition(",")
    if flag not in ("n", "y") or not comma or not end or nothing:
        raise TokenRefused("an invalid GS2 header", "invalid_request")
    if not identity:
        return None
    if not identity.startswith("a="):
        raise TokenRefused("an invalid GS2 header", "invalid_request")
    # In this order, so that "=3D2C" is "=2C". curl sends an empty one when it has no user name.
    return identity[2:].replace("=2C", ",").replace("=3D", "=") or None


def _pairs(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(_SEPARATOR) if pair)
    return {key: value for key, _, value in pairs}


def _token(pairs: dict[str, str]) -> str:
    bearer = _BEARER.match(pairs.get("auth", ""))
    if bearer is None:
        raise TokenRefused("a message without a bearer token", "invalid_request")
    if not _TOKEN.match(bearer[1]):
        raise TokenRefused("a token with illegal characters")
    return bearer[1]


def _json(details: dict[str, str]) -> bytes:
    return json.dumps(details, separators=(",", ":")).encode("ascii")
