# -*- test-case-name: tests.test_benchmarks -*-
"""
How much is measured: the options that benchmarks have in common.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks.servers.stage import CONTENDERS, Contender

#: Name, type, default and help of each option.
_OPTIONS: dict[str, tuple[Callable[[str], Any], Any, str]] = {
    "rounds": (int, 3, "how often everything is measured, in turn"),
    "seconds": (float, 1.5, "for how long each time"),
    "at-once": (int, 32, "sessions at one time"),
    "helpers": (int, 1, "processes that make load"),
    "rate": (float, 100.0, "sessions that are started in a second, for latency"),
    "connections": (int, 5000, "of the storm"),
    "hang": (float, 6.5, "for how many seconds the directory hangs"),
    "load": (float, 200.0, "logins in a second while the directory hangs"),
    "servers": (str, "", "only these, with commas: " + ", ".join(CONTENDERS)),
}


@dataclass(frozen=True)
class Plan:
    """
    See the options of the same names.
    """

    rounds: int = 3
    seconds: float = 1.5
    atOnce: int = 32
    helpers: int = 1
    rate: float = 100.0
    connections: int = 5000
    hang: float = 6.5
    load: float = 200.0
    servers: tuple[str, ...] = ()

    def contenders(self, names: Iterable[str], say: Callable[[str], None]) -> list[Contender]:
        """
        @param names: the servers that a benchmark is about.
        @param say: is told why one is left out.

        @return: those that are wanted and can be measured here.
        """
        wanted = [CONTENDERS[name] for name in names if not self.servers or name in self.servers]
        missing = {each.whyNot(): None for each in wanted if each.whyNot()}
        for why in missing:
            say(f"left out: {why}")
        return [each for each in wanted if not each.whyNot()]


def addOptions(parser: argparse.ArgumentParser, *names: str) -> None:
    """
    @param names: of the options of L{Plan} that the benchmark has.
    """
    for name in names:
        kind, default, text = _OPTIONS[name]
        if default != "":
            text += f" ({default})"
        parser.add_argument(f"--{name}", type=kind, default=default, help=text)


def planOf(options: argparse.Namespace) -> Plan:
    """
    @raise SystemExit: with a sentence, when a server that is named does not exist.
    """
    values: dict[str, Any] = {}
    for name, (_, default, _) in _OPTIONS.items():
        values[name] = getattr(options, name.replace("-", "_"), default)
    servers = tuple(filter(None, values.pop("servers").split(",")))
    for name in servers:
        if name not in CONTENDERS:
            sys.exit(f"There is no server {name}: {', '.join(CONTENDERS)}")
    return Plan(**{"atOnce": values.pop("at-once"), **values}, servers=servers)


_began = time.monotonic()


def say(text: str) -> None:
    """
    Tell on stderr how far it is.
    """
    print(f"{time.monotonic() - _began:5.0f} s  {text}", file=sys.stderr, flush=True)
