# -*- test-case-name: tests.twistd.test_garbagecollection -*-
"""
Python's garbage collector, held to short pauses.

A full collection visits all objects: a pause of 100 ms with some thousand connections. So objects
that survive one are frozen (L{gc.freeze}), and each full collection visits only what is newer.
Reference counting still frees nearly all frozen objects. Only cycles stay, until there are so many
that a pause is worth it.

Python counts allocations less deallocations, and collects after some hundred. When thousands of
logins end while others begin, that count stays low for long, and then tens of thousands of objects
are collected at once. So their real number is checked several times a second.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall

#: A full collection comes after some 10,000 new objects: 5 ms.
THRESHOLDS = (700, 4, 2)
#: Seconds between checks of the number of uncollected objects.
INTERVAL = 0.02
#: Objects of each generation that start a collection: 1, 2, and 5 ms.
LARGE = (1500, 4000, 10_000)
#: Blocks of memory, about 100 MB: after such a growth, frozen objects are collected as well.
MANY = 1_000_000
#: Blocks of memory of one connection.
_OF_A_CONNECTION = 200


class GarbageCollector(Service):
    """
    Runs from the start of the reactor to the end of the service.

    @param reactor: has L{twisted.internet.interfaces.IReactorTime}, C{IReactorFromThreads},
        C{IReactorCore} and C{IReactorFDSet}.
    @param blocks: the number of blocks of memory.
    """

    def __init__(self, reactor: Any, blocks: Callable[[], int] = sys.getallocatedblocks) -> None:
        self._reactor = reactor
        self._blocks = blocks
        self._before = gc.get_threshold()
        self._starting: Any = None
        self._timer: IDelayedCall | None = None
        self._older = 0
        self._limit = 0
        self._isDue = False

    def startService(self) -> None:
        """
        Freeze everything that exists at startup.
        """
        super().startService()
        self._starting = self._reactor.callWhenRunning(self._start)

    def _start(self) -> None:
        self._before = gc.get_threshold()
        gc.set_threshold(*THRESHOLDS)
        gc.callbacks.append(self._collected)
        self._collectAll()
        self._timer = self._reactor.callLater(INTERVAL, self._look)

    def stopService(self) -> None:
        """
        Restore Python's defaults.
        """
        super().stopService()
        if self._timer is None:
            self._reactor.removeSystemEventTrigger(self._starting)
            return
        self._timer.cancel()
        self._timer = None
        gc.callbacks.remove(self._collected)
        gc.set_threshold(*self._before)
        gc.unfreeze()

    def _look(self) -> None:
        self._timer = self._reactor.callLater(INTERVAL, self._look)
        for generation in (self._older, 0):
            if len(gc.get_objects(generation=generation)) >= LARGE[generation]:
                gc.collect(generation)
                # Survivors have moved to the next generation.
                self._older = (generation + 1) % len(LARGE)
                break

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            gc.freeze()
            if self._used() > self._limit and not self._isDue:
                self._isDue = True
                # This may be in any thread.
                self._reactor.callFromThread(self._collectAll)

    def _collectAll(self) -> None:
        self._isDue = True
        gc.unfreeze()
        gc.collect()
        self._limit = self._used() + MANY
        self._isDue = False

    def _used(self) -> int:
        return self._blocks() - _OF_A_CONNECTION * len(self._reactor.getReaders())
