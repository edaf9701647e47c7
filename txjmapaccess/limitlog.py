# -*- test-case-name: tests.test_limits -*-
"""
Log events for limits that were reached, throttled so that a flood of connections does not flood the
log.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from txjmapaccess.logthrottle import OTHERS, LogThrottle


class LimitLog:
    """
    @param seconds: the clock.
    """

    _log = Logger()

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._throttle = LogThrottle(seconds)

    def reached(self, limit: str, source: str | None) -> None:
        """
        Log that a limit was reached, unless it was logged recently.

        @param limit: the key of C{[imap.limits]}.
        @param source: the address, or the /64, of the client; L{None} when it is exempt from the
            limits by address, or when the limit is not by address.
        """
        admitted = self._throttle.admit((limit, source))
        if admitted is OTHERS:
            self._log.warn("Further limits were reached; not all are logged")
        elif admitted is not None:
            text = "The limit {limit} was reached" + (" by {address}" if source else "")
            self._log.warn(text, event="limit", limit=limit, address=source)
