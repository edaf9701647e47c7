# -*- test-case-name: tests.twistd.test_service -*-
"""
The limit of open files: each connection is one.
"""

from __future__ import annotations

from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit

from twisted.logger import Logger

_log = Logger()


def mostFiles() -> float:
    """
    @return: the limit, or infinity.
    """
    most, _ = getrlimit(RLIMIT_NOFILE)
    return float("inf") if most == RLIM_INFINITY else most


def warnOfFiles(connections: int) -> None:
    """
    Log a warning if the limit is too low for this number of connections.
    """
    most = mostFiles()
    if most <= connections:
        _log.warn(
            "This process can open only {most} files, which is too few for {connections}"
            " connections: raise the limit (ulimit -n, LimitNOFILE), or lower [imap.limits]"
            " connections",
            most=most,
            connections=connections,
        )
