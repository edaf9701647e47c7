# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
Loads in processes of their own: beside what the caller does meanwhile, or several at a time where
one core is not enough.
"""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor

from benchmarks.load.loops import Outcome, keepBusy
from benchmarks.load.session import Script, Target

# Not fork: the caller may have threads and a reactor.
_SPAWN = multiprocessing.get_context("spawn")


class Helpers:
    """
    Processes that make load. Use it with C{with}.
    """

    def __init__(self, count: int = 1) -> None:
        self._count = count
        self._pool = ProcessPoolExecutor(count, mp_context=_SPAWN)

    def __enter__(self) -> Helpers:
        # They take a while to start.
        for future in [self._pool.submit(_nothing) for _ in range(self._count)]:
            future.result()
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def begin(self, load: Callable[..., Outcome], *arguments: object) -> Future[Outcome]:
        """
        Run C{load(*arguments)} in one of them, while the caller goes on.
        """
        return self._pool.submit(load, *arguments)

    def keepBusy(self, target: Target, script: Script, atOnce: int, seconds: float) -> Outcome:
        """
        See L{benchmarks.load.loops.keepBusy}: all of them at a time share C{atOnce}.
        """
        each = max(1, atOnce // self._count)
        begun = [self.begin(keepBusy, target, script, each, seconds) for _ in range(self._count)]
        outcome = Outcome()
        for future in begun:
            outcome.add(future.result())
        return outcome


def _nothing() -> None:
    """
    Only there to be run.
    """


def allowConnections(wanted: int) -> int:
    """
    Raise the limit of open files, for this process and the processes that it starts.

    @return: how many connections are possible, C{wanted} at most.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard - 500)
