# -*- test-case-name: tests.oauth.test_checker -*-
"""
What a checker counts. Plain numbers that can be read at any time.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class IntrospectionCounters:
    """
    Logins, each in one of the first four, and requests to the provider, which logins may share.

    @ivar accepted: logins with a token that is valid for IMAP.
    @ivar refused: logins that the provider refused, and malformed ones. With C{as_password} the
        next checker may have accepted them.
    @ivar failed: logins that could not be checked.
    @ivar cancelled: logins that were cancelled.
    @ivar cacheHits: logins without their own request: the response was cached, or in flight.
    @ivar cacheMisses: logins that needed one.
    @ivar requestsFailed: requests without a usable response in time.
    @ivar latencySum: total seconds of requests with a response, discovery of the endpoint included.
    @ivar latencyCount: number of those requests.
    @ivar requestsInFlight: requests waiting for a response.
    @ivar isDown: whether the last request failed.
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
