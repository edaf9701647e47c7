# -*- test-case-name: tests.twistd.test_sdnotify -*-
"""
What systemd is told about the service (C{Type=notify}, see sd_notify(3)): one datagram of
C{KEY=value} lines to the socket that the environment names. Without that, nothing is told.

This is the whole protocol, so no library is needed for it.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger


class Notifier:
    """
    Tells systemd.

    @param address: the path of a datagram socket; with an C{@} in front, a name in Linux's
        abstract namespace. L{None} to send nothing.
    """

    _log = Logger()

    def __init__(self, address: str | None) -> None:
        self._address = address

    @classmethod
    def fromEnvironment(cls, environment: Mapping[str, str] = os.environ) -> Notifier:
        """
        @return: one for the C{NOTIFY_SOCKET} of the environment.
        """
        address = environment.get("NOTIFY_SOCKET", "")
        return cls(address if address[:1] in ("/", "@") else None)

    def ready(self, status: str) -> None:
        """
        The service is up, or up again after L{reloading}.

        @param status: a sentence for C{systemctl status}.
        """
        self.tell("READY=1", _status(status))

    def reloading(self) -> None:
        """
        A reload begins. L{ready} must follow.
        """
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        """
        The service shuts down.
        """
        self.tell("STOPPING=1", _status(status))

    def tell(self, *assignments: str) -> None:
        """
        Send C{KEY=value} lines. An error is only logged.
        """
        if self._address is None:
            return
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(assignments).encode("utf-8"), address)
        except OSError as e:
            self._log.warn("could not send {what} to systemd: {e}", what=assignments[0], e=e)


def _status(sentence: str) -> str:
    return "STATUS=" + " ".join(sentence.split())


def watchdogSeconds(environment: Mapping[str, str] = os.environ) -> float | None:
    """
    @return: C{WatchdogSec} of the unit, or L{None}.
    """
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        return int(environment["WATCHDOG_USEC"]) / 1e6 or None
    except (KeyError, ValueError):
        return None


class Watchdog(Service):
    """
    Notifies systemd twice in each C{WatchdogSec} that the reactor works.

    @param seconds: see L{watchdogSeconds}.
    """

    def __init__(self, notifier: Notifier, seconds: float, clock: IReactorTime) -> None:
        self._seconds = seconds
        self._call = LoopingCall(notifier.tell, "WATCHDOG=1")
        self._call.clock = clock

    def startService(self) -> None:
        """
        Begin.
        """
        super().startService()
        self._call.start(self._seconds / 2)

    def stopService(self) -> None:
        """
        End.
        """
        super().stopService()
        if self._call.running:
            self._call.stop()
