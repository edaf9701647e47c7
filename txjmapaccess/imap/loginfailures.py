# -*- test-case-name: tests.imap.test_login -*-
"""
What the response to a failed login shows. Nothing else is shown.
"""

from __future__ import annotations

from typing import Any

from twisted.python.failure import Failure

from txjmapaccess.errors import (
    ForeignAuthorizationIdentity,
    PasswordExpired,
    TokenRefused,
    couldTell,
    reasonOf,
)
from txjmapaccess.imap.sasl import LoneSeparator
from txjmapaccess.interfaces import IBearerToken, ITokenAdvice


def refusalText(failure: Failure) -> bytes:
    """
    @return: the response text for a login that failed for any reason (RFC 5530, section 3).
    """
    if failure.check(PasswordExpired):
        return b"[EXPIRED] The password has expired"
    if failure.check(ForeignAuthorizationIdentity):
        return b"[AUTHORIZATIONFAILED] Not allowed for that authorization identity"
    if not couldTell(failure):
        return b"[UNAVAILABLE] Temporary authentication failure"
    return b"[AUTHENTICATIONFAILED] Authentication failed"


def hasTokenError(failure: Failure) -> bool:
    """
    @return: whether the client gets a challenge with the reason (RFC 7628, section 3.2.2), where
        its mechanism has one. Not when the token could not be checked.
    """
    return couldTell(failure) and not failure.check(LoneSeparator)


def tokenErrorOf(failure: Failure, portal: Any) -> TokenRefused:
    """
    @param failure: a refusal by the checker, or by the mechanism before it.

    @return: it, with its own details, or else with those that the portal's checker has for every
        token.
    """
    refusal = failure.value
    if not isinstance(refusal, TokenRefused):
        refusal = TokenRefused(reasonOf(failure))
    if refusal.scope is not None or refusal.openidConfiguration is not None:
        return refusal
    checker = getattr(portal, "checkers", {}).get(IBearerToken)
    return checker.advise(refusal) if ITokenAdvice.providedBy(checker) else refusal
