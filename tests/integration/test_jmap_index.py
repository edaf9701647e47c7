# -*- test-case-name: tests.integration.test_jmap_index -*-
"""
A Twisted IMAP server whose store knows nothing of identifiers or JMAP, extended without a change:
C{extendFactory}, an index, and L{JMAPResource} beside it. The example compares both protocols.
"""

from __future__ import annotations

import os
import sys

from twisted.internet import reactor
from twisted.internet.protocol import ServerFactory
from twisted.mail.imap4 import IMAP4Server
from twisted.trial.unittest import SkipTest
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.support.coroutines import AsyncTestCase
from tests.support.demo import run
from tests.support.imap import RecordingRealm, makePortal
from tests.support.mail import Account
from tests.support.paths import ROOT
from txjmapaccess import extendFactory
from txjmapaccess.jmap import JMAPResource
from txjmapaccess.objectid import ObjectIDIndex
from txjmapaccess.policy import SharedCredentials

_COMPARE = os.path.join(ROOT, "examples", "compare.py")


class TheirFactory(ServerFactory):
    """
    What somebody else wrote.
    """

    def __init__(self, portal):
        self.portal = portal

    def buildProtocol(self, addr):
        server = IMAP4Server()
        server.portal = self.portal
        server.factory = self
        return server


class IndexTests(AsyncTestCase):
    """
    JMAPACCESS for a store that has no identifiers.
    """

    timeout = 180

    def setUp(self) -> None:
        if not os.path.exists(_COMPARE):
            raise SkipTest("the examples are not there")
        account = Account()
        for number in range(250):
            account.mailboxes["INBOX"].put(b"Message-ID: <%d@x>\r\n\r\nHi\r\n" % number)
        account.add("Work").put(b"References: <7@x>\r\n\r\nHo\r\n")
        account.mailboxes["Work"].put(b"Subject: gone\r\n\r\n", ["\\Deleted"])
        portal = makePortal(RecordingRealm(lambda avatarId: account))
        index = ObjectIDIndex(self.mktemp(), sharedWithJMAP=True)
        self.addCleanup(index.close)
        root = Resource()
        http = self.listen(Site(root))
        policy = SharedCredentials(f"http://127.0.0.1:{http}/jmap")
        root.putChild(b"jmap", JMAPResource(portal, policy, objectIDs=index))
        self.imap = self.listen(extendFactory(TheirFactory(portal), policy, objectIDs=index))
        self.password = self.mktemp()
        with open(self.password, "w", encoding="ascii") as file:
            file.write("trondheim\n")

    def listen(self, factory: object) -> int:
        """
        @return: the port.
        """
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        return port.getHost().port

    async def test_compare(self) -> None:
        """
        JMAPACCESS is advertised, and all identifiers are the same.
        """
        done = await run(
            [
                *(sys.executable, _COMPARE, "--imap", f"imap://127.0.0.1:{self.imap}"),
                *("--user", "arnt", "--password-file", self.password),
            ]
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("JMAPACCESS is advertised", done.stdout)
        self.assertIn("All identifiers of 2 mailboxes and 251 messages are the same.", done.stdout)
