# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
How long a login takes at a fixed, moderate load: median and 99th percentile.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.load.loops import pace
from benchmarks.load.session import Script
from benchmarks.plan import Plan, addOptions, planOf, say
from benchmarks.results.figures import decimal, medianOf, percentile
from benchmarks.results.table import Table
from benchmarks.servers.stage import CONTENDERS, Stage

_NAMES = ("bare", "memory", "cached", "token", "ldap", "threads", "tuned", "dovecot")
_WITH_TLS = ("bare", "memory", "ldap", "tuned")


class Latency(NamedTuple):
    """
    The results of one round: seconds from connecting to being logged in, and failures.
    """

    median: float
    high: float
    failures: int


#: By server, and whether with TLS.
Figures = Mapping[tuple[str, bool], Sequence[Latency]]


def options(parser: argparse.ArgumentParser) -> None:
    """
    The command line.
    """
    addOptions(parser, "rounds", "seconds", "rate", "only", "servers")


def run(arguments: argparse.Namespace) -> None:
    """
    Measure, and print.
    """
    plan = planOf(arguments)
    with Stage() as stage:
        print(table(measure(stage, plan), plan).text())


def measure(stage: Stage, plan: Plan) -> Figures:
    """
    @return: what each round gave.
    """
    contenders = plan.contenders(_NAMES, say)
    cases = [(each, tls) for each in contenders for tls in plan.tls()]
    cases = [(each, tls) for each, tls in cases if not tls or each.server in _WITH_TLS]
    figures: dict[tuple[str, bool], list[Latency]] = {(e.server, tls): [] for e, tls in cases}
    seconds = 2 * plan.seconds
    for n in range(plan.rounds):
        say(f"latency: round {n + 1} of {plan.rounds}")
        for contender, tls in cases:
            script = Script(stage.logins(contender))
            target = stage.server(contender).target(tls)
            pace(target, script, plan.rate, seconds / 10)
            outcome = pace(target, script, plan.rate, seconds)
            spread = [percentile(outcome.logins, share) for share in (0.5, 0.99)]
            latency = Latency(spread[0], spread[1], outcome.failures.total())
            figures[contender.server, tls].append(latency)
    return figures


def table(figures: Figures, plan: Plan) -> Table:
    """
    @return: the numbers.
    """
    rows = []
    for name in dict.fromkeys(server for server, _ in figures):
        cells = [CONTENDERS[name].program, CONTENDERS[name].backend]
        for tls in (False, True):
            rounds = figures.get((name, tls), ())
            cells.append(decimal(medianOf([each.median for each in rounds]) * 1e3, 2))
            cells.append(decimal(medianOf([each.high for each in rounds]) * 1e3, 2))
        failed = sum(each.failures for tls in (0, 1) for each in figures.get((name, bool(tls)), ()))
        rows.append([*cells, str(failed)])
    return Table(
        f"Login latency at {plan.rate:g} sessions a second",
        "Milliseconds from connect to login. Medians of the rounds.",
        ["server", "logins", "clear: p50", "p99", "TLS: p50", "p99", "failed"],
        rows,
        words=2,
    ).compact()
