# -*- test-case-name: tests.oauth.test_wire -*-
"""
What a client is told about a refusal, by mechanisms that have a challenge for it (RFC 7628, section
3.2.2).
"""

from __future__ import annotations

from typing import Any

from twisted.python.failure import Failure

from txjmapaccess.errors import TokenRefused, couldTell, reasonOf
from txjmapaccess.imap.sasl import LoneSeparator
from txjmapaccess.interfaces import IBearerToken, ITokenAdvice


def hasTokenError(failure: Failure) -> bool:
    """
    @return: whether the client is told why its login came to nothing. Not when nobody could tell
        whether the token is good.
    """
    return couldTell(failure) and not failure.check(LoneSeparator)


def tokenErrorOf(failure: Failure, portal: Any) -> TokenRefused:
    """
    @param failure: a refusal by anybody: by the checker, or by the mechanism, before any checker
        was asked.

    @return: it, with all that a client is told: what it says itself, or else what the portal's
        checker says about every token.
    """
    refusal = failure.value
    if not isinstance(refusal, TokenRefused):
        refusal = TokenRefused(reasonOf(failure))
    if refusal.scope is not None or refusal.openidConfiguration is not None:
        return refusal
    checker = getattr(portal, "checkers", {}).get(IBearerToken)
    return checker.advise(refusal) if ITokenAdvice.providedBy(checker) else refusal
