# -*- test-case-name: tests.test_mixins -*-
"""
The mixins live on one object together.
"""

from __future__ import annotations

from collections import defaultdict

from twisted.mail.imap4 import IMAP4Server
from twisted.trial.unittest import SynchronousTestCase

from tests.support.imap import Connection, capabilitiesIn
from txjmapaccess.imap.objectidentifiers import identifiersOf
from txjmapaccess.limits import Limits
from txjmapaccess.server import JMAPAccessMixin
from txjmapaccess.twistd.shutdown import StoppableServer


class MixinTests(SynchronousTestCase):
    """
    L{JMAPAccessMixin} and what it is made of.
    """

    def test_privateNames(self) -> None:
        """
        What one mixin keeps under a private name, no other keeps under the same: they would
        overwrite each other. Nor does Twisted, or the service's own class. What every class has
        for itself is no such name.
        """
        ofEachClass = ("_log", "_jmaRead")
        owners = defaultdict(list)
        for kind in (*StoppableServer.__mro__[1:], *IMAP4Server.__mro__):
            for name, value in vars(kind).items():
                isOwn = name.startswith("_") and not name.startswith("__")
                if (
                    isOwn
                    and not callable(value)
                    and name not in ofEachClass
                    and kind not in owners[name]
                ):
                    owners[name].append(kind)
        kept = {name: kinds for name, kinds in owners.items() if len(kinds) > 1}
        self.assertIn(JMAPAccessMixin, StoppableServer.__mro__)
        self.assertEqual(kept, {})

    def test_identifiersFromAfar(self) -> None:
        """
        A client whose address counts for the limits gets object identifiers as any other.
        """
        connection = Connection(limits=Limits(exempt=[]))
        self.assertIsNotNone(connection.server._jmaSource)
        answer = connection.send(b"a LOGIN arnt trondheim")[-1]
        self.assertIn(b"OBJECTID", capabilitiesIn(answer))
        self.assertEqual(
            type(identifiersOf(connection.server).source()).__name__, "StoreIdentifiers"
        )
        connection.lose()
