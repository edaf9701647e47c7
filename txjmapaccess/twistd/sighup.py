# -*- test-case-name: tests.twistd.test_service -*-
"""
Reload on SIGHUP.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service


class ReloadSignal(Service):
    """
    Calls C{reload} in the reactor's thread on SIGHUP, while the service runs.
    """

    def __init__(self, reload: Callable[[], None], reactor: Any) -> None:
        self._reload = reload
        self._reactor = reactor
        self._before: Any = signal.SIG_DFL

    def startService(self) -> None:
        """
        Install the handler.
        """
        super().startService()
        self._before = signal.signal(signal.SIGHUP, self._received)

    def stopService(self) -> None:
        """
        Restore the previous handler.
        """
        super().stopService()
        signal.signal(signal.SIGHUP, self._before)

    def _received(self, number: int, frame: Any) -> None:
        self._reactor.callFromThread(self._reload)
