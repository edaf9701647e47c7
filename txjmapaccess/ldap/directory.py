# -*- test-case-name: tests.ldap.test_directory -*-
"""
Failover: a login tries one server after the other until one can answer.

The time of a login is divided: with three servers untried, the first gets a third of the time left.
Servers that are down are skipped; if all are down, all are tried at once, and the first that
responds gets the login. A server that was found down while a login waited for it is tried again at
the end, because it may be back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txjmapaccess.errors import TemporaryFailure
from txjmapaccess.ldap.directoryserver import DirectoryServer
from txjmapaccess.ldap.errors import ConnectionBroken, FoundDown, ServerFailed

_T = TypeVar("_T")


class Directory:
    """
    @param servers: in order.
    @param roundRobin: whether each login starts with the next server.
    @param timeout: seconds for one login.
    """

    def __init__(
        self, clock: IReactorTime, servers: list[DirectoryServer], roundRobin: bool, timeout: float
    ) -> None:
        self._clock = clock
        self._servers = servers
        self._roundRobin = roundRobin
        self._timeout = timeout
        self._turn = 0

    async def ask(
        self,
        operation: Callable[[DirectoryServer, str, bytes, float], Awaitable[_T]],
        username: str,
        password: bytes,
    ) -> _T:
        """
        @param operation: asks one server about the user name and password, before a deadline in
            seconds of the clock.

        @return: what C{operation} returns.

        @raise TemporaryFailure: when no server could tell. What else C{operation} raises is an
            answer.
        """
        deadline = self._clock.seconds() + self._timeout
        troubles: list[str] = []
        again: list[DirectoryServer] = []
        for untried in (self._inTurn(), again):
            while untried:
                try:
                    server = _firstUp(untried) or await self._firstBack(untried, deadline)
                except ServerFailed as e:
                    troubles.append(str(e))
                    break
                share = self._share(deadline, len(untried))
                untried.remove(server)
                try:
                    return await operation(server, username, password, share)
                except ServerFailed as e:
                    troubles.append(f"{server.name}: {e}")
                    if isinstance(e, FoundDown) and untried is not again:
                        again.append(server)
        raise TemporaryFailure("; ".join(troubles))

    def _inTurn(self) -> list[DirectoryServer]:
        servers = self._servers
        if not self._roundRobin:
            return list(servers)
        self._turn = (self._turn + 1) % len(servers)
        return servers[self._turn :] + servers[: self._turn]

    def _share(self, deadline: float, among: int) -> float:
        now = self._clock.seconds()
        return now + max(0.0, deadline - now) / among

    async def _firstBack(self, servers: list[DirectoryServer], deadline: float) -> DirectoryServer:
        """
        @return: the first of C{servers}, all down, that answers.

        @raise ServerFailed: when none does.
        """
        first: Deferred[DirectoryServer] = Deferred()
        failures: list[Failure] = []

        def isBack(_: None, server: DirectoryServer) -> None:
            if not first.called:
                first.callback(server)

        def isNotBack(failure: Failure) -> None:
            failures.append(failure)
            if len(failures) == len(servers) and not first.called:
                first.errback(_worst(failures))

        attempts = [server.health.whenBack(deadline) for server in servers]
        for server, attempt in zip(servers, attempts, strict=True):
            attempt.addCallback(isBack, server).addErrback(isNotBack)
        try:
            return await first
        finally:
            for attempt in attempts:
                attempt.cancel()


def _firstUp(servers: list[DirectoryServer]) -> DirectoryServer | None:
    for server in servers:
        if not server.health.isDown:
            return server
    return None


def _worst(failures: list[Failure]) -> ServerFailed:
    """
    @return: one failure for all of them.
    """
    reasons = sorted({failure.getErrorMessage() for failure in failures})
    return ConnectionBroken(f"all servers are down: {'; '.join(reasons)}")
