# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
Statistics: the median of rounds, ratios within a round, percentiles.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

#: The cell of a table for a missing measurement.
NOTHING = "-"


class Rate(NamedTuple):
    """
    The results of one round of a load.

    @ivar perSecond: sessions a second.
    @ivar cpu: microseconds of CPU of the server for each, all of its processes together.
    """

    perSecond: float
    cpu: float


def medianRate(rounds: Sequence[Rate]) -> Rate:
    """
    @return: the median of each figure.
    """
    return Rate(*(statistics.median(column) for column in zip(*rounds, strict=True)))


class Ratio(NamedTuple):
    """
    How much better one server is than another; 2.0 is twice as good.

    @ivar perSecond: by sessions a second.
    @ivar cpu: by CPU time for each.
    """

    perSecond: float
    cpu: float


def ratio(mine: Sequence[Rate], other: Sequence[Rate]) -> Ratio:
    """
    @return: the median of the ratios of the rounds: what disturbed a round disturbed both.
    """
    pairs = list(zip(mine, other, strict=True))
    return Ratio(
        statistics.median(a.perSecond / b.perSecond for a, b in pairs),
        statistics.median(b.cpu / a.cpu if a.cpu else math.nan for a, b in pairs),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """
    @param share: between 0 and 1.

    @return: the smallest value that so many of all do not exceed; not a number when there are none.
    """
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def medianOf(values: Sequence[float]) -> float:
    """
    @return: the median; not a number when there are no values.
    """
    return statistics.median(values) if values else math.nan


def whole(value: float) -> str:
    """
    @return: the number as people read it, without a fraction.
    """
    return NOTHING if math.isnan(value) else f"{value:,.0f}"


def decimal(value: float, digits: int = 1) -> str:
    """
    @return: the number as people read it, with so many digits after the point.
    """
    return NOTHING if math.isnan(value) else f"{value:,.{digits}f}"
