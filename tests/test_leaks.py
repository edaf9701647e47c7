# -*- test-case-name: tests.test_leaks -*-
"""
That a password or a token in a log would be found.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from base64 import b64encode
from contextlib import redirect_stdout

from twisted.trial.unittest import SynchronousTestCase

from tests.leaks import EXPECTED, main
from tests.support import leaks as support_leaks
from tests.support.paths import ROOT

SECRET = b"correct horse/b\xc3\xa4ttery"

_CHILD = """
import tests
from twisted.logger import Logger
from txjmapaccess.credentials import BearerToken, UsernamePassword
password = UsernamePassword(b"ada", b"correct-horse-battery")
token = BearerToken("staple-of-paper")
Logger("txjmapaccess.x").info("ada logged in with PLAIN", credentials=(password, token))
"""


class LeaksTests(SynchronousTestCase):
    """
    L{tests.leaks}, which reads what L{tests.support.leaks} has collected.
    """

    def setUp(self) -> None:
        self.directory = os.path.abspath(self.mktemp())
        os.mkdir(self.directory)

    def write(self, name: str, content: bytes) -> None:
        """
        Add to a file of what was collected.
        """
        with open(os.path.join(self.directory, name), "ab") as file:
            file.write(content)

    def collect(self, *secrets: bytes, log: bytes = b"") -> None:
        """
        Collect secrets and a log.
        """
        for secret in secrets:
            self.write("secrets-1", secret.hex().encode() + b"\n")
        self.write("events-1", b"ada " + EXPECTED + b" PLAIN\n" + log + b"\n")

    def judge(self) -> tuple[int, str]:
        """
        @return: the exit status, and what is printed.
        """
        with redirect_stdout(io.StringIO()) as printed:
            status = main(self.directory)
        return status, printed.getvalue()

    def assertFound(self, text: bytes) -> None:
        """
        Assert that C{SECRET} is found in a log with C{text}.
        """
        self.collect(SECRET, log=b"before " + text + b" behind")
        status, printed = self.judge()
        self.assertEqual(status, 1, text)
        self.assertRegex(printed, r"events-1:2:.*\n1 problems\n\Z")

    def test_clean(self) -> None:
        """
        Logs without secrets are good.
        """
        self.collect(SECRET, b"another-secret", log=b"correct horse")
        self.assertEqual(
            self.judge(), (0, "2 of 2 passwords and tokens, 39 octets of logs\n0 problems\n")
        )

    def test_plain(self) -> None:
        """
        A secret is found as it is.
        """
        self.assertFound(SECRET)

    def test_base64(self) -> None:
        """
        It is found in base64, wherever it begins there: in the response of PLAIN, in a header.
        """
        for before in (b"", b"\0", b"\0ab", b"\0abcd", b"user:"):
            for behind in (b"", b"\1", b"\1\1"):
                self.directory = os.path.abspath(self.mktemp())
                os.mkdir(self.directory)
                self.assertFound(b64encode(before + SECRET + behind))

    def test_repr(self) -> None:
        """
        It is found in what repr() makes of octets.
        """
        self.assertFound(repr([SECRET]).encode())

    def test_escaped(self) -> None:
        """
        It is found in ASCII.
        """
        self.assertFound(ascii(SECRET.decode()).encode())

    def test_url(self) -> None:
        """
        It is found in a URL.
        """
        self.assertFound(b"?token=correct%20horse%2Fb%C3%A4ttery")

    def test_form(self) -> None:
        """
        It is found in the body of a request.
        """
        self.assertFound(b"token=correct+horse%2Fb%C3%A4ttery")

    def test_severalLines(self) -> None:
        """
        A secret of several lines is found by one of them.
        """
        self.collect(b"short\nand-a-long-line", log=b"here: and-a-long-line")
        self.assertEqual(self.judge()[0], 1)

    def test_notCollected(self) -> None:
        """
        Without secrets, or without logs, nothing is proven.
        """
        self.assertEqual(self.judge(), (1, "no password and no token was collected\n1 problems\n"))
        self.write("secrets-1", SECRET.hex().encode() + b"\n")
        self.assertEqual(self.judge(), (1, "no log was collected\n1 problems\n"))
        self.write("events-1", b"something else\n")
        self.assertEqual(self.judge()[0], 1)

    def test_notDistinct(self) -> None:
        """
        What is short, or a word of the package itself, says nothing.
        """
        self.collect(b"x", b"secret", log=b"x secret")
        self.assertEqual(self.judge(), (1, "no password and no token was collected\n1 problems\n"))

    def run_(self, program: str) -> None:
        """
        Run a process whose logs and credentials are collected.
        """
        environment = {**os.environ, support_leaks.VARIABLE: self.directory, "PYTHONPATH": ROOT}
        command = [sys.executable, "-c", program]
        subprocess.run(command, env=environment, capture_output=True, check=True)

    def test_process(self) -> None:
        """
        What a process logs is collected, and which passwords and tokens it has met.
        """
        self.run_(_CHILD)
        status, printed = self.judge()
        self.assertEqual((status, printed[:6]), (0, "2 of 2"), printed)

    def test_leakInText(self) -> None:
        """
        A password in the text of an event is found.
        """
        self.run_(_CHILD + 'Logger("x").info("{it}", it=password.password)')
        self.assertIn("correct-horse-battery", self.judge()[1])

    def test_leakInField(self) -> None:
        """
        A token in a field of an event of ours is found, although no text shows it.
        """
        self.run_(_CHILD + 'Logger("txjmapaccess.x").info("text", it={"a": token.token})')
        self.assertEqual(self.judge()[0], 1)

    def test_leakInTraceback(self) -> None:
        """
        A password in an exception is found.
        """
        self.run_(
            _CHILD
            + "try:\n    raise ValueError(password.password)\n"
            + 'except ValueError:\n    Logger("x").failure("text")'
        )
        self.assertEqual(self.judge()[0], 1)
