# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
The list of benchmarks.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Benchmark:
    """
    @ivar name: on the command line.
    @ivar line: a summary.
    @ivar module: has C{options(parser)} and C{run(arguments)}.
    @ivar defaults: of its options, if they differ from the module's.
    """

    name: str
    line: str
    module: str
    defaults: Mapping[str, object] = field(default_factory=dict)

    def load(self) -> Any:
        """
        @return: the module.
        """
        return importlib.import_module(f"benchmarks.{self.module}")


def _some(name: str, line: str, servers: str) -> Benchmark:
    """
    @return: short sessions in clear, with some servers.
    """
    defaults = {"servers": servers, "only": "clear,short", "seconds": 3.0}
    return Benchmark(name, line, "sessions", defaults)


_BENCHMARKS = (
    Benchmark("all", "for docs/performance.md: the next four, in one session", "everything"),
    Benchmark("sessions", "whole sessions a second, and CPU for each, by back end", "sessions"),
    Benchmark("latency", "how long a login takes at a moderate load", "latency"),
    Benchmark("storm", "memory of 5,000 idle connections, and all of them reconnecting", "storm"),
    Benchmark("hanging", "how long others wait while the directory hangs", "hanging"),
    _some("door", "sessions with passwords, beside Twisted alone", "bare,extended,memory"),
    _some("tokensessions", "sessions with tokens, beside passwords", "memory,cached,token"),
    _some(
        "ldap_sessions",
        "sessions with LDAP, beside ldap3 in threads and Dovecot",
        "ldap,threads,tuned,dovecot,search,tuned-search",
    ),
    Benchmark("ldap_binds", "the LDAP checker alone, ldap3 in threads, Dovecot's", "ldap_binds"),
    Benchmark(
        "introspection", "the introspection checker alone, bare Agent, Dovecot's", "introspection"
    ),
    Benchmark("identifiers", "FETCH and SEARCH of identifiers in a large mailbox", "identifiers"),
    Benchmark("manymessages", "a large mailbox, and how long others wait for it", "manymessages"),
)

CATALOGUE = {each.name: each for each in _BENCHMARKS}


def listing() -> str:
    """
    @return: one line for each.
    """
    width = max(map(len, CATALOGUE))
    lines = [f"  {each.name:{width}}  {each.line}" for each in CATALOGUE.values()]
    head = "python -m benchmarks NAME [options]; NAME --help lists the options."
    return "\n".join([head, "", *lines])
