# -*- test-case-name: tests.test_logthrottle -*-
"""
The one throttle for log events that can repeat: each is logged once a minute, and the number of
different ones is limited.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

#: Seconds within which one event is logged once.
PAUSE = 60.0
#: Different events within L{PAUSE}.
MOST_EVENTS = 100

#: Stands for every event beyond L{MOST_EVENTS}.
OTHERS: Final = object()


class LogThrottle:
    """
    @param seconds: the clock.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._logged: OrderedDict[Hashable, float] = OrderedDict()

    def admit(self, event: Hashable) -> Hashable:
        """
        @param event: what makes an event another one.

        @return: what to log: C{event}; L{OTHERS} when there are too many different ones; L{None}
            for nothing, because it was logged within the last L{PAUSE} seconds.
        """
        now = self._seconds()
        # The first one is the oldest. A clock that goes back makes all old.
        while self._logged and not 0 <= now - next(iter(self._logged.values())) < PAUSE:
            self._logged.popitem(last=False)
        admitted = event if len(self._logged) < MOST_EVENTS else OTHERS
        if event in self._logged or admitted in self._logged:
            return None
        self._logged[admitted] = now
        return admitted
