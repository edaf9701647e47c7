# -*- test-case-name: tests.twistd.test_logfile -*-
"""
Where the log goes, and in which form.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from twisted.application.service import Application, MultiService, Service
from twisted.logger import ILogObserver, Logger, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.twistd.logfile import LoggedService


class Reactor:
    """
    Does at once what it is asked to do in its own time.
    """

    def callFromThread(self, function: Callable[[], object]) -> None:
        """
        See L{twisted.internet.interfaces.IReactorFromThreads}.
        """
        function()


class LoggedServiceTests(SynchronousTestCase):
    """
    L{LoggedService}.
    """

    def setUp(self) -> None:
        self.patch(sys, "stdout", io.StringIO())
        before = signal.getsignal(signal.SIGUSR1)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        self.application: Any = Application("jmapaccess")
        self.path = os.path.abspath(self.mktemp())

    def observer(self, form: str = "text", **options: Any) -> Any:
        """
        @return: what a C{twistd} with C{options} would log with.
        """
        LoggedService(Service(), options, form, Reactor()).setServiceParent(self.application)
        return self.application.getComponent(ILogObserver, None)

    def log(self, observer: Any, text: str) -> None:
        """
        Log one line.
        """
        Logger("x", observer=observer).info(text)

    def read(self, path: str) -> str:
        """
        @return: what is in a file.
        """
        with open(path) as file:
            return file.read()

    def test_foreground(self) -> None:
        """
        In the foreground the log goes to stdout.
        """
        for options in ({}, {"logfile": "-"}):
            self.log(self.observer(nodaemon=True, **options), "a line")
        self.assertEqual(sys.stdout.getvalue().count("[x#info] a line\n"), 2)  # type: ignore

    def test_file(self) -> None:
        """
        With --logfile it goes there, in the foreground as well.
        """
        for isInForeground in (True, False):
            self.log(self.observer(nodaemon=isInForeground, logfile=self.path), "a line")
        self.assertEqual(self.read(self.path).count("[x#info] a line\n"), 2)
        self.assertEqual(sys.stdout.getvalue(), "")  # type: ignore[attr-defined]

    def test_background(self) -> None:
        """
        In the background it goes to twistd.log, which SIGUSR1 rotates.
        """
        self.addCleanup(os.chdir, os.getcwd())
        os.mkdir(self.path)
        os.chdir(self.path)
        observer = self.observer()
        self.log(observer, "before")
        os.kill(os.getpid(), signal.SIGUSR1)
        self.log(observer, "behind")
        self.assertIn("before", self.read("twistd.log.1"))
        self.assertIn("behind", self.read("twistd.log"))

    def test_signalTaken(self) -> None:
        """
        Whoever has taken SIGUSR1 keeps it.
        """
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        self.observer(logfile=self.path)
        self.assertIs(signal.getsignal(signal.SIGUSR1), signal.SIG_IGN)

    def test_backgroundToStdout(self) -> None:
        """
        A daemon cannot log to stdout.
        """
        error = self.assertRaises(SystemExit, self.observer, logfile="-")
        self.assertEqual(error.code, "Daemons cannot log to stdout, exiting!")

    def test_json(self) -> None:
        """
        The form of the lines may be JSON.
        """
        self.log(self.observer("json", nodaemon=True), "a line")
        line = json.loads(sys.stdout.getvalue())  # type: ignore[attr-defined]
        self.assertEqual((line["text"], line["system"]), ("a line", "x"))

    def test_othersLog(self) -> None:
        """
        With --logger and --syslog, C{twistd} makes the log. JSON is not to be had then, which the
        operator is told.
        """
        events: list[Any] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        for options in ({"logger": object()}, {"syslog": True}):
            self.assertIsNone(self.observer(**options))
        self.assertEqual(events, [])
        self.assertIsNone(self.observer("json", syslog=True))
        [event] = events
        self.assertIs(event["log_level"], LogLevel.warn)
        self.assertIn("[log] format has no effect", event["log_format"])

    def test_notTwistd(self) -> None:
        """
        Within another service, or without C{twistd}, the log is somebody else's.
        """
        LoggedService(Service(), {}, "text", Reactor()).setServiceParent(MultiService())
        LoggedService(Service(), None, "text", Reactor()).setServiceParent(self.application)
        self.assertIsNone(self.application.getComponent(ILogObserver, None))
        self.assertFalse(os.path.exists("twistd.log"))

    def test_service(self) -> None:
        """
        What is logged starts and stops with it.
        """
        inner = Service()
        outer = LoggedService(inner, None, "text", Reactor())
        outer.startService()
        self.assertTrue(inner.running)
        outer.stopService()
        self.assertFalse(inner.running)
