"""
The checker, without a network.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.ldap.test_protocol import Transport
from tests.support.introspection import LogCatcher
from tests.support.ldap import requests, result, serversUp
from txjmapaccess.credentials import UsernamePassword as EvidentUsernamePassword
from txjmapaccess.errors import ConfigurationError, Refused, TemporaryFailure
from txjmapaccess.interfaces import ICheckerLifecycle
from txjmapaccess.ldap import LDAPChecker
from txjmapaccess.ldap.errors import FoundDown
from txjmapaccess.ldap.settings import LDAPSettings


class TCPTransport(Transport):
    """
    A transport with the options of a socket.
    """

    options: tuple[str, ...] = ()

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        Note it.
        """
        self.options += ("TCP_NODELAY",)

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """
        Note it.
        """
        self.options += ("SO_KEEPALIVE",)

    def getHandle(self) -> Any:
        """
        There is no socket.
        """
        raise AttributeError


class CheckerTests(SynchronousTestCase):
    """
    L{LDAPChecker}.
    """

    def setUp(self) -> None:
        """
        Make a checker.
        """
        self.reactor = MemoryReactorClock()
        self.checker = LDAPChecker(
            reactor=self.reactor,
            uris=["ldap://127.0.0.1:10389"],
            bind_dn_template="uid={user},dc=example",
        )

    def login(self, username: Any = b"Alice", password: Any = b"secret") -> Deferred[str]:
        """
        Log in.
        """
        return self.checker.requestAvatarId(EvidentUsernamePassword(username, password))

    def connected(self) -> tuple[Any, TCPTransport]:
        """
        @return: the connection of the newest attempt, and its transport.
        """
        factory = self.reactor.tcpClients[-1][2]
        transport = TCPTransport()
        address = IPv4Address("TCP", "127.0.0.1", 10389)
        connection = factory.buildProtocol(address)
        connection.makeConnection(transport)
        return connection, transport

    def test_interfaces(self) -> None:
        """
        It is a credentials checker with a lifecycle.
        """
        self.assertTrue(verifyObject(ICredentialsChecker, self.checker))
        self.assertTrue(verifyObject(ICheckerLifecycle, self.checker))
        self.assertEqual(list(self.checker.credentialInterfaces), [IUsernamePassword])

    def test_keys(self) -> None:
        """
        Keyword arguments are the keys of the file; an unknown one is an error that names it.
        """
        error = self.assertRaises(ConfigurationError, LDAPChecker, uris=["ldap://x"], uri="y")
        self.assertTrue(str(error).startswith("uri:"), str(error))

    def test_fromSettings(self) -> None:
        """
        It can be made of settings that are checked already.
        """
        settings = LDAPSettings(uris=("ldap://127.0.0.1",), bind_dn_template="uid={user},dc=x")
        self.assertIsInstance(LDAPChecker.fromSettings(settings, self.reactor), LDAPChecker)

    def test_nothingIsSent(self) -> None:
        """
        No connection is made for what is refused by its look (RFC 4513, section 5.1.2).
        """
        for username, password in ((b"a", b""), (b"", b"a"), (b"a\0", b"a"), (b"a", b"\xff")):
            self.failureResultOf(self.login(username, password), Refused)
        self.assertEqual(self.reactor.tcpClients, [])
        self.assertEqual(self.checker.counters.refused, 4)

    def test_login(self) -> None:
        """
        A connection is made, without delays, and what is sent is a bind for the canonical name.
        """
        login = self.login()
        connection, transport = self.connected()
        self.assertEqual(set(transport.options), {"TCP_NODELAY", "SO_KEEPALIVE"})
        ((messageID, _, content),) = requests(transport.value())
        self.assertIn(b"uid=alice,dc=example", content)
        self.assertEqual(self.checker.counters.poolInUse, 1)
        self.reactor.advance(0.25)
        connection.dataReceived(result(messageID, 0))
        self.assertEqual(self.successResultOf(login), "alice")
        counters = self.checker.counters
        self.assertEqual((counters.accepted, counters.poolInUse), (1, 0))
        self.assertEqual((counters.latencyCount, counters.latencySum), (1, 0.25))

    def test_toldLate(self) -> None:
        """
        One of many who waited, who is told that the server is down when it is up again, takes it
        for what it was, and asks again.
        """
        login = self.login()
        connection, _ = self.connected()
        connection._wrappedProtocol.abort(FoundDown("the server is down: it was"))
        connection.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(serversUp(self.checker.counters), 1)
        connection, transport = self.connected()
        ((messageID, _, _),) = requests(transport.value())
        connection.dataReceived(result(messageID, 0))
        self.assertEqual(self.successResultOf(login), "alice")

    def test_foreignCredentials(self) -> None:
        """
        Credentials of others that cannot hold evidence are checked all the same.
        """
        login = self.checker.requestAvatarId(UsernamePassword(b"alice", b"secret"))
        connection, _ = self.connected()
        connection.dataReceived(result(1, 0))
        self.assertEqual(self.successResultOf(login), "alice")

    def test_cannotConnect(self) -> None:
        """
        Nobody there is a temporary failure.
        """
        login = self.login()
        factory = self.reactor.tcpClients[-1][2]
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))
        failure = self.failureResultOf(login, TemporaryFailure)
        self.assertIn("ldap://127.0.0.1:10389", str(failure.value))
        self.assertEqual(self.checker.counters.failed, 1)
        self.assertEqual(serversUp(self.checker.counters), 0)

    def test_cancel(self) -> None:
        """
        Cancelling ends what is under way.
        """
        login = self.login()
        _, transport = self.connected()
        login.cancel()
        self.failureResultOf(login, CancelledError)
        self.assertTrue(transport.isAborted)
        self.assertEqual(self.checker.counters.cancelled, 1)
        self.assertEqual(self.checker.counters.poolInUse, 0)

    def test_start(self) -> None:
        """
        Starting asks each server for its root DSE (RFC 4512, section 5.1), because a frozen one
        accepts connections, too; any answer does.
        """
        self.checker.start()
        connection, transport = self.connected()
        ((messageID, tag, _),) = requests(transport.value())
        self.assertEqual(tag, 0x63)
        connection.dataReceived(result(messageID, 1, 0x65))
        self.assertEqual(serversUp(self.checker.counters), 1)
        self.assertTrue(transport.disconnecting)

    def test_startWithoutServer(self) -> None:
        """
        Trouble at the start stops nothing.
        """
        self.checker.start()
        factory = self.reactor.tcpClients[-1][2]
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))
        self.assertEqual(serversUp(self.checker.counters), 0)

    def test_close(self) -> None:
        """
        Closing ends connections and timers, and what waits fails as a temporary failure.
        """
        login = self.login()
        connection, _ = self.connected()
        closed = self.checker.close()
        self.assertNoResult(closed)
        connection.connectionLost(Failure(ConnectionRefusedError()))
        self.failureResultOf(login, TemporaryFailure)
        self.assertIsNone(self.successResultOf(closed))
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.failureResultOf(self.login(), TemporaryFailure)

    def test_closeWhileConnecting(self) -> None:
        """
        An attempt to connect ends, too, and does not become a connection later.
        """
        login = self.login()
        closed = self.checker.close()
        self.failureResultOf(login, TemporaryFailure)
        self.assertIsNone(self.successResultOf(closed))
        self.assertTrue(self.reactor.connectors[0].stoppedConnecting)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_warnings(self) -> None:
        """
        What works and should not be is said in the log whenever a checker is made.
        """
        log = LogCatcher(self)
        LDAPChecker(
            reactor=self.reactor,
            uris=["ldaps://127.0.0.1"],
            bind_dn_template="uid={user},dc=example",
            accept_any_certificate=True,
        )
        (warning,) = log.texts(LogLevel.warn)
        self.assertIn("accept_any_certificate", warning)

    def test_noSecretInRepr(self) -> None:
        """
        No repr shows a password.
        """
        login = self.login()
        self.connected()
        shown = repr(vars(self.checker)) + repr(self.checker.counters)
        self.assertNotIn("secret", shown)
        login.cancel()
        self.failureResultOf(login, CancelledError)
