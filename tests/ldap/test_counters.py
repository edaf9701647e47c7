"""
What a checker counts.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.ldap.counters import BIND_RESULTS, LATENCY_BOUNDS, LDAPCounters
from txjmapaccess.ldap.errors import (
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
        bound; what is beyond all bounds is in one more.
        """
        counters = LDAPCounters()
        for seconds in (0.0001, 0.001, 0.002, 5.0, 6.0):
            counters.answered(0, seconds)
        self.assertAlmostEqual(counters.latencySum, 11.0031)
        counts = counters.latencyCounts
        self.assertEqual(len(counts), len(LATENCY_BOUNDS) + 1)
        self.assertEqual((counts[:3], counts[-2:]), ([2, 1, 0], [1, 1]))

    def test_ownNumbers(self) -> None:
        """
        Two checkers do not count together.
        """
        LDAPCounters().answered(0, 1.0)
        self.assertEqual(LDAPCounters(), LDAPCounters())
        self.assertEqual(sum(LDAPCounters().latencyCounts), 0)
