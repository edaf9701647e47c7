# -*- test-case-name: tests.twistd.test_garbagecollection -*-
"""
Python's garbage collector, held to short pauses.

A full collection looks at everything that lives: 100 ms with some thousand connections, in which
nobody is served. So whatever has outlived one is not looked at again: it is set aside
(L{gc.freeze}), and each full collection is about what came after the one before. Nearly all of what
was set aside still goes as soon as nobody refers to it. Only what refers to itself in a circle
stays, until there is so much that a pause is worth it.

Python counts what is made, less what goes, and collects after some hundred. When thousands of
logins end at a time, while others begin, it counts nothing for long, and then has to look at tens
of thousands at once. So some times a second their real number is looked at.
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
#: Seconds after which it is looked how many objects there are that were not collected yet.
INTERVAL = 0.02
#: So many of each generation are collected: 1, 2, and 5 ms.
LARGE = (1500, 4000, 10_000)
#: Blocks of memory, about 100 MB: so many more than there were, and all is looked at again.
MANY = 1_000_000
#: Blocks of memory that a connection has.
_OF_A_CONNECTION = 200


class GarbageCollector(Service):
    """
    Runs from when the reactor does to the end of the service.

    @param reactor: has L{twisted.internet.interfaces.IReactorTime}, C{IReactorFromThreads},
        C{IReactorCore} and C{IReactorFDSet}.
    @param blocks: how many blocks of memory there are.
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
        What is there when the server starts is the first to be set aside.
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
        Leave the collector as Python has it.
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
                # What lives on has made the next one larger.
                self._older = (generation + 1) % len(LARGE)
                break

    def _collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            gc.freeze()
            if self._used() > self._limit and not self._isDue:
                self._isDue = True
                # This may be any thread, in the middle of anything.
                self._reactor.callFromThread(self._collectAll)

    def _collectAll(self) -> None:
        self._isDue = True
        gc.unfreeze()
        gc.collect()
        self._limit = self._used() + MANY
        self._isDue = False

    def _used(self) -> int:
        return self._blocks() - _OF_A_CONNECTION * len(self._reactor.getReaders())
