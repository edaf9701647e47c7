# -*- test-case-name: tests.integration.test_maildir_imap -*-
"""
Twisted's own IMAP server on the embedded store, on a real socket.
"""

from __future__ import annotations

import imaplib
from collections.abc import Callable
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ServerFactory
from twisted.internet.threads import deferToThread
from twisted.mail.imap4 import IMAP4Server
from twisted.trial.unittest import TestCase

from txjmapaccess.maildir import MaildirRealm


class Factory(ServerFactory):
    """
    @param portal: for the logins.
    """

    def __init__(self, portal: Portal, server: type[IMAP4Server]) -> None:
        self._portal = portal
        self._server = server
        self.open: list[IMAP4Server] = []

    def buildProtocol(self, address: object) -> IMAP4Server:
        """
        @return: a server for one connection.
        """
        protocol = self._server()
        protocol.portal = self._portal
        protocol.factory = self
        self.open.append(protocol)
        return protocol


class Shutdown:
    """
    The reactor, but its shutdown comes with the end of the test.
    """

    def __init__(self, test: TestCase) -> None:
        self.callFromThread = reactor.callFromThread
        self._test = test

    def addSystemEventTrigger(self, phase: str, event: str, call: Callable[[], Any]) -> None:
        """
        @param call: to be called at the end.
        """
        self._test.addCleanup(call)


class MaildirServerTestCase(TestCase):
    """
    @ivar path: the realm's directory.
    @ivar server: the class of the server.
    """

    timeout = 180
    server = IMAP4Server

    def setUp(self) -> None:
        self.path = self.mktemp()
        realm = MaildirRealm(self.path, Shutdown(self))
        checker = InMemoryUsernamePasswordDatabaseDontUse(ada=b"secret")
        self.factory = Factory(Portal(realm, [checker]), self.server)
        port = reactor.listenTCP(0, self.factory, interface="127.0.0.1")
        self.port = port.getHost().port
        self.addCleanup(port.stopListening)

    def tearDown(self) -> None:
        for protocol in self.factory.open:
            protocol.transport.abortConnection()

    def session(self, talk: Callable[[imaplib.IMAP4], None]) -> Deferred[None]:
        """
        Let C{talk} use a logged-in imaplib connection, in a thread.
        """

        def run() -> None:
            with imaplib.IMAP4("127.0.0.1", self.port, timeout=60) as client:
                client.login("ada", "secret")
                talk(client)

        return deferToThread(run)
