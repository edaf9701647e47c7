# -*- test-case-name: tests.test_oauth_checker -*-
"""
Telling the operator, but not for every login.
"""

from __future__ import annotations

import math

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

_REPEAT_SECONDS = 60.0


class Alarm:
    """
    Says when something stops working and when it works again. The same problem is not said again
    within a minute.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._said = ""
        self._saidAt = -math.inf

    def worked(self) -> None:
        """
        Log that it works again, if it did not.
        """
        if self._said:
            self._log.info("Access tokens can be checked again")
            self._said = ""

    def failed(self, problem: str) -> None:
        """
        Log C{problem}, unless that was just done.
        """
        now = self._clock.seconds()
        if problem != self._said or not 0 <= now - self._saidAt < _REPEAT_SECONDS:
            self._log.error("Access tokens cannot be checked: {problem}", problem=problem)
            self._said, self._saidAt = problem, now
