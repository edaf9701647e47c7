# -*- test-case-name: tests.check.test_findings -*-
"""
The results of a check, one line each.
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
    The values are the first words of lines. They never change: scripts may look for them.
    """

    OK = "ok"
    WARNING = "warning"
    WRONG = "WRONG"


@dataclass(frozen=True)
class Finding:
    """
    @ivar subject: what was checked: C{[ldap] ldaps://ldap.example.com}.
    @ivar what: what was found, without a full stop.
    @ivar remedy: how to fix it, in the imperative, without a full stop; C{""} if nothing is wrong.
    """

    grade: Grade
    subject: str
    what: str
    remedy: str = ""

    def line(self) -> str:
        """
        @return: the line for the terminal, always printable.
        """
        sentence = f"{self.subject}: {self.what}" + (f"; {self.remedy}" if self.remedy else "")
        printable = "".join(c if c.isprintable() else "?" for c in sentence)
        return f"{self.grade.value:<8} {printable[:_LONGEST]}"


def ok(subject: str, what: str) -> Finding:
    """
    @return: it works.
    """
    return Finding(Grade.OK, subject, what)


def warning(subject: str, what: str, remedy: str) -> Finding:
    """
    @return: it works, but may not be intended.
    """
    return Finding(Grade.WARNING, subject, what, remedy)


def wrong(subject: str, what: str, remedy: str) -> Finding:
    """
    @return: it does not work.
    """
    return Finding(Grade.WRONG, subject, what, remedy)


def openSecret(subject: str, path: str) -> list[Finding]:
    """
    @param path: of a file with a secret, which may be missing.

    @return: a warning if every user of this machine can read it.
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

    @return: 0 without problems, 1 if something is wrong.
    """
    bad = {Grade.WRONG, Grade.WARNING} if strict else {Grade.WRONG}
    return int(any(finding.grade in bad for finding in findings))
