# -*- test-case-name: tests.oauth.test_checker -*-
"""
Log events about whether tokens can be checked, but not for every login.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txjmapaccess.logthrottle import LogThrottle

_EVENT = {"event": "backend", "backend": "introspection"}


class AvailabilityLog:
    """
    Says when something stops working and when it works again. No problem is said again within a
    minute, whatever happens in between.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._throttle = LogThrottle(clock.seconds)
        self._isDown = False

    def worked(self) -> None:
        """
        Log that it works again, if the last that was said is that it does not.
        """
        if self._isDown:
            self._log.info("Access tokens can be checked again", state="up", **_EVENT)
            self._isDown = False

    def failed(self, problem: str) -> None:
        """
        Log C{problem}, unless that was just done.
        """
        if self._throttle.admit(problem) is None:
            return
        text = "Access tokens cannot be checked: {reason}"
        self._log.error(text, reason=problem, state="down", **_EVENT)
        self._isDown = True
