# -*- test-case-name: tests.integration.test_ports -*-
"""
Tests for L{tests.support.ports}.
"""

from __future__ import annotations

import socket
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.support.ports import BLOCK, FIRST, LAST, demoPorts, freePort
from tests.support.twistd import environment

_PRINT = "from tests.support.ports import freePort; print(*(freePort() for _ in range(200)))"
_LOCK = """\
from tests.support.ports import demoPorts
print("waiting", flush=True)
with demoPorts():
    print("mine")
"""


class FreePortTests(SynchronousTestCase):
    """
    Tests for L{freePort}.
    """

    def test_distinct(self) -> None:
        """
        A port comes again only after all the others of the process, and none is one that a system
        gives to whoever asks for any.
        """
        ports = [freePort() for _ in range(BLOCK // 2)]
        self.assertEqual(len(set(ports)), len(ports))
        self.assertTrue(all(FIRST < port < LAST for port in ports))

    def test_inUse(self) -> None:
        """
        A port on which somebody listens is not given.
        """
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", freePort()))
            listening.listen()
            taken = listening.getsockname()[1]
            self.assertNotIn(taken, [freePort() for _ in range(2 * BLOCK)])

    def test_processes(self) -> None:
        """
        Another process has other ports.
        """
        ours = {freePort() for _ in range(BLOCK)}
        done = subprocess.run(
            [sys.executable, "-c", _PRINT],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        self.assertEqual(ours & {int(port) for port in done.stdout.split()}, set())


class DemoPortsTests(SynchronousTestCase):
    """
    Tests for L{demoPorts}.
    """

    def test_oneAtATime(self) -> None:
        """
        Another process gets them when this one has done with them.
        """
        with demoPorts():
            process = subprocess.Popen(
                [sys.executable, "-c", _LOCK], env=environment(), stdout=subprocess.PIPE, text=True
            )
            self.addCleanup(process.communicate)
            assert process.stdout is not None
            self.assertEqual(process.stdout.readline(), "waiting\n")
            with self.assertRaises(subprocess.TimeoutExpired):
                process.wait(0.3)
        self.assertEqual(process.communicate(timeout=60)[0], "mine\n")
