# -*- test-case-name: tests.ldap.test_retry -*-
"""
Whether a request is retried after its connection failed, and on which connection. No I/O.

A used connection may be dead without our knowledge: its request is retried on a fresh one. If a
fresh one breaks although others work (a load balancer in front of a dead machine, a limit of
connections for each client), the last retry is on one of those.
"""

from __future__ import annotations

import enum

from txjmapaccess.ldap.connectionpool import Lease
from txjmapaccess.ldap.errors import ConnectionBroken, ConnectionSpoiled, ServerFailed
from txjmapaccess.ldap.protocol import LDAPConnection

#: Seconds: a connection that was idle for longer may be dead, so half of the time is kept for
#: another one. The first half is for a search, never for a bind.
DOUBTFUL_AFTER = 5.0
#: Seconds: a server that responded this recently works.
RECENTLY = 5.0


class ConnectionChoice(enum.Enum):
    """
    Which connection to use: any at first, then a fresh one, then one that is known to work.
    """

    ANY = "any"
    FRESH = "fresh"
    LIVING = "living"


class RetryNeeded(Exception):
    """
    @ivar where: on which connection.
    @ivar failed: the connection that failed; L{None} if connecting failed.
    """

    def __init__(self, where: ConnectionChoice, failed: LDAPConnection | None) -> None:
        super().__init__()
        self.where = where
        self.failed = failed


def nextChoice(
    where: ConnectionChoice, lease: Lease | None, problem: ServerFailed, othersWork: bool
) -> ConnectionChoice | None:
    """
    @param where: the choice of the failed attempt.
    @param lease: its connection; L{None} if connecting failed.
    @param problem: how it ended.
    @param othersWork: whether other connections to this server work.

    @return: where to retry; L{None} for no retry.
    """
    if where is ConnectionChoice.ANY and lease is not None and _isStale(lease, problem):
        return ConnectionChoice.FRESH
    isNew = lease is None or lease.idleSeconds is None
    if (
        where is not ConnectionChoice.LIVING
        and isNew
        and isinstance(problem, ConnectionBroken)
        and othersWork
    ):
        return ConnectionChoice.LIVING
    return None


def deadlineFor(where: ConnectionChoice, lease: Lease, now: float, deadline: float) -> float:
    """
    @param lease: a connection for a request.

    @return: how long to wait for the response, so that there is time for a retry.
    """
    isLast = where is not ConnectionChoice.ANY or not lease.isDoubtful(DOUBTFUL_AFTER)
    return deadline if isLast else now + (deadline - now) / 2


def _isStale(lease: Lease, problem: ServerFailed) -> bool:
    isOld = isinstance(problem, ConnectionBroken) and lease.idleSeconds is not None
    return isOld or isinstance(problem, ConnectionSpoiled) or lease.isDoubtful(DOUBTFUL_AFTER)
