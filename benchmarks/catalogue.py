# -*- test-case-name: tests.test_benchmarks -*-
"""
Which benchmarks there are.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Benchmark:
    """
    @ivar name: on the command line.
    @ivar line: what it tells.
    @ivar module: has C{options(parser)} and C{run(arguments)}.
    """

    name: str
    line: str
    module: str

    def load(self) -> Any:
        """
        @return: the module.
        """
        return importlib.import_module(f"benchmarks.{self.module}")


CATALOGUE = {
    name: Benchmark(name, line, module)
    for name, line, module in (
        ("all", "all that docs/performance.md has: the next four, in one session", "everything"),
        (
            "sessions",
            "whole sessions a second, and CPU for each, by back end",
            "sessions",
        ),
        ("latency", "how long a login takes at a moderate load", "latency"),
        ("storm", "memory of 5,000 idle connections, and all of them reconnecting", "storm"),
        ("hanging", "how long others wait while the directory hangs", "hanging"),
        ("door", "Twisted alone and extended, passwords in memory", "door"),
        ("tokensessions", "sessions with a token and with a password", "tokensessions"),
        ("ldap_binds", "the LDAP checker alone, ldap3 in threads, Dovecot's", "ldap_binds"),
        (
            "introspection",
            "the introspection checker alone, bare Agent, Dovecot's",
            "introspection",
        ),
        ("identifiers", "FETCH and SEARCH of identifiers in a large mailbox", "identifiers"),
        ("manymessages", "a large mailbox, and how long others wait for it", "manymessages"),
    )
}


def listing() -> str:
    """
    @return: one line for each.
    """
    width = max(map(len, CATALOGUE))
    lines = [f"  {each.name:{width}}  {each.line}" for each in CATALOGUE.values()]
    head = "python -m benchmarks NAME [options]; NAME --help tells the options."
    return "\n".join([head, "", *lines])
