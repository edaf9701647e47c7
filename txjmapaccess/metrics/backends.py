# -*- test-case-name: tests.metrics.test_metrics -*-
"""
Counters of credentials checkers: logins, requests to their back ends, caches.

Several checkers for one kind of back end are added up. Checkers that a reload has replaced are
omitted, so these counters start from zero after a reload, as after a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from txjmapaccess.ldap import LDAPChecker
from txjmapaccess.ldap.counters import BIND_RESULTS, LATENCY_BOUNDS
from txjmapaccess.metrics.logins import buckets
from txjmapaccess.oauth import IntrospectionChecker

_OUTCOMES = ("accepted", "refused", "failed", "cancelled")


class BackEndMetrics(Collector):
    """
    @param checkers: returns the current checkers.
    """

    def __init__(self, checkers: Callable[[], Iterable[object]]) -> None:
        self._checkers = checkers

    def collect(self) -> Iterator[Metric]:
        """
        See C{prometheus_client.registry.Collector}.
        """
        checkers = list(self._checkers())
        ldap = [c for c in checkers if isinstance(c, LDAPChecker)]
        tokens = [c for c in checkers if isinstance(c, IntrospectionChecker)]
        yield from _common(ldap, tokens)
        if ldap:
            yield from _ldap([checker.counters for checker in ldap])
        if tokens:
            yield from _introspection([checker.counters for checker in tokens])


def _common(
    ldap: Sequence[LDAPChecker], tokens: Sequence[IntrospectionChecker]
) -> Iterator[Metric]:
    logins = CounterMetricFamily(
        "txjmapaccess_backend_logins",
        "Logins checked by a checker.",
        labels=("backend", "result"),
    )
    hits = CounterMetricFamily(
        "txjmapaccess_cache_hits",
        "Logins that did not need their own request to the back end.",
        labels=("backend",),
    )
    misses = CounterMetricFamily(
        "txjmapaccess_cache_misses", "Logins that needed their own request.", labels=("backend",)
    )
    entries = GaugeMetricFamily(
        "txjmapaccess_cache_entries", "Cached results.", labels=("backend",)
    )
    backends: tuple[tuple[str, Sequence[Any], str], ...] = (
        ("ldap", ldap, "fromCache"),
        ("introspection", tokens, "cacheHits"),
    )
    for backend, checkers, hitsName in backends:
        counters = [checker.counters for checker in checkers]
        for outcome in _OUTCOMES if checkers else ():
            logins.add_metric((backend, outcome), _sum(counters, outcome))
        if checkers:
            hits.add_metric((backend,), _sum(counters, hitsName))
            misses.add_metric((backend,), _sum(counters, "cacheMisses"))
            entries.add_metric((backend,), _sum(checkers, "cacheEntries"))
    yield from (logins, hits, misses, entries)


def _ldap(counters: Sequence[Any]) -> Iterator[Metric]:
    servers = GaugeMetricFamily(
        "txjmapaccess_ldap_server_up",
        "1 unless the directory server is known to be down.",
        labels=("server",),
    )
    slow = GaugeMetricFamily(
        "txjmapaccess_ldap_server_slow", "Whether a directory server is slow.", labels=("server",)
    )
    states = {server: state for c in counters for server, state in c.serverStates.copy().items()}
    for server, state in states.items():
        servers.add_metric((server,), state != "down")
        slow.add_metric((server,), state == "slow")
    yield from (servers, slow)
    binds = CounterMetricFamily(
        "txjmapaccess_ldap_binds", "Binds of users, by how they ended.", labels=("result",)
    )
    for result in BIND_RESULTS:
        binds.add_metric((result,), sum(c.binds[result] for c in counters))
    yield binds
    yield _bindSeconds(counters)
    connections = GaugeMetricFamily(
        "txjmapaccess_ldap_pool_connections",
        "Binding connections: those on which a login is being checked, and how many there may be.",
        labels=("state",),
    )
    connections.add_metric(("busy",), _sum(counters, "poolInUse"))
    connections.add_metric(("most",), _sum(counters, "poolSize"))
    yield connections


def _bindSeconds(counters: Sequence[Any]) -> Metric:
    columns = zip(*(c.latencyCounts.copy() for c in counters), strict=True)
    counts = [sum(column) for column in columns]
    return HistogramMetricFamily(
        "txjmapaccess_ldap_bind_seconds",
        "How long answered binds took, on the wire.",
        buckets=buckets(LATENCY_BOUNDS, accumulate(counts)),
        sum_value=_sum(counters, "latencySum"),
    )


def _introspection(counters: Sequence[Any]) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "txjmapaccess_introspection_up",
        "Whether the last request to the provider had a usable answer.",
        value=not any(c.isDown for c in counters),
    )
    answered = _sum(counters, "latencyCount")
    requests = CounterMetricFamily(
        "txjmapaccess_introspection_requests",
        "Requests to the provider, by whether they had a usable answer in time.",
        labels=("result",),
    )
    requests.add_metric(("answered",), answered)
    requests.add_metric(("failed",), _sum(counters, "requestsFailed"))
    yield requests
    yield SummaryMetricFamily(
        "txjmapaccess_introspection_request_seconds",
        "How long answered requests took.",
        count_value=answered,
        sum_value=_sum(counters, "latencySum"),
    )
    yield GaugeMetricFamily(
        "txjmapaccess_introspection_requests_in_flight",
        "Requests waiting for a response.",
        value=_sum(counters, "requestsInFlight"),
    )


def _sum(counters: Iterable[Any], name: str) -> Any:
    return sum(getattr(counter, name) for counter in counters)
