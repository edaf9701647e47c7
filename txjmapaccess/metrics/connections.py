# -*- test-case-name: tests.metrics.test_metrics -*-
"""
Connections, and their limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from txjmapaccess.limits import LIMITS, LimitCounters


class ConnectionMetrics(Collector):
    """
    @param counters: returns the current counters.
    """

    def __init__(self, counters: Callable[[], LimitCounters]) -> None:
        self._counters = counters

    def collect(self) -> Iterator[Metric]:
        """
        See C{prometheus_client.registry.Collector}.
        """
        counters = self._counters()
        connections = GaugeMetricFamily(
            "txjmapaccess_connections", "Open IMAP connections.", labels=("state",)
        )
        unauthenticated = counters.unauthenticated
        connections.add_metric(("unauthenticated",), unauthenticated)
        connections.add_metric(("authenticated",), counters.connections - unauthenticated)
        yield connections
        reached = CounterMetricFamily(
            "txjmapaccess_limits_reached",
            "How often a limit of [imap.limits] was reached.",
            labels=("limit",),
        )
        for limit in LIMITS:
            reached.add_metric((limit,), counters.reached[limit])
        yield reached
