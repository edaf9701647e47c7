# -*- test-case-name: tests.integration.test_badinput -*-
"""
C{twistd} as a process of its own, with the Python that runs the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import txjmapaccess

_RUN = "from twisted.scripts.twistd import run; run()"
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(txjmapaccess.__file__)))


def command(*arguments: str) -> list[str]:
    """
    @return: the command line that runs C{twistd}.
    """
    return [sys.executable, "-c", _RUN, *arguments]


def environment() -> dict[str, str]:
    """
    @return: the environment in which it finds the package that is tested.
    """
    return {**os.environ, "PYTHONPATH": _ROOT, "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True)
class Outcome:
    """
    What was left of a process.
    """

    status: int
    stdout: str
    stderr: str


def twistd(directory: str, arguments: Sequence[str], timeout: float = 60) -> Outcome:
    """
    Run C{twistd} in C{directory} to its end.

    @param timeout: in seconds; a process that runs longer is killed.
    """
    done = subprocess.run(
        command(*arguments),
        cwd=directory,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
