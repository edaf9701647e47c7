# -*- test-case-name: tests.integration.test_clients_tls -*-
"""
Mail clients that others wrote, against C{twistd jmapaccess} over TLS: every mechanism that they
have, with TLS from the start and with STARTTLS.

What a client is, and how it is driven, is in L{tests.interop}. Tokens of a real authorization
server are in L{tests.integration.test_introspection_clients}.
"""

from __future__ import annotations

import os

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.interop.attempt import TOKENS, Attempt, Client
from tests.interop.programs import Curl, Imapflow, Mbsync
from tests.interop.pythonclients import IMAPClient, Imaplib
from tests.interop.server import FIRST_LINE, LAST_LINE, MailServer, expectedCommands
from tests.interop.terminals import Mutt


class _Tests:
    """
    What is expected of every client.
    """

    client: Client

    def setUp(self) -> None:
        """
        Start a server.
        """
        if why := self.client.missing():
            raise SkipTest(why)
        directory = os.path.abspath(self.mktemp())
        os.mkdir(directory)
        self.server = MailServer(directory)
        self.addCleanup(self.server.stop)

    def assertReads(self, startTLS: bool) -> None:
        """
        The client reads the message, with each of its mechanisms, and may use JMAP.
        """
        for mechanism in self.client.mechanisms:
            logins = len(self.server.logins())
            commands = len(self.server.commands())
            message = self.client.read(self.server.attempt(mechanism, startTLS))
            self.assertIn(FIRST_LINE, message, mechanism)
            self.assertIn(LAST_LINE, message, mechanism)
            said = set(self.server.commands()[commands:])
            self.assertEqual(said, expectedCommands(mechanism, startTLS))
            verdicts = set(self.server.logins()[logins:])
            self.assertEqual(verdicts, {(mechanism.split()[-1], "usable")})

    def assertFails(self, attempt: Attempt) -> None:
        """
        The client neither logs in nor reads anything.
        """
        before = self.server.logins()
        try:
            message = self.client.read(attempt)
        except Exception:  # Every client has errors of its own.
            message = b""
        self.assertNotIn(FIRST_LINE, message)
        self.assertEqual(self.server.logins(), before)

    def test_implicitTLS(self) -> None:
        """
        TLS from the start (RFC 8314, section 3.2).
        """
        self.assertReads(startTLS=False)

    def test_startTLS(self) -> None:
        """
        STARTTLS (RFC 9051, section 6.2.1).
        """
        self.assertReads(startTLS=True)

    def test_stranger(self) -> None:
        """
        It is TLS, and verified: a client that trusts another authority says no secret.
        """
        for startTLS in (False, True):
            mechanism = self.client.mechanisms[0]
            self.assertFails(self.server.attempt(mechanism, startTLS, self.server.stranger))
        self.assertEqual(self.server.refusals(), 0)

    def test_wrongSecret(self) -> None:
        """
        A wrong password is refused, and so is a wrong token: the client reads nothing, and ends.
        """
        passwords = [m for m in self.client.mechanisms if m not in TOKENS]
        tokens = [m for m in self.client.mechanisms if m in TOKENS]
        for mechanism in passwords[:1] + tokens[:1]:
            before = self.server.refusals()
            self.assertFails(self.server.attempt(mechanism, False, secret="another"))
            self.assertGreater(self.server.refusals(), before, mechanism)


class ImaplibTests(_Tests, SynchronousTestCase):
    """
    Python's own.
    """

    client = Imaplib()


class IMAPClientTests(_Tests, SynchronousTestCase):
    """
    IMAPClient, of PyPI.
    """

    client = IMAPClient()


class ImapflowTests(_Tests, SynchronousTestCase):
    """
    imapflow, of npm.
    """

    client = Imapflow()


class CurlTests(_Tests, SynchronousTestCase):
    """
    curl.
    """

    client = Curl()


class MuttTests(_Tests, SynchronousTestCase):
    """
    mutt.
    """

    client = Mutt()


class MbsyncTests(_Tests, SynchronousTestCase):
    """
    mbsync.
    """

    client = Mbsync()
