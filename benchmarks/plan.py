# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
The common options of the benchmarks.
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
    "only": (str, "", "clear: nothing with TLS; short: no long sessions; clear,short: both"),
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
    only: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()

    def tls(self) -> tuple[bool, ...]:
        """
        @return: whether to measure with TLS: one or both.
        """
        return (False,) if "clear" in self.only else (False, True)

    def long(self) -> tuple[bool, ...]:
        """
        @return: whether to measure long sessions: one or both.
        """
        return (False,) if "short" in self.only else (False, True)

    def contenders(self, names: Iterable[str], say: Callable[[str], None]) -> list[Contender]:
        """
        @param names: the servers that a benchmark is about.
        @param say: takes the reason for each that is omitted.

        @return: the servers to measure.
        """
        wanted = [CONTENDERS[name] for name in names if not self.servers or name in self.servers]
        missing = {each.whyNot(): None for each in wanted if each.whyNot()}
        for why in missing:
            say(f"omitted: {why}")
        return [each for each in wanted if not each.whyNot()]


def addOptions(parser: argparse.ArgumentParser, *names: str) -> None:
    """
    @param names: the options of the benchmark.
    """
    for name in names:
        kind, default, text = _OPTIONS[name]
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"{text} (%(default)s)")


def planOf(options: argparse.Namespace) -> Plan:
    """
    @raise SystemExit: with a sentence, for an unknown name.
    """
    values: dict[str, Any] = {}
    for name, (_, default, _) in _OPTIONS.items():
        values[name] = getattr(options, name.replace("-", "_"), default)
    values["atOnce"] = values.pop("at-once")
    for name, known in (("servers", tuple(CONTENDERS)), ("only", ("clear", "short"))):
        values[name] = tuple(filter(None, values[name].split(",")))
        for given in values[name]:
            if given not in known:
                sys.exit(f"--{name}: there is no {given}, only {', '.join(known)}")
    return Plan(**values)


_began = time.monotonic()


def say(text: str) -> None:
    """
    Report progress on stderr.
    """
    print(f"{time.monotonic() - _began:5.0f} s  {text}", file=sys.stderr, flush=True)
