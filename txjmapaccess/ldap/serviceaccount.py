# -*- test-case-name: tests.integration.test_ldap_connections -*-
"""
The connection for searches with the service account on one server. Searches are pipelined.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from twisted.internet.interfaces import IReactorTime

from txjmapaccess.ldap.connectionpool import Lease
from txjmapaccess.ldap.connector import Connector
from txjmapaccess.ldap.deadlines import Deadlines
from txjmapaccess.ldap.errors import ConnectionBroken, ServerFailed, ServiceRefused
from txjmapaccess.ldap.protocol import LDAPConnection
from txjmapaccess.ldap.results import REFUSALS, SUCCESS
from txjmapaccess.ldap.settings import LDAPSettings
from txjmapaccess.ldap.sharedattempt import SharedAttempt


@dataclass(frozen=True)
class ServiceAccount:
    """
    @ivar dn: its distinguished name; C{b""} for anonymous searches, without a bind.
    """

    dn: bytes = b""
    password: bytes = field(default=b"", repr=False)


def serviceAccount(settings: LDAPSettings) -> ServiceAccount:
    """
    @return: the account of C{bind_dn}, or the anonymous one.
    """
    return ServiceAccount((settings.bind_dn or "").encode("utf-8"), settings.servicePassword())


class ServiceConnection:
    """
    @param connector: connects to the server.
    @param timeout: seconds for an attempt to connect.
    """

    def __init__(
        self,
        clock: IReactorTime,
        deadlines: Deadlines,
        connector: Connector,
        account: ServiceAccount | None,
        timeout: float,
    ) -> None:
        self._clock = clock
        self._connector = connector
        self._account = account or ServiceAccount()
        self._timeout = timeout
        self._connection: LDAPConnection | None = None
        self._connecting: SharedAttempt[LDAPConnection] = SharedAttempt(deadlines, self._connect)

    @property
    def connections(self) -> list[LDAPConnection]:
        """
        The connection, if it is open.
        """
        return [] if self._connection is None else [self._connection]

    async def get(self, deadline: float, notThis: LDAPConnection | None = None) -> Lease:
        """
        @param notThis: a connection that failed; any later one is fresh.

        @raise ServerFailed: if there is none in time.
        """
        connection = self._connection
        if connection is not None and connection is notThis:
            self._connection = None
            connection.abort(ConnectionBroken("the connection did not respond"))
        elif connection is not None and connection.usable:
            now = self._clock.seconds()
            idle = now - max(connection.lastResponse, connection.lastUsed)
            connection.lastUsed = now
            return Lease(connection, idle if notThis is None else None)
        connection = await self._connecting.wait(deadline)
        connection.lastUsed = self._clock.seconds()
        return Lease(connection, None)

    def closeIdle(self, seconds: float) -> None:
        """
        Close the connection if it has been idle for this long.
        """
        connection = self._connection
        if connection is None or connection.isWaiting:
            return
        if connection.lastUsed <= self._clock.seconds() - seconds:
            self._connection = None
            connection.close()

    def failWaiters(self, reason: ServerFailed) -> None:
        """
        Everything that waits for the connection fails with C{reason}.
        """
        self._connecting.cancel(reason)

    async def _connect(self) -> LDAPConnection:
        deadline = self._clock.seconds() + self._timeout
        connection = await self._connector.connect(deadline)
        try:
            await self._bind(connection, deadline)
        except BaseException:
            connection.abort(ConnectionBroken("the service account could not bind"))
            raise
        self._connection = connection
        connection.whenLost.append(self._lost)
        return connection

    async def _bind(self, connection: LDAPConnection, deadline: float) -> None:
        if not self._account.dn:
            return
        result = await connection.bind(self._account.dn, self._account.password, deadline)
        if result.code in REFUSALS:
            raise ServiceRefused(f"bind_dn was refused with result {result.code}")
        if result.code != SUCCESS:
            raise ConnectionBroken(f"the bind as bind_dn ended with result {result.code}")

    def _lost(self, connection: LDAPConnection) -> None:
        if self._connection is connection:
            self._connection = None
