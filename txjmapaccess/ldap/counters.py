# -*- test-case-name: tests.ldap.test_counters -*-
"""
What a checker counts. Plain numbers that can be read at any time, without user input.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from twisted.internet.defer import CancelledError

from txjmapaccess.ldap.errors import DeadlineExceeded, ProtocolViolation
from txjmapaccess.ldap.results import REFUSALS, SUCCESS

#: How a bind of a user can end: with three kinds of responses, or in four ways without one.
ACCEPTED, REFUSED, UNEXPECTED = "accepted", "refused", "unexpected"
LATE, BROKEN, MALFORMED, CANCELLED = "late", "broken", "malformed", "cancelled"
BIND_RESULTS = (ACCEPTED, REFUSED, UNEXPECTED, LATE, BROKEN, MALFORMED, CANCELLED)

#: Upper bounds, in seconds, of the histogram of bind times, without the last one (infinity).
LATENCY_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


def _none() -> dict[str, int]:
    return dict.fromkeys(BIND_RESULTS, 0)


def _noLatency() -> list[int]:
    return [0] * (len(LATENCY_BOUNDS) + 1)


@dataclass
class LDAPCounters:
    """
    A login may need no bind (it is in the cache, or malformed) or several (failover).

    @ivar accepted: logins that were accepted.
    @ivar refused: logins that the directory refused, and malformed ones.
    @ivar failed: logins that no server could check.
    @ivar cancelled: logins that were cancelled.
    @ivar fromCache: of the accepted, those without their own bind.
    @ivar cacheMisses: logins that needed the directory although there is a cache.
    @ivar binds: binds of users for each of L{BIND_RESULTS}.
    @ivar latencySum: total seconds of binds with a response, on the wire.
    @ivar latencyCount: number of those binds.
    @ivar latencyCounts: number of them in each interval of L{LATENCY_BOUNDS}, and beyond.
    @ivar poolInUse: connections in use by logins.
    @ivar poolSize: most binding connections, to all servers together.
    @ivar serverStates: C{"up"}, C{"slow"} or C{"down"} for the URI of each server, as configured.
    """

    accepted: int = 0
    refused: int = 0
    failed: int = 0
    cancelled: int = 0
    fromCache: int = 0
    cacheMisses: int = 0
    binds: dict[str, int] = field(default_factory=_none)
    latencySum: float = 0.0
    latencyCount: int = 0
    latencyCounts: list[int] = field(default_factory=_noLatency)
    poolInUse: int = 0
    poolSize: int = 0
    serverStates: dict[str, str] = field(default_factory=dict)

    def answered(self, code: int, seconds: float) -> None:
        """
        A bind got a response.

        @param code: its result code.
        @param seconds: how long it took.
        """
        kind = ACCEPTED if code == SUCCESS else REFUSED if code in REFUSALS else UNEXPECTED
        self.binds[kind] += 1
        self.latencySum += seconds
        self.latencyCount += 1
        self.latencyCounts[bisect_left(LATENCY_BOUNDS, seconds)] += 1

    def unanswered(self, problem: BaseException) -> None:
        """
        A bind failed without a response.
        """
        if isinstance(problem, (CancelledError, GeneratorExit)):
            self.binds[CANCELLED] += 1
        elif isinstance(problem, DeadlineExceeded):
            self.binds[LATE] += 1
        else:
            self.binds[MALFORMED if isinstance(problem, ProtocolViolation) else BROKEN] += 1
