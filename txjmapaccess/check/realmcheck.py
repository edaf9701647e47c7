# -*- test-case-name: tests.check.test_realmcheck -*-
"""
The mail store: C{[imap] realm}.
"""

from __future__ import annotations

import os
import tempfile

from txjmapaccess.check.findings import Finding, ok, warning, wrong
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.twistd.plugins import FoundRealm, makeRealm

_MAILDIR = "maildir:"


def checkRealm(description: str) -> tuple[list[Finding], FoundRealm | None]:
    """
    Create the realm as the service does at startup, which creates no directory.

    @return: findings, and the realm, unless it cannot be created.
    """
    subject = f"[imap] realm {description}"
    try:
        found = makeRealm(description)
    except ConfigurationError as e:
        what = str(e).removeprefix(f"realm {description}: ")
        remedy = "correct realm, or give the user of the service write access"
        return [wrong(subject, what, remedy)], None
    if description.startswith(_MAILDIR):
        return _checkDirectory(subject, description[len(_MAILDIR) :]), found
    return [ok(subject, "it can be created")], found


def _checkDirectory(subject: str, path: str) -> list[Finding]:
    if not os.path.isdir(path):
        findings = [ok(subject, "it will be created at the first login")]
    else:
        problem = _writeProblem(path)
        if problem is not None:
            remedy = "give the user of the service write access, or free some space"
            return [wrong(subject, f"files cannot be created there ({problem})", remedy)]
        findings = [ok(subject, "it is writable")]
    if os.geteuid() == 0:
        what = "root can write anywhere, so this does not apply to the user of the service"
        findings = [warning(subject, what, "run the check as that user")]
    return findings


def _writeProblem(path: str) -> str | None:
    """
    Create a file, without a name if the system supports that, and remove it.
    """
    try:
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"\0")
            file.flush()
    except OSError as e:
        return e.strerror or type(e).__name__
    return None
