# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
How long the other connections wait while the directory hangs (it is stopped under load).

Clients go on logging in; another one, which was in before, sends NOOP every 5 ms.
"""

from __future__ import annotations

import argparse
import socket
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.load.loops import pace
from benchmarks.load.session import Script, Target
from benchmarks.load.spreading import Helpers
from benchmarks.plan import Plan, addOptions, planOf, say
from benchmarks.results.claims import Claim
from benchmarks.results.figures import decimal, medianOf, percentile
from benchmarks.results.table import Table
from benchmarks.servers.stage import CONTENDERS, Contender, Stage

_NAMES = ("ldap", "search", "threads", "tuned")
_PAUSE = 0.005


class Waits(NamedTuple):
    """
    Seconds that each NOOP took, before the directory hung, meanwhile, and after.
    """

    before: Sequence[float]
    meanwhile: Sequence[float]
    after: Sequence[float]


Figures = Mapping[str, Sequence[Waits]]


def options(parser: argparse.ArgumentParser) -> None:
    """
    The command line.
    """
    addOptions(parser, "rounds", "hang", "load", "servers")


def run(arguments: argparse.Namespace) -> None:
    """
    Measure, and print.
    """
    plan = planOf(arguments)
    with Stage() as stage:
        print(table(measure(stage, plan), plan).text())


def measure(stage: Stage, plan: Plan) -> Figures:
    """
    @return: what each round gave, by server.
    """
    contenders = plan.contenders(_NAMES, say)
    figures: dict[str, list[Waits]] = {each.server: [] for each in contenders}
    with Helpers() as helpers:
        for n in range(plan.rounds):
            say(f"hanging: round {n + 1} of {plan.rounds}")
            for contender in contenders:
                figures[contender.server].append(_once(stage, contender, plan, helpers))
    return figures


def _once(stage: Stage, contender: Contender, plan: Plan, helpers: Helpers) -> Waits:
    around = min(1.0, plan.hang)
    with stage.fresh(contender) as server:
        target, script = server.target(), Script(stage.logins(contender))
        probe = _Probe(target, script.logins[0])
        load = helpers.begin(pace, target, script, plan.load, plan.hang + 2.5 * around)
        time.sleep(around / 2)
        before = probe.waits(around)
        stage.slapd.freeze()
        try:
            meanwhile = probe.waits(plan.hang)
        finally:
            stage.slapd.thaw()
        after = probe.waits(around)
        load.result()
        probe.close()
    return Waits(before, meanwhile, after)


class _Probe:
    """
    A client that has logged in.
    """

    def __init__(self, target: Target, login: bytes) -> None:
        self._socket = socket.create_connection((target.host, target.port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self._file.readline()
        self._do(login)

    def _do(self, command: bytes) -> None:
        self._socket.sendall(b"a " + command + b"\r\n")
        while not (line := self._file.readline()).startswith(b"a "):
            if not line:
                raise RuntimeError("the server closed the connection")
        if not line.startswith(b"a OK"):
            raise RuntimeError(line.decode("ascii", "replace"))

    def waits(self, seconds: float) -> list[float]:
        """
        @return: how long each NOOP took that was sent in this time, in seconds.
        """
        waits = []
        end = time.perf_counter() + seconds
        while (sent := time.perf_counter()) < end:
            self._do(b"NOOP")
            waits.append(time.perf_counter() - sent)
            time.sleep(_PAUSE)
        return waits

    def close(self) -> None:
        """
        Go.
        """
        self._file.close()
        self._socket.close()


def claims(figures: Figures) -> list[Claim]:
    """
    @return: the targets while the directory hangs.
    """
    worst = [percentile(waits.meanwhile, 1.0) for waits in figures.get("ldap", ())]
    what = "the longest wait of other clients while the directory hangs"
    return [Claim(what, medianOf(worst) * 1e3, 20.0, atMost=True, unit=" ms")]


def table(figures: Figures, plan: Plan) -> Table:
    """
    @return: the numbers.
    """
    rows = []
    for name, rounds in figures.items():
        cells = [CONTENDERS[name].program, CONTENDERS[name].backend]
        for phase in ("before", "meanwhile", "after"):
            for share in (0.99, 1.0):
                waits = [percentile(getattr(each, phase), share) for each in rounds]
                cells.append(decimal(medianOf(waits) * 1e3))
        rows.append(cells)
    return Table(
        f"How long other clients wait while the directory hangs for {plan.hang:g} seconds",
        f"Milliseconds that NOOP took on another connection, while {plan.load:g} clients log in"
        " every second: 99th percentile and maximum, before, during and after the hang. Medians of"
        " the rounds.",
        [
            *("server", "logins", "before: p99", "max"),
            *("during: p99", "max", "after: p99", "max"),
        ],
        rows,
        words=2,
    )
