"""
What the tests of C{txjmapaccess check} share.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from twisted.internet.interfaces import IReactorTime
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.check.findings import Finding
from txjmapaccess.check.steps import Step, runSteps


async def linesOf(clock: IReactorTime, steps: Iterable[Step]) -> list[str]:
    """
    @return: the lines that C{steps} show.
    """
    lines: list[str] = []
    await runSteps(clock, steps, lines.append)
    return lines


def lines(findings: Iterable[Finding]) -> list[str]:
    """
    @return: the lines of findings.
    """
    return [finding.line() for finding in findings]


def directory(test: SynchronousTestCase) -> str:
    """
    @return: the absolute path of a new directory.
    """
    path = os.path.abspath(test.mktemp())
    os.mkdir(path)
    return path


def write(path: str, text: str) -> str:
    """
    Write a file that only its owner may read.

    @return: C{path}.
    """
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    return path
