# -*- test-case-name: tests.metrics.test_metrics -*-
"""
What credentials checkers count: logins, requests to their back ends, caches.

Several checkers for one kind of back end are one. Those that a reload has replaced are left out, so
these counters begin anew with a reload, as they do with a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

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


class CacheCounters(NamedTuple):
    """
    What the caches of some checkers did, together.
    """

    hits: int
    misses: int
    entries: int


class BackEndMetrics(Collector):
    """
    @param checkers: gives those that are asked at present.
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
    for backend, checkers in (("ldap", ldap), ("introspection", tokens)):
        for outcome in _OUTCOMES if checkers else ():
            logins.add_metric((backend, outcome), _sum((c.counters for c in checkers), outcome))
    yield logins
    yield from _caches({"ldap": _ldapCache(ldap), "introspection": _tokenCache(tokens)})


def _ldapCache(checkers: Sequence[LDAPChecker]) -> CacheCounters | None:
    counters = [checker.counters for checker in checkers]
    cache = CacheCounters(
        _sum(counters, "fromCache"), _sum(counters, "cacheMisses"), _entries(checkers)
    )
    return cache if checkers else None


def _tokenCache(checkers: Sequence[IntrospectionChecker]) -> CacheCounters | None:
    counters = [checker.counters for checker in checkers]
    cache = CacheCounters(
        _sum(counters, "cacheHits"), _sum(counters, "cacheMisses"), _entries(checkers)
    )
    return cache if checkers else None


def _entries(checkers: Iterable[Any]) -> int:
    return sum(checker.cacheEntries for checker in checkers)


def _caches(caches: dict[str, CacheCounters | None]) -> Iterator[Metric]:
    hits = CounterMetricFamily(
        "txjmapaccess_cache_hits",
        "Logins that did not need their own request to the back end.",
        labels=("backend",),
    )
    misses = CounterMetricFamily(
        "txjmapaccess_cache_misses",
        "Logins that needed their own request to the back end.",
        labels=("backend",),
    )
    entries = GaugeMetricFamily(
        "txjmapaccess_cache_entries", "Cached results.", labels=("backend",)
    )
    for backend, cache in caches.items():
        if cache is not None:
            hits.add_metric((backend,), cache.hits)
            misses.add_metric((backend,), cache.misses)
            entries.add_metric((backend,), cache.entries)
    yield from (hits, misses, entries)


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
