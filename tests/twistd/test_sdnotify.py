# -*- test-case-name: tests.twistd.test_sdnotify -*-
"""
What systemd is told.
"""

from __future__ import annotations

import os
import tempfile
import time

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.support.notify import Listener, abstractAddress
from txjmapaccess.twistd.sdnotify import Notifier, Watchdog, watchdogSeconds


class NotifierTests(SynchronousTestCase):
    """
    L{Notifier} (sd_notify(3)).
    """

    def listener(self, address: str) -> Listener:
        """
        @return: one that is closed after the test.
        """
        listener = Listener(address)
        self.addCleanup(listener.close)
        return listener

    def test_path(self) -> None:
        """
        The socket may be a file.
        """
        # The path of a socket is short: not in the test's own directory.
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "notify")
            listener = self.listener(path)
            Notifier.fromEnvironment({"NOTIFY_SOCKET": path}).ready("Serving tcp:143")
            self.assertEqual(listener.listen(), [["READY=1", "STATUS=Serving tcp:143"]])

    def test_abstract(self) -> None:
        """
        Or a name in Linux's abstract namespace.
        """
        address = abstractAddress()
        listener = self.listener(address)
        Notifier.fromEnvironment({"NOTIFY_SOCKET": address}).stopping("Stopping")
        self.assertEqual(listener.listen(), [["STOPPING=1", "STATUS=Stopping"]])

    def test_reloading(self) -> None:
        """
        RELOADING=1 comes with the time, which systemd demands of C{Type=notify-reload}.
        """
        address = abstractAddress()
        listener = self.listener(address)
        before = time.monotonic_ns()
        Notifier(address).reloading()
        [[reloading, when]] = listener.listen()
        self.assertEqual(reloading, "RELOADING=1")
        key, _, microseconds = when.partition("=")
        self.assertEqual(key, "MONOTONIC_USEC")
        self.assertTrue(before // 1000 <= int(microseconds) <= time.monotonic_ns() // 1000)

    def test_oneLine(self) -> None:
        """
        A status that has several lines says nothing else to systemd.
        """
        address = abstractAddress()
        listener = self.listener(address)
        Notifier(address).ready("oops\nMAINPID=1")
        self.assertEqual(listener.listen(), [["READY=1", "STATUS=oops MAINPID=1"]])

    def test_nobody(self) -> None:
        """
        Without systemd, or with a kind of socket that we do not know, nothing is said.
        """
        for environment in ({}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}):
            with capturedLogs() as logs:
                Notifier.fromEnvironment(environment).ready("Serving")
            self.assertEqual(logs, [])

    def test_gone(self) -> None:
        """
        When nobody listens any more, the log says so, and that is all.
        """
        with capturedLogs() as logs:
            Notifier("/nosuch/socket").ready("Serving")
        [event] = logs
        self.assertEqual(event["what"], "READY=1")


class WatchdogTests(SynchronousTestCase):
    """
    L{Watchdog} and L{watchdogSeconds} (sd_watchdog_enabled(3)).
    """

    def test_seconds(self) -> None:
        """
        C{WATCHDOG_USEC} counts for this process only, and when it is a time.
        """
        me, other = str(os.getpid()), str(os.getppid())
        self.assertEqual(watchdogSeconds({"WATCHDOG_USEC": "30000000"}), 30)
        self.assertEqual(watchdogSeconds({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": me}), 0.5)
        for environment in (
            {},
            {"WATCHDOG_USEC": "0"},
            {"WATCHDOG_USEC": "soon"},
            {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": other},
        ):
            self.assertIsNone(watchdogSeconds(environment))

    def test_tells(self) -> None:
        """
        While the service runs, systemd hears of it twice in its time.
        """
        address = abstractAddress()
        listener = Listener(address)
        self.addCleanup(listener.close)
        clock = Clock()
        watchdog = Watchdog(Notifier(address), 30, clock)
        watchdog.startService()
        self.assertEqual(listener.listen(), [["WATCHDOG=1"]])
        clock.advance(14)
        self.assertEqual(len(listener.listen()), 1)
        clock.advance(1)
        self.assertEqual(len(listener.listen()), 2)
        watchdog.stopService()
        clock.advance(60)
        self.assertEqual(len(listener.listen()), 2)
        self.assertEqual(clock.getDelayedCalls(), [])
