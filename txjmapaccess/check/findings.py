# -*- test-case-name: tests.check.test_findings -*-
"""
What a check found: one line for each thing.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from txjmapaccess.files import exposure

LET_OWNER_READ = "make it readable only for the user of the service (chmod o-r)"

#: Longer than any finding should be; it may quote a server.
_LONGEST = 1000


class Grade(enum.Enum):
    """
    How bad it is. The values are the first words of lines, and stay what they are: scripts may look
    for them.
    """

    OK = "ok"
    WARNING = "warning"
    WRONG = "WRONG"


@dataclass(frozen=True)
class Finding:
    """
    @ivar subject: what was looked at: C{[ldap] ldaps://ldap.example.com}.
    @ivar what: what was found, without a full stop.
    @ivar remedy: how to mend it, in the imperative, without a full stop; C{""} when nothing is to
        be mended.
    """

    grade: Grade
    subject: str
    what: str
    remedy: str = ""

    def line(self) -> str:
        """
        @return: the line for the terminal: printable, whatever a server has put into it.
        """
        sentence = f"{self.subject}: {self.what}" + (f"; {self.remedy}" if self.remedy else "")
        printable = "".join(c if c.isprintable() else "?" for c in sentence)
        return f"{self.grade.value:<8} {printable[:_LONGEST]}"


def ok(subject: str, what: str) -> Finding:
    """
    @return: all is well.
    """
    return Finding(Grade.OK, subject, what)


def warning(subject: str, what: str, remedy: str) -> Finding:
    """
    @return: it works, and may not be what is wanted.
    """
    return Finding(Grade.WARNING, subject, what, remedy)


def wrong(subject: str, what: str, remedy: str) -> Finding:
    """
    @return: it does not work.
    """
    return Finding(Grade.WRONG, subject, what, remedy)


def openSecret(subject: str, path: str) -> list[Finding]:
    """
    @param path: of a file that holds a secret, and may not be there.

    @return: a warning when everybody on this machine can read it.
    """
    what = exposure(path)
    return [] if what is None else [warning(subject, what, LET_OWNER_READ)]


def summary(findings: Iterable[Finding]) -> str:
    """
    @return: the last line.
    """
    grades = [finding.grade for finding in findings]
    wrongs, warnings = grades.count(Grade.WRONG), grades.count(Grade.WARNING)
    if not wrongs and not warnings:
        return "No problems found."
    return f"{wrongs} wrong, {warnings} {'warning' if warnings == 1 else 'warnings'}."


def exitStatus(findings: Iterable[Finding], strict: bool = False) -> int:
    """
    @param strict: whether a warning counts as wrong.

    @return: 0 when all is well, 1 when something is wrong.
    """
    bad = {Grade.WRONG, Grade.WARNING} if strict else {Grade.WRONG}
    return int(any(finding.grade in bad for finding in findings))
