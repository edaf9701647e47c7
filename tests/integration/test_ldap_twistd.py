"""
C{--auth ldap:...} with a twistd command that is not ours: C{twistd ftp}.
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.protocols.basic import LineReceiver
from twisted.tap import ftp

from tests.integration.test_ldap_checker import TEMPLATE, CheckerTestCase
from txjmapaccess.ldap import LDAPChecker


class FTPLogin(LineReceiver):
    """
    A client that logs in.

    @ivar done: fires with the code of the reply to the password.
    """

    def __init__(self, username: bytes, password: bytes) -> None:
        self._toSend = [b"USER " + username, b"PASS " + password]
        self.done: Deferred[bytes] = Deferred()

    def lineReceived(self, line: bytes) -> None:
        """
        A reply came.
        """
        if self._toSend:
            self.sendLine(self._toSend.pop(0))
        else:
            self.done.callback(line[:3])
            self.transport.loseConnection()


class FTPTests(CheckerTestCase):
    """
    The options, the portal and the protocol are Twisted's own; only the port is another.
    """

    def factory(self, *arguments: str) -> tuple[Any, LDAPChecker]:
        """
        @return: what C{twistd ftp} would listen with, and our checker in it.
        """
        root = Path(self.mktemp())
        root.mkdir()
        options = ftp.Options()
        options.parseOptions(["--root", str(root), *arguments])
        (checker,) = [c for c in options["credCheckers"] if isinstance(c, LDAPChecker)]
        self.addCleanup(checker.close)
        _, factory = ftp.makeService(options).args
        return factory, checker

    async def test_login(self) -> None:
        """
        Who is in the directory logs in with the right password and with no other.
        """
        uri = self.slapd.uri.replace(":", "\\:")
        argument = f"ldap:uris={uri}:bind_dn_template={TEMPLATE}"
        factory, checker = self.factory("--auth", argument)
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        for password, code in ((b"wonderland", b"230"), (b"wrong", b"530")):
            client = await connectProtocol(endpoint, FTPLogin(b"alice", password))
            self.assertEqual(await client.done, code)
        self.assertEqual((checker.counters.accepted, checker.counters.refused), (1, 1))

    async def test_help(self) -> None:
        """
        The command lists the method, and explains its arguments.
        """
        for argument, words in (("--help-auth", "ldap"), ("--help-auth-type=ldap", "bind_dn_t")):
            options = ftp.Options()
            options.authOutput = StringIO()
            with self.assertRaises(SystemExit):
                options.parseOptions([argument])
            self.assertIn(words, options.authOutput.getvalue())
