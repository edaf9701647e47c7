# -*- test-case-name: tests.integration.test_benchmarks -*-
"""
The benchmarks run, for a moment, with the real servers: so that they go on working. What they
measure here means nothing.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from pathlib import Path
from unittest import skipIf

from twisted.trial.unittest import TestCase

from benchmarks.load.loops import Crowd, Outcome, keepBusy, pace
from benchmarks.load.session import Script, Target
from benchmarks.results.document import BEGIN, END
from benchmarks.servers.people import LOGINS
from benchmarks.servers.process import Server
from benchmarks.servers.stage import CONTENDERS, Stage
from tests.support.coroutines import AsyncTestCase
from tests.support.demo import run
from tests.support.oidc import whyNoProvider
from tests.support.slapd import skipWithoutSlapd
from tests.support.twistd import environment

TINY = ["--rounds=1", "--seconds=0.1", "--at-once=4", "--rate=50", "--connections=20"]
TINY += ["--hang=0.2", "--load=20", "--only=clear,short", "--servers=bare,ldap"]


class RunnerTests(AsyncTestCase):
    """
    C{python -m benchmarks}, as one types it.
    """

    timeout = 300

    async def benchmark(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """
        @return: a run that came to its end as it should.
        """
        done = await run(
            [sys.executable, "-m", "benchmarks", *arguments], timeout=280, env=environment()
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    @skipIf(skipWithoutSlapd, skipWithoutSlapd or "")
    async def test_all(self) -> None:
        """
        The runner measures everything and writes the page and the chart; the page says how to
        repeat it.
        """
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "performance.md").write_text(f"# Performance\n\n{BEGIN}\n{END}\n")
        done = await self.benchmark("all", *TINY, "--write", str(directory))
        page = (directory / "performance.md").read_text()
        for title in (
            *("Targets", "Whole sessions a second", "Comparisons"),
            *("Login latency at 50", "20 clients that stay", "How long other clients wait"),
        ):
            self.assertIn(f"\n### {title}", page)
            self.assertIn(f"\n{title}", "\n" + done.stdout)
        self.assertIn(f"`python -m benchmarks all {' '.join(TINY)} --write", page)
        self.assertEqual(page.count("| txjmapaccess | LDAP |"), 4, page)
        self.assertIn("txjmapaccess, LDAP", (directory / "performance.svg").read_text())
        self.assertIn("sessions: round 1 of 1", done.stderr)

    @skipIf(whyNoProvider() or skipWithoutSlapd, whyNoProvider() or skipWithoutSlapd or "")
    async def test_others(self) -> None:
        """
        Sessions run with every other server too, long ones among them. Where Dovecot is not
        installed it is left out, and why is told.
        """
        ours = ("extended", "memory", "cached", "token", "threads", "search")
        servers = f"--servers={','.join(ours)},tuned,dovecot"
        done = await self.benchmark(
            "sessions", "--rounds=1", "--seconds=0.05", "--only=clear", "--helpers=2", servers
        )
        for server in ours:
            contender = CONTENDERS[server]
            self.assertRegex(done.stdout, rf"(?m)^{contender.program} +{contender.backend} +\d")
        told = "omitted: " in done.stderr
        self.assertNotEqual(told, "Dovecot, tuned " in done.stdout, done.stderr)


class LoadTests(TestCase):
    """
    The clients, with a server that has the passwords in memory.
    """

    def setUp(self) -> None:
        stage = Stage()
        self.addCleanup(stage.__exit__)
        self.server: Server = stage.server(CONTENDERS["bare"])

    def test_busy(self) -> None:
        """
        So many sessions run at a time as are wanted, in clear and TLS, one after the other.
        """
        for tls in (False, True):
            target, script = self.server.target(tls), Script(LOGINS, (b"NOOP",))
            # The machine may be busy without us.
            outcomes = (keepBusy(target, script, 3, seconds) for seconds in (0.2, 2, 20))
            outcome = next(each for each in outcomes if each.count > 3)
            self.assertEqual(len(outcome.logins), outcome.count)
            self.assertFalse(outcome.failures)
            self.assertTrue(all(0 < each < outcome.seconds for each in outcome.logins))

    def test_pace(self) -> None:
        """
        So many sessions are started as were wanted, in the time that was given.
        """
        outcome = pace(self.server.target(), Script(LOGINS), 50, 0.4)
        self.assertEqual((outcome.count, outcome.failures.total()), (20, 0))
        self.assertGreater(outcome.seconds, 0.37)

    def test_refused(self) -> None:
        """
        A login that is refused is a failure, and not a quick session.
        """
        outcome = keepBusy(self.server.target(), Script((b"LOGIN user1 wrong",)), 2, 0.1)
        self.assertEqual(outcome.count, 0)
        self.assertEqual(set(outcome.failures), {"NO"})

    def test_crowd(self) -> None:
        """
        A crowd stays until it leaves, and can come again.
        """
        crowd = Crowd(self.server.target(), Script(LOGINS, ends=False))
        self.addCleanup(crowd.leave)
        for count in (10, 30):
            crowd.gather(count, atOnce=5)
        self.assertEqual(self.connections(), 30)
        crowd.leave()
        outcome = crowd.gather(20)
        self.assertEqual((outcome.count, outcome.failures.total()), (20, 0))

    def connections(self) -> int:
        """
        @return: how many connections the server has.
        """
        with open("/proc/net/tcp") as file:
            lines = [line.split() for line in file]
        port = f":{self.server.target().port:04X}"
        return sum(line[1].endswith(port) and line[3] == "01" for line in lines)


class BrokenServerTests(TestCase):
    """
    The clients, with a server that closes every connection.
    """

    def setUp(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.target = Target(listener.getsockname()[1])
        thread = threading.Thread(target=self.serve, args=(listener,))
        thread.start()
        self.addCleanup(thread.join)
        # This wakes accept up.
        self.addCleanup(listener.shutdown, socket.SHUT_RDWR)

    def serve(self, listener: socket.socket) -> None:
        """
        Runs in a thread of its own.
        """
        with listener, contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.sendall(b"* OK for now\r\n")
                connection.close()

    def check(self, outcome: Outcome) -> None:
        """
        Nobody got in, and why is told.
        """
        self.assertEqual(outcome.count, 0)
        self.assertLessEqual({"closed"}, set(outcome.failures))
        known = {"closed", "late", "ECONNRESET", "EPIPE"}
        self.assertLessEqual(set(outcome.failures), known)

    def test_busy(self) -> None:
        """
        A session that is cut off is a failure.
        """
        self.check(keepBusy(self.target, Script(LOGINS), 2, 0.1))

    def test_crowd(self) -> None:
        """
        Clients of a crowd try again, and who never gets in is counted.
        """
        crowd = Crowd(self.target, Script(LOGINS, ends=False), patience=0.05)
        outcome = crowd.gather(3, seconds=0.5)
        crowd.leave()
        self.check(outcome)
        self.assertEqual(outcome.failures["late"], 3)
        self.assertGreater(outcome.failures.total(), 3 + 3 * 2)
