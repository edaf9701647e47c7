"""
An IMAP server that others made, extended with JMAPACCESS, that checks tokens over TLS with a real
authorization server.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import ServerFactory
from twisted.internet.ssl import Certificate, KeyPair, PrivateCertificate
from twisted.internet.task import deferLater
from twisted.internet.tcp import Server
from twisted.mail.imap4 import IMAP4Server
from twisted.trial.unittest import TestCase

from tests.support.certificate import makeCertificate
from tests.support.coroutines import asynchronous
from tests.support.imap import RecordingRealm
from tests.support.introspection import secretFile
from tests.support.oidc import CLIENT_ID, CLIENT_SECRET, OIDCProvider, sharedProvider
from txjmapaccess import extendFactory
from txjmapaccess.checkers import chain
from txjmapaccess.oauth import IntrospectionChecker
from txjmapaccess.policy import SharedCredentials

URL = "https://mail.example.com/.well-known/jmap"


class TheirFactory(ServerFactory):
    """
    The factory of somebody who has never heard of JMAPACCESS.
    """

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    def buildProtocol(self, addr: IAddress) -> IMAP4Server:
        server = IMAP4Server()
        server.portal = self.portal
        server.factory = self
        return server


class TokenServerTestCase(TestCase):
    """
    A server and a provider.

    @ivar provider: the L{OIDCProvider}.
    @ivar certificate: the server's, PEM.
    @ivar port: where it listens.
    """

    def setUp(self) -> None:
        self.provider = sharedProvider()
        self.certificate, self.key = makeCertificate("localhost")

    def listen(
        self, provider: OIDCProvider | None = None, realm: IRealm | None = None, **keys: Any
    ) -> None:
        """
        Start the server. Its operator has a portal with passwords; this adds tokens to it.
        """
        checker = IntrospectionChecker(
            endpoint=(provider or self.provider).endpoint,
            client_id=CLIENT_ID,
            client_secret_file=secretFile(self, CLIENT_SECRET),
            **keys,
        )
        self.addCleanup(checker.close)
        passwords = InMemoryUsernamePasswordDatabaseDontUse(arnt=b"trondheim")
        portal = Portal(realm or RecordingRealm(), chain([checker, passwords]))
        factory = extendFactory(TheirFactory(portal), SharedCredentials(URL), refusalSeconds=0.01)
        private = PrivateCertificate.fromCertificateAndKeyPair(
            Certificate.loadPEM(self.certificate), KeyPair.load(self.key, 1)
        )
        port = reactor.listenSSL(0, factory, private.options(), interface="127.0.0.1")
        self.addCleanup(self.connectionsClosed)
        self.addCleanup(port.stopListening)
        self.port = port.getHost().port

    @asynchronous
    async def connectionsClosed(self) -> None:
        """
        Wait until the server has noticed that its clients are gone.
        """
        while any(isinstance(reader, Server) for reader in reactor.getReaders()):
            await deferLater(reactor, 0.01, lambda: None)
