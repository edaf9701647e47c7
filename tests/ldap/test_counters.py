"""
What a checker counts.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.ldap.counters import BIND_RESULTS, LATENCY_BOUNDS, LDAPCounters
from txjmapaccess.ldap.problems import (
    ConnectionBroken,
    ConnectionSpoiled,
    DeadlineExceeded,
    ProtocolViolation,
)


class LDAPCountersTests(SynchronousTestCase):
    """
    L{LDAPCounters}.
    """

    def test_bindsByResult(self) -> None:
        """
        Binds are sorted by how they ended, into a closed list of kinds: a server cannot add to it.
        """
        counters = LDAPCounters()
        self.assertEqual(counters.binds, dict.fromkeys(BIND_RESULTS, 0))
        for code in (0, 49, 32, 50, 53, 51, 80, 4711):
            counters.answered(code, 0.01)
        for problem in (
            DeadlineExceeded("x"),
            ConnectionBroken("x"),
            ConnectionSpoiled("x"),
            ProtocolViolation("x"),
            CancelledError(),
            GeneratorExit(),
        ):
            counters.unanswered(problem)
        self.assertEqual(
            counters.binds,
            {
                "accepted": 1,
                "refused": 4,
                "unexpected": 3,
                "late": 1,
                "broken": 2,
                "malformed": 1,
                "cancelled": 2,
            },
        )
        self.assertEqual(counters.latencyCount, 8)

    def test_latency(self) -> None:
        """
        What answered binds took is summed up, and sorted into intervals that include their upper
        bound; the histogram is cumulative and ends with all.
        """
        counters = LDAPCounters()
        for seconds in (0.0001, 0.001, 0.002, 5.0, 6.0):
            counters.answered(0, seconds)
        self.assertAlmostEqual(counters.latencySum, 11.0031)
        histogram = counters.latencyHistogram()
        self.assertEqual([bound for bound, _ in histogram], [*LATENCY_BOUNDS, float("inf")])
        self.assertEqual(histogram[:3], [(0.001, 2), (0.0025, 3), (0.005, 3)])
        self.assertEqual(histogram[-2:], [(5.0, 4), (float("inf"), 5)])

    def test_servers(self) -> None:
        """
        A slow server counts as up.
        """
        counters = LDAPCounters(serverStates={"ldap://a": "up", "ldap://b": "slow"})
        counters.serverStates["ldap://c"] = "down"
        self.assertEqual((counters.serversUp, counters.serversTotal), (2, 3))

    def test_ownNumbers(self) -> None:
        """
        Two checkers do not count together.
        """
        LDAPCounters().answered(0, 1.0)
        self.assertEqual(LDAPCounters(), LDAPCounters())
        self.assertEqual(sum(LDAPCounters().latencyCounts), 0)
