# -*- test-case-name: tests.test_limits -*-
"""
Log events for the limits that were reached, few enough for a flood of connections not to become a
flood of lines.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from twisted.logger import Logger

#: Seconds within which there is one line for a limit and a source.
PAUSE = 60.0
#: Lines within L{PAUSE}, over all sources.
MOST_LINES = 100

_OTHERS = ("", None)


class LimitLog:
    """
    @param seconds: the clock.
    """

    _log = Logger()

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._said: OrderedDict[tuple[str, str | None], float] = OrderedDict()

    def reached(self, limit: str, source: str | None) -> None:
        """
        Log that a limit was reached, unless that was just done.

        @param limit: the key of C{[imap.limits]}.
        @param source: the address, or the /64, of the client; L{None} when it is exempt from the
            limits by address, or when the limit is not by address.
        """
        self._forget()
        about = (limit, source) if len(self._said) < MOST_LINES else _OTHERS
        if (limit, source) in self._said or about in self._said:
            return
        self._said[about] = self._seconds()
        if about is _OTHERS:
            self._log.warn("More limits were reached, by more addresses than are logged")
        else:
            text = "The limit {limit} was reached" + (" by {address}" if source else "")
            self._log.warn(text, event="limit", limit=limit, address=source)

    def _forget(self) -> None:
        before = self._seconds() - PAUSE
        while self._said and next(iter(self._said.values())) <= before:
            self._said.popitem(last=False)
