# -*- test-case-name: tests.integration.test_logs -*-
"""
The log of C{twistd jmapaccess}, in all the ways in which C{twistd} writes one.
"""

from __future__ import annotations

import imaplib
import json
import os
import re
import signal
from typing import Any

from tests import leaks
from tests.integration.test_twistd import TwistdTestCase
from tests.support import leaks as support_leaks
from tests.support.twistd import twistd, waitUntil

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} \[[^\]]+\] .+|\t.*")


class LogTestCase(TwistdTestCase):
    """
    A server with passwords that are right and wrong.
    """

    def settings(self, form: str) -> str:
        """
        @return: the option with the path of a configuration file.
        """
        limits = "[imap.limits]\nrefusal_seconds = 0"
        return self.configure(imap=limits, jmap=f'[log]\nformat = "{form}"')

    def logIn(self) -> None:
        """
        Log in, after a wrong password.
        """
        with imaplib.IMAP4("127.0.0.1", self.port, 20) as client:
            self.assertRaises(imaplib.IMAP4.error, client.login, "ada", "not-lovelace")
            client.login("ada", "lovelace")

    def inBackground(self, *options: str, form: str = "json") -> None:
        """
        Log in to a server in the background that is hung up and ended.
        """
        arguments = ["--pidfile=imap.pid", *options, "jmapaccess", self.settings(form), self.auth]
        outcome = twistd(self.directory, arguments)
        self.assertEqual((outcome.status, outcome.stdout, outcome.stderr), (0, "", ""))
        with open(self.path("imap.pid")) as file:
            pid = int(file.read())
        try:
            self.logIn()
            os.kill(pid, signal.SIGHUP)
        finally:
            os.kill(pid, signal.SIGTERM)
        waitUntil(lambda: not os.path.exists(self.path("imap.pid")))

    def read(self, name: str) -> str:
        """
        @return: what is in a file of the test's directory.
        """
        with open(self.path(name)) as file:
            return file.read()


class LogTests(LogTestCase):
    """
    C{[log] format}.
    """

    def assertJSON(self, log: str) -> None:
        """
        Assert that C{log} is one of JSON, with everything from the start of C{twistd} on.
        """
        lines: list[Any] = [json.loads(line) for line in log.splitlines()]
        texts = [line["text"] for line in lines]
        self.assertTrue(any("starting up" in text for text in texts), texts)
        logins = [line for line in lines if line.get("event") == "login"]
        self.assertEqual([line["result"] for line in logins], ["refused", "accepted"])
        self.assertEqual([line.get("username") for line in logins], [None, "ada"])
        self.assertEqual(len({line["connection"] for line in logins}), 1)

    def assertText(self, log: str) -> None:
        """
        The same for a log of text.
        """
        for line in log.splitlines():
            self.assertRegex(line, LINE)
        login = r"#info\] ada logged in with LOGIN from 127\.0\.0\.1, JMAP is usable"
        self.assertRegex(log, login + r" \(connection \d+, 0\.\d{3} s\)\n")
        self.assertIn(" starting up.\n", log)

    def test_jsonInForeground(self) -> None:
        """
        JSON on stdout.
        """
        running = self.start(self.settings("json"), self.auth)
        self.logIn()
        running.stop()
        self.assertJSON(running.log())

    def test_textInForeground(self) -> None:
        """
        Text on stdout.
        """
        running = self.start(self.settings("text"), self.auth)
        self.logIn()
        running.stop()
        self.assertText(running.log())

    def test_jsonInBackground(self) -> None:
        """
        JSON in twistd.log.
        """
        self.inBackground()
        self.assertJSON(self.read("twistd.log"))

    def test_fileInBackground(self) -> None:
        """
        JSON, or text, in the file of --logfile.
        """
        self.inBackground("--logfile=imap.log")
        self.assertJSON(self.read("imap.log"))
        self.inBackground("--logfile=text.log", form="text")
        self.assertText(self.read("text.log"))
        self.assertFalse(os.path.exists(self.path("twistd.log")))

    def test_logger(self) -> None:
        """
        With --logger it is somebody else's log; that [log] format has no effect is in it.
        """
        self.write(
            "mylog.py",
            "from twisted.logger import textFileLogObserver\n"
            "def observer():\n"
            "    return textFileLogObserver(open('my.log', 'w'))\n",
        )
        self.inBackground("--logger=mylog.observer")
        log = self.read("my.log")
        self.assertIn("[log] format has no effect together with --syslog or --logger", log)
        self.assertIn("ada logged in", log)
        self.assertFalse(os.path.exists(self.path("twistd.log")))

    def test_daemonToStdout(self) -> None:
        """
        A daemon that should log to stdout is refused as C{twistd} refuses it.
        """
        outcome = twistd(
            self.directory, ["--logfile=-", "jmapaccess", self.settings("json"), self.auth]
        )
        self.assertEqual(outcome.stderr, "Daemons cannot log to stdout, exiting!\n")
        self.assertEqual(outcome.status, 1)


class CollectedTests(LogTestCase):
    """
    What L{tests.leaks} gets to see of C{twistd}.
    """

    def setUp(self) -> None:
        super().setUp()
        self.collected = self.path("collected")
        os.mkdir(self.collected)
        self.patch(os, "environ", {**os.environ, support_leaks.VARIABLE: self.collected})

    def assertCollected(self) -> None:
        """
        Assert that passwords and log are there, and nothing wrong with them.
        """
        secrets, files = leaks.read(self.collected)
        self.assertLessEqual({b"not-lovelace", b"lovelace"}, secrets)
        log = "".join(self.read(path) for path in files)
        self.assertIn("'username': 'ada'", log)
        self.assertEqual(leaks.problems(self.collected, len), [])

    def test_foreground(self) -> None:
        """
        Everything from a C{twistd} in the foreground.
        """
        running = self.start(self.settings("text"), self.auth)
        self.logIn()
        running.stop()
        self.assertCollected()

    def test_background(self) -> None:
        """
        Everything from one in the background.
        """
        self.inBackground()
        self.assertCollected()
