# -*- test-case-name: tests.integration.test_badinput -*-
"""
C{twistd} as a process of its own, with the Python that runs the tests.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import txjmapaccess
from tests.support import leaks as support_leaks

_RUN = "from twisted.scripts.twistd import run; run()"
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(txjmapaccess.__file__)))


def command(*arguments: str, first: str = "") -> list[str]:
    """
    @param first: a module that the process imports before anything else.

    @return: the command line that runs C{twistd}.
    """
    # The package of the tests collects what the process logs, when that is wanted.
    modules = [support_leaks.directory() and "tests", first]
    imports = "".join(f"import {module}; " for module in modules if module)
    return [sys.executable, "-c", imports + _RUN, *arguments]


def environment(*path: str) -> dict[str, str]:
    """
    @param path: directories of modules that come before all others.

    @return: the environment in which it finds the package that is tested.
    """
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*path, _ROOT]),
        "PYTHONUNBUFFERED": "1",
    }


def heedSIGINT() -> None:
    """
    To be called in a new process (C{preexec_fn}): what is started in the background of a shell
    ignores SIGINT, and so would all that it starts.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Outcome:
    """
    What was left of a process.
    """

    status: int
    stdout: str
    stderr: str


def twistd(
    directory: str, arguments: Sequence[str], timeout: float = 120, path: str | None = None
) -> Outcome:
    """
    Run C{twistd} in C{directory} to its end.

    @param path: a directory of modules that come before all others.
    @param timeout: in seconds; a process that runs longer is killed.
    """
    done = subprocess.run(
        command(*arguments),
        cwd=directory,
        env=environment() if path is None else environment(path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    support_leaks.keepText(done.stdout + done.stderr)
    return Outcome(done.returncode, done.stdout, done.stderr)


def waitUntil(condition: Callable[[], object], seconds: float = 90) -> None:
    """
    Wait for C{condition} to be true.

    @raise TimeoutError: when it was not.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("what was waited for did not come")
        time.sleep(0.05)


def listens(port: int) -> bool:
    """
    @return: whether anybody listens on C{port} of 127.0.0.1.
    """
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Running:
    """
    A C{twistd -n} that runs until L{stop}. Its log is in a file.

    @param port: one of those on which it will listen.
    @param first: a module that it imports before anything else.
    @param variables: of its environment, besides what it has anyway.
    @param wrapper: a command that runs it.
    """

    def __init__(
        self,
        directory: str,
        arguments: Sequence[str],
        port: int,
        first: str = "",
        variables: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
    ) -> None:
        self._log = os.path.join(directory, "log")
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                [*wrapper, *command("-n", *arguments, first=first)],
                cwd=directory,
                env={**environment(), **(variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            waitUntil(lambda: self._serves(port) or self._process.poll() is not None)
            assert self._process.poll() is None, self.log()
        except BaseException:
            self.stop()
            raise

    def _serves(self, port: int) -> bool:
        # The port is bound some time before the service starts.
        return "Serving " in self.log() and listens(port)

    def log(self) -> str:
        """
        @return: what it has logged so far.
        """
        with open(self._log) as file:
            return file.read()

    def hangUp(self, line: str) -> None:
        """
        Send it SIGHUP, and wait for C{line} in the log.
        """
        before = self.log().count(line)
        self._process.send_signal(signal.SIGHUP)
        waitUntil(lambda: self.log().count(line) > before)

    @property
    def pid(self) -> int:
        """
        Its process ID.
        """
        return self._process.pid

    def terminate(self) -> None:
        """
        Ask it to end (SIGTERM).
        """
        self._process.terminate()

    def ended(self, seconds: float = 60) -> int:
        """
        @return: its exit status, when it has come to its end.
        """
        return self._process.wait(seconds)

    def kill(self) -> None:
        """
        End it without asking (SIGKILL).
        """
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """
        End it.

        @return: its exit status.
        """
        self._process.terminate()
        try:
            return self._process.wait(60)
        finally:
            self._process.kill()
            self._process.wait()
            support_leaks.keep(self._log)
