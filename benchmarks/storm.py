# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
Thousands of clients that stay: memory for each, and how long it takes when all reconnect at once.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.load.loops import Crowd
from benchmarks.load.session import Script
from benchmarks.load.spreading import allowConnections
from benchmarks.plan import Plan, addOptions, planOf, say
from benchmarks.results.claims import Claim
from benchmarks.results.figures import decimal, medianOf, whole
from benchmarks.results.table import Table
from benchmarks.servers.process import Server
from benchmarks.servers.stage import CONTENDERS, Contender, Stage

#: Dovecot is left out: it has a process for each connection.
_NAMES = ("bare", "extended", "memory", "ldap")
_WITH_TLS = ("bare", "memory", "ldap")
#: How many clients log in at one time before the storm.
_AT_ONCE = 64


class Storm(NamedTuple):
    """
    The results of one round.

    @ivar memory: of the server for each idle connection, in bytes.
    @ivar seconds: until all were in again.
    @ivar worst: how long the login took that took longest, in seconds, from the attempt that
        succeeded.
    @ivar failures: attempts that failed.
    """

    memory: float
    seconds: float
    worst: float
    failures: int


#: By server, and whether with TLS.
Figures = Mapping[tuple[str, bool], Sequence[Storm]]


def options(parser: argparse.ArgumentParser) -> None:
    """
    The command line.
    """
    addOptions(parser, "rounds", "connections", "only", "servers")


def run(arguments: argparse.Namespace) -> None:
    """
    Measure, and print.
    """
    plan = planOf(arguments)
    with Stage() as stage:
        print(table(measure(stage, plan), plan).text())


def measure(stage: Stage, plan: Plan) -> Figures:
    """
    Every round has servers that are newly started, or memory that was used before would be used
    again. With TLS there is one round: it takes long, and memory is OpenSSL's.

    @return: what each round gave.
    """
    count = allowConnections(plan.connections)
    if count < plan.connections:
        say(f"storm: {count} connections only: this is the limit of open files")
    contenders = plan.contenders(_NAMES, say)
    figures: dict[tuple[str, bool], list[Storm]] = {}
    for n in range(plan.rounds):
        say(f"storm: round {n + 1} of {plan.rounds}")
        for tls in plan.tls() if n == 0 else (False,):
            for contender in contenders:
                if not tls or contender.server in _WITH_TLS:
                    storm = _once(stage, contender, tls, count)
                    figures.setdefault((contender.server, tls), []).append(storm)
    return figures


def _once(stage: Stage, contender: Contender, tls: bool, count: int) -> Storm:
    with stage.fresh(contender) as server:
        crowd = Crowd(server.target(tls), Script(stage.logins(contender), ends=False))
        # The first ones find room that was left from the start of the process.
        crowd.gather(count // 5, _AT_ONCE)
        _calm(server)
        before = server.memory()
        gathered = crowd.gather(count, _AT_ONCE)
        _calm(server)
        memory = (server.memory() - before) / max(1, gathered.count)
        crowd.leave()
        # All clients reconnect at once, while the server still cleans up the old connections.
        outcome = crowd.gather(count)
        crowd.leave()
    return Storm(
        memory, outcome.seconds, max(outcome.logins, default=0.0), outcome.failures.total()
    )


def _calm(server: Server) -> None:
    """
    Wait until a server does nothing, 5 seconds at most.
    """
    used = -1.0
    end = time.monotonic() + 5
    while used != (used := server.cpu()) and time.monotonic() < end:
        time.sleep(0.3)


def _memory(figures: Figures, name: str, tls: bool) -> float:
    """
    @return: bytes for each connection.
    """
    return medianOf([each.memory for each in figures.get((name, tls), ())])


def claims(figures: Figures) -> list[Claim]:
    """
    @return: the targets for memory.
    """
    alone = _memory(figures, "bare", False) or math.nan
    what = "memory of an idle connection: txjmapaccess : Twisted alone"
    return [Claim(what, _memory(figures, "memory", False) / alone, 1.3, atMost=True)]


def table(figures: Figures, plan: Plan) -> Table:
    """
    @return: the numbers.
    """
    rows = []
    for (name, tls), rounds in figures.items():
        contender = CONTENDERS[name]
        memory, alone = _memory(figures, name, tls), _memory(figures, "bare", tls)
        rows.append(
            [
                contender.program,
                contender.backend,
                "TLS" if tls else "clear",
                decimal(memory / 1024),
                decimal(memory / alone if alone else math.nan, 2),
                decimal(medianOf([each.seconds for each in rounds])),
                decimal(medianOf([each.worst for each in rounds])),
                whole(sum(each.failures for each in rounds)),
            ]
        )
    return Table(
        f"{plan.connections:,} clients that stay and then reconnect at once",
        "Server memory for each idle connection after login (its growth from the first fifth of the"
        " connections to all), and seconds until all clients are logged in again after every"
        " connection broke; *slowest* is the slowest login. Medians; one round with TLS.",
        [
            *("server", "logins", "", "KiB each", "of Twisted alone"),
            *("all back", "slowest", "failed attempts"),
        ],
        rows,
        words=3,
    )
