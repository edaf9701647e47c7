# -*- test-case-name: tests.oauth.test_checker -*-
"""
What a checker counts. Plain numbers, for whoever wants to show them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class IntrospectionCounters:
    """
    Logins, each in one of the first four, and requests to the provider, which several logins may
    share.

    @ivar accepted: logins with a token that is good for IMAP.
    @ivar refused: logins whose token, or password, the provider or the look of it refused. With
        C{as_password} the next checker may have accepted it.
    @ivar failed: logins about which nobody could tell.
    @ivar cancelled: logins that were given up before the answer.
    @ivar cacheHits: logins without a request of their own: the answer was kept, or on its way.
    @ivar cacheMisses: logins that needed one.
    @ivar requestsFailed: requests that had no usable answer, in time.
    @ivar latencySum: seconds that answered requests took, all together, from the moment when one
        was wanted. Discovery of the endpoint is part of the first.
    @ivar latencyCount: how many they were.
    @ivar requestsInFlight: requests that are waited for now.
    @ivar isDown: whether the last request had no usable answer.
    """

    accepted: int = 0
    refused: int = 0
    failed: int = 0
    cancelled: int = 0
    cacheHits: int = 0
    cacheMisses: int = 0
    requestsFailed: int = 0
    latencySum: float = 0.0
    latencyCount: int = 0
    requestsInFlight: int = 0
    isDown: bool = False
