"""
An IMAP connection without a network: a server protocol on a string transport, with a clock that the
test moves.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ITLSTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.mail.imap4 import IAccount, MemoryAccount
from twisted.python.failure import Failure
from zope.interface import implementer

from txjmapaccess.credentials import Evidence, leaveEvidence
from txjmapaccess.imap.settings import DEFAULTS, SETTINGS
from txjmapaccess.interfaces import IBearerToken, IObjectIDAccount
from txjmapaccess.server import JMAPAccessIMAP4Server

URL = "https://example.com/.well-known/jmap"


def base64(data: bytes) -> bytes:
    """
    @return: base64 on one line.
    """
    return b64encode(data)


@implementer(IObjectIDAccount)
class IdentifiedAccount(MemoryAccount):
    """
    An account whose store has identifiers.
    """

    def getAccountID(self):
        """
        See L{IObjectIDAccount}.
        """
        return "u1"


@implementer(IRealm)
class RecordingRealm:
    """
    Makes accounts, and remembers who was logged in and out.
    """

    def __init__(self, accountFactory=IdentifiedAccount):
        self.accountFactory = accountFactory
        self.loggedIn = []
        self.loggedOut = []

    def requestAvatar(self, avatarId, mind, *interfaces):
        """
        See L{IRealm}.
        """
        self.loggedIn.append(avatarId)
        account = self.accountFactory(avatarId)
        return IAccount, account, lambda: self.loggedOut.append(avatarId)


class TokenChecker:
    """
    Knows some access tokens: a mapping of token to L{Evidence}.
    """

    credentialInterfaces = (IBearerToken,)

    def __init__(self, tokens):
        self.tokens = tokens

    def requestAvatarId(self, credentials):
        """
        See L{twisted.cred.checkers.ICredentialsChecker}.
        """
        evidence = self.tokens.get(credentials.token)
        if evidence is None:
            raise UnauthorizedLogin("unknown token")
        leaveEvidence(credentials, evidence)
        return succeed(evidence.username)


class TLSStringTransport(StringTransport):
    """
    A transport that can start TLS, and remembers that it was asked to.
    """

    startedTLS = False

    def startTLS(self, contextFactory):
        """
        See L{ITLSTransport}.
        """
        self.startedTLS = True


TLSStringTransport = implementer(ITLSTransport)(TLSStringTransport)


def makePortal(realm=None, checkers=None):
    """
    @return: a portal for arnt, whose password is trondheim and whose token is demo-token-arnt.
    """
    if checkers is None:
        checkers = [
            InMemoryUsernamePasswordDatabaseDontUse(arnt=b"trondheim"),
            TokenChecker({"demo-token-arnt": Evidence("arnt", "test")}),
        ]
    return Portal(realm or RecordingRealm(), checkers)


class Connection:
    """
    One connection to a server.

    @ivar server: the protocol.
    @ivar clock: its time.
    """

    def __init__(self, server=None, portal=None, transport=None, clock=None, **attributes):
        self.clock = clock or Clock()
        self.server = server or JMAPAccessIMAP4Server()
        if portal is not None or self.server.portal is None:
            self.server.portal = portal or makePortal()
        attributes.setdefault("requireTLS", False)
        attributes.setdefault("refusalSeconds", 0)
        attributes.setdefault("seconds", self.clock.seconds)
        configure(self.server, attributes)
        # With the signature that TimeoutMixin has, which takes no arguments for the function.
        self.server.callLater = lambda period, func: self.clock.callLater(period, func)
        self.transport = transport or StringTransport()
        self.server.makeConnection(self.transport)
        self.greeting = self.received()

    def send(self, *lines):
        """
        Send lines in one segment.

        @return: what the server says before anything else happens, as a list of lines.
        """
        return self.sendRaw(b"".join(line + b"\r\n" for line in lines))

    def sendRaw(self, data):
        """
        Send octets as they are.
        """
        self.server.dataReceived(data)
        self.clock.advance(0)
        return self.received()

    def received(self):
        """
        @return: the lines that the server has sent since the last time.
        """
        data = self.transport.value()
        self.transport.clear()
        return data.split(b"\r\n")[:-1]

    def lose(self):
        """
        The client goes away.
        """
        self.server.connectionLost(Failure(ConnectionDone()))


def configure(server, attributes):
    """
    Set settings, and other attributes, of a connection that is not yet made.
    """
    settings = {name: value for name, value in attributes.items() if name in SETTINGS}
    if server._jmaSettings is not DEFAULTS:
        server._jmaSettings = replace(server._jmaSettings, **settings)
    elif settings:
        server._jmaGiven = {**server._jmaGiven, **settings}
    for name, value in attributes.items():
        if name not in settings:
            setattr(server, name, value)


def capabilitiesIn(line):
    """
    @return: the capabilities in a response code or an untagged CAPABILITY response.
    """
    return line.partition(b"CAPABILITY ")[2].partition(b"]")[0].split(b" ")
