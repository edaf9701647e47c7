# -*- test-case-name: tests.maildir.test_realm -*-
"""
Threads for what waits for the disk.
"""

from __future__ import annotations

from typing import Any

from twisted.python.threadpool import ThreadPool


class ReactorThreadPool(ThreadPool):
    """
    A thread pool of one's own, which runs from its making on and ends with the reactor.

    @param reactor: an L{twisted.internet.interfaces.IReactorCore}.
    @param most: how many threads there may be.
    """

    def __init__(self, reactor: Any, name: str, most: int) -> None:
        super().__init__(0, most, name)
        self._reactor = reactor
        self.start()
        self._trigger = reactor.addSystemEventTrigger("during", "shutdown", self.stop)

    def close(self) -> None:
        """
        End it before the reactor ends.
        """
        self._reactor.removeSystemEventTrigger(self._trigger)
        self.stop()
