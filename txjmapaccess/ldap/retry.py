# -*- test-case-name: tests.ldap.test_retry -*-
"""
Whether what was asked on a connection that failed is asked again, and on which one. No I/O.

A connection that was used before may be dead without our knowing: what was asked on it is asked
once more, on a fresh one. When a fresh one breaks although others live (a load balancer with a dead
machine behind it, a limit of connections for each client), it is asked a last time, on one of
those.
"""

from __future__ import annotations

import enum

from txjmapaccess.ldap.connectionpool import Lease
from txjmapaccess.ldap.errors import ConnectionBroken, ConnectionSpoiled, ServerFailed
from txjmapaccess.ldap.protocol import LDAPConnection

#: Seconds: a connection that was not used for so long may be dead without our knowing, so half of
#: the time is kept for another one. What is asked in the first half is a search, never a bind.
DOUBTFUL_AFTER = 5.0
#: Seconds: whoever answered so recently lives.
RECENTLY = 5.0


class ConnectionChoice(enum.Enum):
    """
    On which connection something is asked: any one at first, then one that is fresh, then one that
    is known to live, if there is one.
    """

    ANY = "any"
    FRESH = "fresh"
    LIVING = "living"


class RetryNeeded(Exception):
    """
    @ivar where: on which connection.
    @ivar failed: the one that failed; L{None} when it could not even be made.
    """

    def __init__(self, where: ConnectionChoice, failed: LDAPConnection | None) -> None:
        super().__init__()
        self.where = where
        self.failed = failed


def nextChoice(
    where: ConnectionChoice, lease: Lease | None, problem: ServerFailed, othersLive: bool
) -> ConnectionChoice | None:
    """
    @param where: what was asked for.
    @param lease: what was got; L{None} when a connection could not be made.
    @param problem: how it ended.
    @param othersLive: whether other connections to this server do.

    @return: where to ask again; L{None} for nowhere.
    """
    if where is ConnectionChoice.ANY and lease is not None and _isStale(lease, problem):
        return ConnectionChoice.FRESH
    isNew = lease is None or lease.idleSeconds is None
    if (
        where is not ConnectionChoice.LIVING
        and isNew
        and isinstance(problem, ConnectionBroken)
        and othersLive
    ):
        return ConnectionChoice.LIVING
    return None


def deadlineFor(where: ConnectionChoice, lease: Lease, now: float, deadline: float) -> float:
    """
    @param lease: a connection on which something is about to be asked.

    @return: until when to wait for the answer, so that there is time to ask again.
    """
    isLast = where is not ConnectionChoice.ANY or not lease.isDoubtful(DOUBTFUL_AFTER)
    return deadline if isLast else now + (deadline - now) / 2


def _isStale(lease: Lease, problem: ServerFailed) -> bool:
    isOld = isinstance(problem, ConnectionBroken) and lease.idleSeconds is not None
    return isOld or isinstance(problem, ConnectionSpoiled) or lease.isDoubtful(DOUBTFUL_AFTER)
