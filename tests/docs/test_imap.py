# -*- test-case-name: tests.docs.test_imap -*-
"""
Conversations between clients and servers in the documentation.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.cred.credentials import IUsernamePassword
from twisted.cred.portal import Portal
from twisted.internet.address import IPv4Address
from twisted.internet.ssl import ClientContextFactory
from twisted.internet.testing import StringTransport

from tests.support.docs import Block, BlockTestCase
from tests.support.imap import URL, Connection, RecordingRealm, TLSStringTransport
from txjmapaccess.credentials import Evidence, leaveEvidence
from txjmapaccess.errors import Refused
from txjmapaccess.limits import Limits
from txjmapaccess.policy import EvidencePolicy
from txjmapaccess.server import JMAPAccessIMAP4Server
from txjmapaccess.verdict import Reason


class Checker:
    """
    arnt may use JMAP, bron may not.
    """

    credentialInterfaces = (IUsernamePassword,)

    def requestAvatarId(self, credentials: Any) -> str:
        """
        See L{twisted.cred.checkers.ICredentialsChecker}.
        """
        objections = {
            (b"arnt", b"trondheim"): None,
            (b"bron", b"melbourne"): Reason.NOT_ALLOWED,
        }
        key = (credentials.username, credentials.password)
        if key not in objections:
            raise Refused("another password")
        name = credentials.username.decode()
        leaveEvidence(credentials, Evidence(name, "test", objections[key]))
        return name


class IMAPTests(BlockTestCase):
    """
    Conversations. The argument of the block says with whom: C{arnt}, who may use JMAP; C{bron}, who
    may not; C{unknown}, where no JMAP server is known; C{clear}, without TLS; C{blocked}, from an
    address from which too many logins were refused.
    """

    languages = ("imap",)

    def test_blocks(self) -> None:
        """
        The server says what the pages say; three dots stand for anything.
        """
        self.assertGreater(self.check("imap"), 4)

    def checkBlock(self, block: Block) -> None:
        connection = self.connect(block.argument)
        said = list(connection.greeting)
        for line in block.text.splitlines():
            side, _, text = line.partition(": ")
            if side == "C":
                if not text.startswith("1 ") or said[0:1] != connection.greeting:
                    self.assertEqual(said, [], f"{block.where}: not shown before {line}")
                said = connection.send(text.encode())
            else:
                self.assertEqual(side, "S")
                self.assertTrue(said, f"{block.where}: nothing is said instead of {line}")
                pattern = ".*".join(map(re.escape, text.split("...")))
                self.assertRegex(said.pop(0).decode(), f"^{pattern}$")
        self.assertEqual(said, [], f"{block.where}: not shown at the end")

    def connect(self, who: str) -> Connection:
        """
        @return: a connection in the state that a block wants.
        """
        limits = Limits()
        transport = TLSStringTransport()
        if who == "blocked":
            transport = StringTransport(peerAddress=IPv4Address("TCP", "192.0.2.1", 1))
            for _ in range(20):
                limits.refused("192.0.2.1")
        policy = EvidencePolicy(None if who == "unknown" else URL)
        context = ClientContextFactory() if who == "clear" else None
        return Connection(
            JMAPAccessIMAP4Server(contextFactory=context),
            portal=Portal(RecordingRealm(), [Checker()]),
            transport=transport,
            jmapAccessPolicy=policy,
            limits=limits,
            requireTLS=who == "clear",
        )
