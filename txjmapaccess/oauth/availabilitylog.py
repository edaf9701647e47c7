# -*- test-case-name: tests.oauth.test_checker -*-
"""
Telling the operator, but not for every login.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

_REPEAT_SECONDS = 60.0

#: Different problems that are remembered; there are hardly ten.
_PROBLEMS = 100

_EVENT = {"event": "backend", "backend": "introspection"}


class AvailabilityLog:
    """
    Says when something stops working and when it works again. No problem is said again within a
    minute, whatever happens in between.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._said: dict[str, float] = {}
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
        now = self._clock.seconds()
        said = self._said.get(problem)
        if said is not None and 0 <= now - said < _REPEAT_SECONDS:
            return
        if len(self._said) >= _PROBLEMS:
            self._said.clear()
        self._said[problem] = now
        text = "Access tokens cannot be checked: {reason}"
        self._log.error(text, reason=problem, state="down", **_EVENT)
        self._isDown = True
