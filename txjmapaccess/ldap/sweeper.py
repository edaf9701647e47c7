# -*- test-case-name: tests.integration.test_ldap_connections -*-
"""
Looking now and then for connections that nobody uses, as long as there are any.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall

#: Seconds after which an idle connection is closed, and between looks for such.
CLOSE_IDLE_AFTER = 60.0
SWEEP = 15.0


class ConnectionSweeper:
    """
    @param clock: for C{callLater}.
    @param sweep: closes what was not used for so many seconds, and says whether anything is left.
    """

    def __init__(self, clock: Any, sweep: Callable[[float], bool]) -> None:
        self._clock = clock
        self._sweep = sweep
        self._timer: IDelayedCall | None = None
        self._isOver = False

    def later(self) -> None:
        """
        There may be something to sweep.
        """
        if self._timer is None and not self._isOver:
            self._timer = self._clock.callLater(SWEEP, self._now)

    def close(self) -> None:
        """
        There is nothing any more, and there will not be.
        """
        self._isOver = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _now(self) -> None:
        self._timer = None
        if self._sweep(CLOSE_IDLE_AFTER):
            self.later()
