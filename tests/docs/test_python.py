# -*- test-case-name: tests.docs.test_python -*-
"""
Python in the documentation.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.cred.portal import IRealm, Portal
from twisted.internet.testing import MemoryReactorClock
from zope.interface import implementedBy
from zope.interface.verify import verifyClass

from tests.support.docs import Block, BlockTestCase, yourServer
from tests.support.imap import URL, Connection, RecordingRealm
from twisted import internet
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.policy import EvidencePolicy
from txjmapaccess.server import JMAPAccessMixin


class PythonTests(BlockTestCase):
    """
    Python, block by block, in one namespace for each page, and on a reactor that does nothing.
    """

    languages = ("python",)

    def setUp(self) -> None:
        """
        Have the server that the pages call yours.
        """
        self.reactor = MemoryReactorClock()
        self.have("twisted.internet.reactor", self.reactor)
        if hasattr(internet, "reactor"):
            self.patch(internet, "reactor", self.reactor)
        self.have("yourserver", yourServer())
        self.names: dict[str, dict[str, Any]] = {}

    def test_blocks(self) -> None:
        """
        All of them run. Classes provide what they say that they implement.
        """
        self.assertGreater(self.check("python"), 10)
        for page, names in self.names.items():
            for value in names.values():
                if isinstance(value, type) and value.__module__ == page:
                    for interface in implementedBy(value):
                        self.assertTrue(verifyClass(interface, value))

    def have(self, name: str, module: Any) -> None:
        """
        Have C{module} imported under C{name}, for the time of a test.
        """
        before = sys.modules.get(name)
        self.addCleanup(
            lambda: sys.modules.pop(name) if before is None else sys.modules.update({name: before})
        )
        sys.modules[name] = module

    def test_factories(self) -> None:
        """
        What their factories build is extended.
        """
        self.check("python")
        for page, name in (("README.md", "yourFactory"), ("docs/integrating.md", "factory")):
            server = self.names[page][name].buildProtocol(None)
            self.assertIsInstance(server, JMAPAccessMixin)
            self.assertIsNotNone(server._jmaSettings.jmapAccessPolicy)

    def test_listening(self) -> None:
        """
        Those that listen, listen: on the ports for IMAP and HTTPS.
        """
        self.check("python")
        self.assertEqual([143], [port for port, *_ in self.reactor.tcpServers])
        self.assertEqual([443], [port for port, *_ in self.reactor.sslServers])

    def test_capabilityProvider(self) -> None:
        """
        The example of one is joined after the login, and not before.
        """
        self.check("python")
        server = self.names["docs/integrating.md"]["ServerWithQuota"]()
        connection = Connection(server)
        self.assertNotIn(b"QUOTA=RES-STORAGE", connection.greeting[0])
        self.assertIn(b"QUOTA=RES-STORAGE", connection.send(b"1 LOGIN arnt trondheim")[-1])

    def test_checkerAndPolicy(self) -> None:
        """
        The example of a checker leaves evidence that the policy of the package goes by, and the
        example of a policy goes by its list.
        """
        self.check("python")
        names = self.names["docs/integrating.md"]
        for user, password, isUsable in (
            (b"arnt", b"trondheim", True),
            (b"bron", b"melbourne", False),
        ):
            for policy in (EvidencePolicy(URL), names["StaffPolicy"](URL, {"bron"})):
                portal = Portal(RecordingRealm(), [names["passwords"]])
                connection = Connection(portal=portal, jmapAccessPolicy=policy)
                answer = connection.send(b"1 LOGIN " + user + b" " + password)[-1]
                self.assertIn(b"1 OK", answer)
                isEvident = isinstance(policy, EvidencePolicy)
                self.assertEqual(isUsable and isEvident, b"JMAPACCESS" in answer)

    def test_realmFactory(self) -> None:
        """
        The example of one makes a realm, and objects in a sentence.
        """
        self.check("python")
        factory = self.names["docs/integrating.md"]["yourRealm"]
        self.assertTrue(IRealm.providedBy(factory.generateRealm("/var/mail")))
        self.assertRaises(ConfigurationError, factory.generateRealm, "")

    def checkBlock(self, block: Block) -> None:
        server = sys.modules["yourserver"]
        names = self.names.setdefault(
            block.page,
            {
                "__name__": block.page,
                "yourFactory": server.YourFactory(),
                "yourRealm": server.YourRealm(),
            },
        )
        exec(compile(self.files().anything(block.text), block.where, "exec"), names)
