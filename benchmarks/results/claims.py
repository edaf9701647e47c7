# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
Targets, and whether the measurements reach them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.results.figures import NOTHING, decimal
from benchmarks.results.table import Table


@dataclass(frozen=True)
class Claim:
    """
    @ivar what: the number, in words.
    @ivar measured: not a number when it was not.
    @ivar wanted: the limit.
    @ivar atMost: whether less is better.
    @ivar unit: behind the number.
    """

    what: str
    measured: float
    wanted: float
    atMost: bool = False
    unit: str = ""

    def met(self) -> str:
        """
        @return: C{yes} or C{no}.
        """
        if math.isnan(self.measured):
            return NOTHING
        isMet = self.measured <= self.wanted if self.atMost else self.measured >= self.wanted
        return "yes" if isMet else "no"

    def cells(self) -> list[str]:
        """
        @return: its row.
        """
        limit = f"{'at most' if self.atMost else 'at least'} {self.wanted:g}{self.unit}"
        measured = decimal(self.measured, 2)
        return [self.what, limit, measured + (self.unit if measured != NOTHING else ""), self.met()]


def summary(claims: Sequence[Claim]) -> Table:
    """
    @return: all of them.
    """
    return Table(
        "Targets",
        "The numbers are from the tables below.",
        ["figure", "target", "measured", "met"],
        [claim.cells() for claim in claims],
    )
