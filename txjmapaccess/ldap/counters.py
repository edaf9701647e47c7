# -*- test-case-name: tests.ldap.test_counters -*-
"""
What a checker counts, from its making on. Plain numbers, to be read at any time by whoever wants to
show them; nothing in them was typed by a user.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from twisted.internet.defer import CancelledError

from txjmapaccess.ldap.errors import DeadlineExceeded, ProtocolViolation
from txjmapaccess.ldap.results import REFUSALS, SUCCESS

#: How a bind of a user can end: three kinds of answers, and four kinds of none.
ACCEPTED, REFUSED, UNEXPECTED = "accepted", "refused", "unexpected"
LATE, BROKEN, MALFORMED, CANCELLED = "late", "broken", "malformed", "cancelled"
BIND_RESULTS = (ACCEPTED, REFUSED, UNEXPECTED, LATE, BROKEN, MALFORMED, CANCELLED)

#: Seconds: the upper bounds of the intervals into which answered binds are sorted by what they
#: took. One more interval is beyond the last.
LATENCY_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


def _none() -> dict[str, int]:
    return dict.fromkeys(BIND_RESULTS, 0)


def _noLatency() -> list[int]:
    return [0] * (len(LATENCY_BOUNDS) + 1)


@dataclass
class LDAPCounters:
    """
    Logins are what the checker was asked; binds are what it asked of servers for them. A login may
    take none (from the cache, or refused by its look) or several (failover).

    @ivar accepted: logins that were good.
    @ivar refused: logins that the directory, or the look of them, refused.
    @ivar failed: logins about which no server could tell.
    @ivar cancelled: logins that were given up before the answer.
    @ivar fromCache: of the accepted, those without a bind of their own.
    @ivar cacheMisses: logins for which the directory was asked although there is a cache.
    @ivar binds: binds of users by result: a number for each of L{BIND_RESULTS}.
    @ivar latencySum: seconds that answered binds took, on the wire, all together.
    @ivar latencyCount: how many they were.
    @ivar latencyCounts: how many of them fell into each interval of L{LATENCY_BOUNDS}, and beyond.
    @ivar poolInUse: connections on which a login is being checked now.
    @ivar poolSize: how many binding connections there may be, to all servers together.
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
        A bind got an answer.

        @param code: its result code.
        @param seconds: what it took.
        """
        kind = ACCEPTED if code == SUCCESS else REFUSED if code in REFUSALS else UNEXPECTED
        self.binds[kind] += 1
        self.latencySum += seconds
        self.latencyCount += 1
        self.latencyCounts[bisect_left(LATENCY_BOUNDS, seconds)] += 1

    def unanswered(self, problem: BaseException) -> None:
        """
        A bind got none.
        """
        if isinstance(problem, (CancelledError, GeneratorExit)):
            self.binds[CANCELLED] += 1
        elif isinstance(problem, DeadlineExceeded):
            self.binds[LATE] += 1
        else:
            self.binds[MALFORMED if isinstance(problem, ProtocolViolation) else BROKEN] += 1
