# -*- test-case-name: tests.oauth.test_checker -*-
"""
Log events about whether tokens can be checked, throttled.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txjmapaccess.logthrottle import LogThrottle

_EVENT = {"event": "backend", "backend": "introspection"}


class AvailabilityLog:
    """
    Logs when something stops working and when it works again. The same problem is logged at most
    once a minute.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._throttle = LogThrottle(clock.seconds)
        self._isDown = False

    def worked(self) -> None:
        """
        Log that it works again, if the last event was a failure.
        """
        if self._isDown:
            self._log.info("Access tokens can be checked again", state="up", **_EVENT)
            self._isDown = False

    def failed(self, problem: str) -> None:
        """
        Log C{problem}, unless it was logged recently.
        """
        if self._throttle.admit(problem) is None:
            return
        text = "Access tokens cannot be checked: {reason}"
        self._log.error(text, reason=problem, state="down", **_EVENT)
        self._isDown = True
