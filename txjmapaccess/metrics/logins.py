# -*- test-case-name: tests.metrics.test_metrics -*-
"""
Logins, by their log events.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from twisted.logger import ILogObserver
from zope.interface import implementer

from txjmapaccess.imap import loginlog
from txjmapaccess.imap.loginlog import LOGIN

#: Only events of this namespace are counted: their fields are known.
_NAMESPACE = loginlog.__name__

#: Mechanisms with their own label. Clients and other servers may name more.
MECHANISMS = frozenset(
    (
        "LOGIN",
        "PLAIN",
        "OAUTHBEARER",
        "XOAUTH2",
        "CRAM-MD5",
        "DIGEST-MD5",
        "SCRAM-SHA-1",
        "SCRAM-SHA-256",
        "GSSAPI",
        "EXTERNAL",
        "ANONYMOUS",
    )
)
OTHER = "other"
#: The verdict of a login that was not accepted.
NONE = "none"
_RESULTS = ("accepted", "refused", "unavailable")
_VERDICTS = frozenset(["usable", "known", "unknown", NONE])

#: Seconds: upper bounds of the intervals of a histogram.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram:
    """
    A histogram of durations.
    """

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        """
        Count one duration.
        """
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._sum += seconds

    def read(self) -> tuple[list[tuple[str, float]], float]:
        """
        @return: the buckets as C{prometheus_client} wants them, and the sum.
        """
        return buckets(BOUNDS, accumulate(self._counts.copy())), self._sum


def buckets(bounds: Iterable[float], counts: Iterable[float]) -> list[tuple[str, float]]:
    """
    @param bounds: upper bounds, in order, without infinity.
    @param counts: for each bound, and for infinity, how often something was at most that.
    """
    names = [*map(floatToGoString, bounds), "+Inf"]
    return list(zip(names, counts, strict=True))


@implementer(ILogObserver)
class LoginMetrics(Collector):
    """
    Counts logins, as a log observer.
    """

    def __init__(self) -> None:
        self._logins: dict[tuple[str, str, str], int] = {}
        self._checking = {result: Histogram() for result in _RESULTS}

    def __call__(self, event: dict[str, Any]) -> None:
        """
        See L{ILogObserver}. Called for every event of the process.
        """
        if event.get("log_namespace") != _NAMESPACE or event.get("event") != LOGIN:
            return
        mechanism, result, verdict = event["mechanism"], event["result"], event.get("verdict", NONE)
        if mechanism not in MECHANISMS:
            mechanism = OTHER
        if verdict not in _VERDICTS:
            # The name of a third-party subclass.
            verdict = OTHER
        self._checking[result].add(event["checking"])
        key = (mechanism, result, verdict)
        self._logins[key] = self._logins.get(key, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """
        See C{prometheus_client.registry.Collector}.
        """
        logins = CounterMetricFamily(
            "txjmapaccess_logins",
            "Logins over IMAP.",
            labels=("mechanism", "result", "verdict"),
        )
        for labels, count in sorted(self._logins.copy().items()):
            logins.add_metric(labels, count)
        yield logins
        checking = HistogramMetricFamily(
            "txjmapaccess_login_checking_seconds",
            "Time to check the credentials of a login.",
            labels=("result",),
        )
        for result, histogram in self._checking.items():
            checking.add_metric((result,), *histogram.read())
        yield checking
