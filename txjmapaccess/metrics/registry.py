# -*- test-case-name: tests.metrics.test_metrics -*-
"""
The metrics of a server, and their web resource.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from twisted.web.resource import Resource

import twisted
from txjmapaccess._version import __version__


class VersionMetrics(Collector):
    """
    Software versions.
    """

    def collect(self) -> Iterable[Metric]:
        """
        See C{prometheus_client.registry.Collector}.
        """
        versions = {
            "version": __version__,
            "twisted": twisted.__version__,
            "python": platform.python_version(),
        }
        yield InfoMetricFamily("txjmapaccess", "Software versions.", value=versions)


def makeRegistry(collectors: Iterable[Collector]) -> CollectorRegistry:
    """
    @return: one of its own, with C{collectors}, the versions, and what the operating system says
        about the process (on Linux: C{process_cpu_seconds_total} and others).
    """
    registry = CollectorRegistry()
    for collector in (*collectors, VersionMetrics()):
        registry.register(collector)
    ProcessCollector(registry=registry)
    return registry


def makeSite(registry: CollectorRegistry) -> Resource:
    """
    @return: a resource whose child C{/metrics} has all metrics of C{registry}, rendered in a thread
        of the reactor.
    """
    from prometheus_client.twisted import MetricsResource

    root = Resource()
    root.putChild(b"metrics", MetricsResource(registry))
    return root
