# -*- test-case-name: tests.oauth.test_introspection -*-
"""
What an introspection response (RFC 7662, section 2.2) says about a token: is it
valid for IMAP, for which user, and is it valid for JMAP?

No I/O, and no clock. L{tokenInfo} lists the rules in order. A token is valid only if nothing is
against it:

  - the provider, or a setting, refuses it: L{TokenRefused};
  - the response is malformed: L{MalformedResponse}, which is a temporary failure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from txjmapaccess.errors import ForeignAuthorizationIdentity, TemporaryFailure, TokenRefused
from txjmapaccess.oauth.settings import IntrospectionSettings
from txjmapaccess.verdict import Reason

#: The clocks of two machines differ a little, and a token is often used the moment it is issued.
NOT_BEFORE_LEEWAY = 5.0

#: The types of a token without proof of possession (RFC 6750), in lower case.
_BEARER = ("bearer", "access_token")

#: Not empty, without controls and surrogates.
_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,1000}\Z")

#: A longer URL is not valid, and would fill caches.
_LONGEST_URL = 4000


class MalformedResponse(TemporaryFailure):
    """
    The provider's response has a member of the wrong type. Its text names the member.
    """


class TokenInfo(NamedTuple):
    """
    An active token that is valid for IMAP.

    @ivar username: its user.
    @ivar objection: why it is not valid for JMAP, or L{None}.
    @ivar sessionURL: see L{txjmapaccess.credentials.Evidence}.
    @ivar expires: when it ends, in seconds since the epoch, or L{None}.
    """

    username: str
    objection: Reason | None = None
    sessionURL: str | None = None
    expires: float | None = None


def tokenInfo(
    response: Mapping[str, object], settings: IntrospectionSettings, now: float
) -> TokenInfo:
    """
    @param response: the JSON object that the introspection endpoint answered.
    @param now: the time, in seconds since the epoch.

    @raise TokenRefused: if the token is not valid for IMAP.
    @raise MalformedResponse: if the response is malformed.
    """
    if response.get("active") is not True:
        raise TokenRefused("The token is not active")
    expires = _checkTimes(response, now)
    _checkIssuer(response, settings)
    _checkPossession(response)
    scopes, audiences = _scopes(response), _audiences(response)
    _checkAudience(audiences, settings)
    _checkScope(scopes, settings)
    return TokenInfo(
        username=_username(response, settings),
        objection=_objection(scopes, audiences, settings),
        sessionURL=_sessionURL(response, settings),
        expires=expires,
    )


def checkUser(info: TokenInfo, authorizationIdentity: str | None) -> None:
    """
    @param authorizationIdentity: the user that the client requests, or L{None}.

    @raise ForeignAuthorizationIdentity: if the token belongs to a different user. The comparison is
        exact.
    """
    if authorizationIdentity is not None and authorizationIdentity != info.username:
        raise ForeignAuthorizationIdentity(
            "The token belongs to a different user than the requested one"
        )


def _checkTimes(response: Mapping[str, object], now: float) -> float | None:
    expires, notBefore = _time(response, "exp"), _time(response, "nbf")
    if expires is not None and expires <= now:
        raise TokenRefused("The token has expired")
    if notBefore is not None and notBefore > now + NOT_BEFORE_LEEWAY:
        raise TokenRefused("The token is not valid yet")
    return expires


def _time(response: Mapping[str, object], claim: str) -> float | None:
    value = response.get(claim)
    if value is None:
        return None
    # Not a bool, which is an int in Python; not NaN or Infinity, which Python accepts in JSON; and
    # not a number that is too large for a float.
    if type(value) not in (int, float) or not -1e15 < value < 1e15:  # type: ignore[operator]
        raise MalformedResponse(f"{claim} is not a timestamp")
    return float(value)  # type: ignore[arg-type]


def _checkIssuer(response: Mapping[str, object], settings: IntrospectionSettings) -> None:
    issuer = response.get("iss")
    if issuer is not None and settings.issuer is not None and issuer != settings.issuer:
        raise TokenRefused("The token was issued by a different issuer")


def _checkPossession(response: Mapping[str, object]) -> None:
    """
    A token that is bound to a key (RFC 7800; DPoP, RFC 9449; mutual TLS, RFC 8705, whose
    token_type is Bearer) is worth nothing without the proof, which SASL cannot carry.
    """
    if response.get("cnf") is not None:
        raise TokenRefused(
            "The token is bound to a key, and IMAP does not support proof of possession"
        )
    tokenType = response.get("token_type")
    if tokenType is None:
        return
    if not isinstance(tokenType, str):
        raise MalformedResponse("token_type is not a string")
    if tokenType.lower() not in _BEARER:
        raise TokenRefused("The token is not a bearer token")


def _scopes(response: Mapping[str, object]) -> frozenset[str]:
    """
    Space-separated (RFC 7662); some providers make it an array.
    """
    value = response.get("scope")
    return frozenset(value.split()) if isinstance(value, str) else _strings(value, "scope")


def _audiences(response: Mapping[str, object]) -> frozenset[str]:
    value = response.get("aud")
    return frozenset((value,)) if isinstance(value, str) else _strings(value, "aud")


def _strings(value: object, claim: str) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list) or not all(isinstance(member, str) for member in value):
        raise MalformedResponse(f"{claim} is neither a string nor an array of strings")
    return frozenset(value)


def _checkAudience(audiences: frozenset[str], settings: IntrospectionSettings) -> None:
    if settings.imap_audiences and audiences.isdisjoint(settings.imap_audiences):
        raise TokenRefused("The token is for a different audience (imap_audiences)")


def _checkScope(scopes: frozenset[str], settings: IntrospectionSettings) -> None:
    if not scopes.issuperset(settings.imap_scopes):
        raise TokenRefused("The token does not cover IMAP (imap_scopes)", "insufficient_scope")


def _objection(
    scopes: frozenset[str], audiences: frozenset[str], settings: IntrospectionSettings
) -> Reason | None:
    if scopes.isdisjoint(settings.jmap_scopes):
        return Reason.SCOPE
    if settings.jmap_audiences and audiences.isdisjoint(settings.jmap_audiences):
        return Reason.AUDIENCE
    return None


def _username(response: Mapping[str, object], settings: IntrospectionSettings) -> str:
    name = _claim(response, settings.username_claim)
    if name is None:
        raise TokenRefused(f"The token has no {settings.username_claim} (username_claim)")
    if not isinstance(name, str) or not _NAME.match(name):
        raise MalformedResponse(f"{settings.username_claim} (username_claim) is not a user name")
    return name


def _sessionURL(response: Mapping[str, object], settings: IntrospectionSettings) -> str | None:
    if settings.session_url_claim is None:
        return None
    url = _claim(response, settings.session_url_claim)
    if url is None or (isinstance(url, str) and len(url) <= _LONGEST_URL):
        return url
    # "" is not a URL: the policy logs that, and does not use the common URL instead.
    return ""


def _claim(response: Mapping[str, object], path: str) -> object:
    """
    @return: the claim with this name, else the nested claim with this dotted path, else L{None}.
    """
    if path in response:
        return response[path]
    value: object = response
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
