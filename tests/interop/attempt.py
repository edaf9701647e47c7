# -*- test-case-name: tests.integration.test_clients_tls -*-
"""
What a client is told to do, and how programs are run.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass

#: The ways to log in. LOGIN is the command; what the server logs is the last word.
LOGIN = "LOGIN"
SASL_LOGIN = "AUTHENTICATE LOGIN"
PLAIN = "AUTHENTICATE PLAIN"
OAUTHBEARER = "AUTHENTICATE OAUTHBEARER"
XOAUTH2 = "AUTHENTICATE XOAUTH2"

PASSWORDS = (LOGIN, SASL_LOGIN, PLAIN)
TOKENS = (OAUTHBEARER, XOAUTH2)

USER = "arnt"
#: How long a program may take, in seconds.
PATIENCE = 40


class Failed(Exception):
    """
    A client did not do what it was told; the text is what it said.
    """


@dataclass(frozen=True)
class Attempt:
    """
    Log in to localhost, and read the one message of the INBOX.

    @ivar directory: an empty one, for the client's files.
    @ivar port: where the server listens.
    @ivar startTLS: whether TLS begins with STARTTLS.
    @ivar authority: a file with the only certificate authority to trust, PEM.
    @ivar mechanism: one of the above.
    @ivar secret: the password or the token.
    """

    directory: str
    port: int
    startTLS: bool
    authority: str
    mechanism: str
    secret: str
    user: str = USER

    def path(self, name: str) -> str:
        """
        @return: the path of a file of the client's.
        """
        return os.path.join(self.directory, name)

    def write(self, name: str, *lines: str) -> str:
        """
        Write a file for the client, readable for nobody else.

        @return: its path.
        """
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in lines)
        os.chmod(path, 0o600)
        return path

    def read(self, name: str) -> bytes:
        """
        @return: what is in a file, or C{b""} when there is none.
        """
        try:
            with open(self.path(name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def environment(self) -> dict[str, str]:
        """
        @return: an environment with a home directory of its own, and this authority for programs
            that take it from there (OpenSSL, Go).
        """
        return {
            "PATH": os.environ["PATH"],
            "HOME": self.directory,
            "LC_ALL": "C.UTF-8",
            "TERM": "vt100",
            "SSL_CERT_FILE": self.authority,
            "SSL_CERT_DIR": self.directory,
        }

    def run(self, *command: str) -> bytes:
        """
        Run a program to its end.

        @return: its standard output.

        @raise Failed: when its exit status is not 0.
        """
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode:
            raise Failed((done.stdout + done.stderr).decode("utf-8", "replace"))
        return done.stdout

    def runOnTerminal(
        self, command: Sequence[str], keys: Sequence[bytes] = (), seconds: float = PATIENCE
    ) -> bytes:
        """
        Run a program that wants a terminal to its end.

        @param seconds: for how long at most.
        @param keys: what to type, one after the other when nothing has been shown for a second.
            Nothing new for two seconds after the last of them is taken for the end.

        @return: all that it has shown.
        """
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        # It is to be the controlling terminal, too.
        process = subprocess.Popen(
            ["setsid", "--ctty", *command],
            cwd=self.directory,
            env=self.environment(),
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        try:
            return _converse(master, list(keys), seconds)
        finally:
            os.close(master)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _converse(terminal: int, keys: list[bytes], seconds: float) -> bytes:
    shown = b""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 1 if keys else 2)
        if not ready:
            if not keys:
                break
            os.write(terminal, keys.pop(0))
            continue
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # It has ended.
            break
        if not chunk:
            break
        shown += chunk
    return shown


class Client:
    """
    A mail client. Subclasses say how it is driven.

    @cvar name: what it is called.
    @cvar program: what has to be installed.
    @cvar mechanisms: the ways to log in that it has and that can be chosen.
    @cvar startTLS: whether it has STARTTLS.
    @cvar implicitTLS: whether it has TLS from the start.
    @cvar longestToken: in octets, as far as that matters here.
    @cvar remark: what else there is to say about it.
    """

    name = ""
    program = ""
    mechanisms: tuple[str, ...] = ()
    startTLS = True
    implicitTLS = True
    longestToken = 2000
    remark = ""

    def missing(self) -> str:
        """
        @return: why it cannot be run, or C{""}.
        """
        return "" if shutil.which(self.program) else f"{self.program} is not installed"

    def version(self) -> str:
        """
        @return: its version.
        """
        raise NotImplementedError

    def read(self, attempt: Attempt) -> bytes:
        """
        Log in and read.

        @return: the message, or what the client makes of it.

        @raise Exception: when that did not work.
        """
        raise NotImplementedError


def firstLine(*command: str) -> str:
    """
    @return: the first line that a program writes.
    """
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False
    )
    return (done.stdout or done.stderr).strip().split("\n")[0]


def pythonVersion() -> str:
    """
    @return: that of Python.
    """
    return "Python " + sys.version.split()[0]
