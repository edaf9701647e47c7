# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
Whole sessions a second, and the server's CPU time for each, by back end, in clear and TLS.

A short session is: connect, greeting, login, LOGOUT. A long one has CAPABILITY and GETJMAPACCESS as
well; servers that do not know GETJMAPACCESS get NOOP in its place.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.load.session import Script
from benchmarks.load.spreading import Helpers
from benchmarks.plan import Plan, addOptions, planOf, say
from benchmarks.results.chart import chart
from benchmarks.results.claims import Claim
from benchmarks.results.figures import NOTHING, Rate, Ratio, decimal, medianRate, ratio, whole
from benchmarks.results.table import Table
from benchmarks.servers.stage import CONTENDERS, Contender, Stage


class Case(NamedTuple):
    """
    One measurement: a server, over TLS or in clear, with short or long sessions.
    """

    server: str
    tls: bool = False
    long: bool = False


Figures = Mapping[Case, Sequence[Rate]]

#: With TLS too; of the others it would say nothing new.
_WITH_TLS = ("bare", "memory", "cached", "ldap", "threads", "tuned", "dovecot")


def options(parser: argparse.ArgumentParser) -> None:
    """
    The command line.
    """
    addOptions(parser, "rounds", "seconds", "at-once", "helpers", "only", "servers")


def run(arguments: argparse.Namespace) -> None:
    """
    Measure, and print.
    """
    with Stage() as stage:
        figures = measure(stage, planOf(arguments))
    for table in tables(figures):
        print(table.text())


def measure(stage: Stage, plan: Plan) -> Figures:
    """
    @return: for each case, what each round gave.
    """
    contenders = plan.contenders(CONTENDERS, say)
    cases = {
        Case(each.server, tls, long): each
        for each in contenders
        for tls in plan.tls()
        for long in plan.long()
        if not tls or each.server in _WITH_TLS
    }
    figures: dict[Case, list[Rate]] = {case: [] for case in cases}
    with Helpers(plan.helpers) as helpers:
        for case, contender in cases.items():
            once(stage, plan, helpers, case, contender, min(plan.seconds, 0.4))
        for n in range(plan.rounds):
            say(f"sessions: round {n + 1} of {plan.rounds}")
            for case, contender in cases.items():
                figures[case].append(once(stage, plan, helpers, case, contender, plan.seconds))
    return figures


def once(
    stage: Stage, plan: Plan, helpers: Helpers, case: Case, contender: Contender, seconds: float
) -> Rate:
    """
    @return: one measurement.

    @raise RuntimeError: when sessions fail.
    """
    server = stage.server(contender)
    commands = (b"CAPABILITY", b"GETJMAPACCESS" if contender.isOurs else b"NOOP")
    script = Script(stage.logins(contender), commands if case.long else ())
    used = server.cpu()
    outcome = helpers.keepBusy(server.target(case.tls), script, plan.atOnce, seconds)
    if outcome.failures or not outcome.count:
        raise RuntimeError(f"{contender.label}: sessions failed: {dict(outcome.failures)}")
    return Rate(outcome.count / outcome.seconds, (server.cpu() - used) / outcome.count * 1e6)


def tables(figures: Figures) -> list[Table]:
    """
    @return: the numbers and their ratios.
    """
    servers = list(dict.fromkeys(case.server for case in figures))
    head = ["server", "logins", "clear", "CPU", "long", "CPU", "TLS", "CPU", "TLS, long", "CPU"]
    numbers = Table(
        "Whole sessions a second, and CPU time for each",
        "Connect, greeting, login, LOGOUT; *long* adds CAPABILITY and GETJMAPACCESS (NOOP where"
        " that is unknown). *CPU* is the microseconds that all processes of the server use for a"
        " session, without the back end's. Medians.",
        head,
        [_row(figures, server) for server in servers],
        words=2,
    ).compact()
    return [numbers, _ratios(figures)]


def _row(figures: Figures, server: str) -> list[str]:
    contender = CONTENDERS[server]
    cells = [contender.program, contender.backend]
    for tls in (False, True):
        for long in (False, True):
            rounds = figures.get(Case(server, tls, long))
            rate = medianRate(rounds) if rounds else None
            cells += [whole(rate.perSecond), whole(rate.cpu)] if rate else [NOTHING] * 2
    return cells


#: Which is compared with which.
_COMPARED = (
    ("extended", "bare"),
    ("memory", "bare"),
    ("ldap", "threads"),
    ("ldap", "tuned"),
    ("ldap", "dovecot"),
    ("search", "tuned-search"),
    ("cached", "memory"),
    ("token", "memory"),
)
#: How good the first should be.
_WANTED = (("ldap", "tuned", 3.0), ("extended", "bare", 0.7), ("cached", "memory", 0.8))


def claims(figures: Figures) -> list[Claim]:
    """
    @return: the targets for short sessions in clear.
    """
    found = []
    for mine, other, wanted in _WANTED:
        a, b = figures.get(Case(mine)), figures.get(Case(other))
        by = ratio(a, b) if a and b else Ratio(math.nan, math.nan)
        what = f"{CONTENDERS[mine].label} : {CONTENDERS[other].label}"
        found.append(Claim(f"sessions a second, {what}", by.perSecond, wanted))
        found.append(Claim(f"the same by CPU time, {what}", by.cpu, wanted))
    return found


def _ratios(figures: Figures) -> Table:
    rows = []
    for mine, other in _COMPARED:
        for tls in (False, True):
            a, b = figures.get(Case(mine, tls)), figures.get(Case(other, tls))
            if a and b:
                by = ratio(a, b)
                labels = [CONTENDERS[name].label for name in (mine, other)]
                where = "TLS" if tls else "clear"
                rows.append([*labels, where, decimal(by.perSecond, 2), decimal(by.cpu, 2)])
    return Table(
        "Comparisons",
        "The first compared with the second: sessions a second, and CPU time for each (2 is twice"
        " as good). Medians of the ratios of each round.",
        ["server", "compared with", "", "rate", "by CPU"],
        rows,
        words=3,
    )


def drawing(figures: Figures) -> str:
    """
    @return: the chart of short sessions.
    """
    bars = {}
    for server in dict.fromkeys(case.server for case in figures):
        rounds = [figures.get(Case(server, tls)) for tls in (False, True)]
        values = [medianRate(each).perSecond if each else math.nan for each in rounds]
        bars[CONTENDERS[server].label] = values
    return chart("Whole IMAP sessions a second", ("clear", "TLS"), bars)
