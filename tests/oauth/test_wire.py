# -*- test-case-name: tests.oauth.test_wire -*-
"""
Tokens from the IMAP client to the provider and back, without a network: servers of ours and of
others with an L{txjmapaccess.oauth.IntrospectionChecker}.
"""

from __future__ import annotations

import json
import os
import re
import time
from base64 import b64decode
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory
from twisted.internet.testing import StringTransport
from twisted.mail.imap4 import IMAP4Server
from twisted.python.failure import Failure

from tests.oauth.test_checker import ISSUER, METADATA, OPENID, CheckerTestCase
from tests.support.imap import (
    URL,
    Connection,
    RecordingRealm,
    base64,
    capabilitiesIn,
    makePortal,
)
from tests.support.introspection import ACTIVE, secretFile
from tests.support.paths import ROOT
from txjmapaccess import extendFactory
from txjmapaccess.checkers import chain
from txjmapaccess.errors import ForeignAuthorizationIdentity, Refused, TokenRefused
from txjmapaccess.interfaces import IBearerToken
from txjmapaccess.oauth import IntrospectionChecker
from txjmapaccess.policy import EvidencePolicy
from txjmapaccess.verdict import Known, Reason, Usable

METADATA_OF_DOCS = {
    "issuer": "https://idp.example.com",
    "introspection_endpoint": "https://idp.example.com/introspect",
}
REFUSED = b"a NO [AUTHENTICATIONFAILED] Authentication failed"
FOREIGN = b"a NO [AUTHORIZATIONFAILED] Not allowed for that authorization identity"


class WireTestCase(CheckerTestCase):
    """
    Connections to a server whose portal has passwords and tokens.
    """

    def connect(self, *checkers: Any, **attributes: Any) -> Connection:
        """
        @return: a new connection; its checkers are the one of the test, and one for passwords.
        """
        passwords = InMemoryUsernamePasswordDatabaseDontUse(arnt=b"trondheim")
        portal = makePortal(checkers=chain(checkers or (self.checker, passwords)))
        attributes.setdefault("jmapAccessPolicy", EvidencePolicy(URL))
        return Connection(portal=portal, **attributes)

    def challengeIn(self, lines: list[bytes]) -> dict[str, str]:
        """
        @return: the JSON object in the one line that there is, a challenge.
        """
        [line] = lines
        self.assertEqual(line[:2], b"+ ")
        details: dict[str, str] = json.loads(b64decode(line[2:]))
        return details


class ChallengeTests(WireTestCase):
    """
    RFC 7628, section 3.2.2: every refusal of a token is explained.
    """

    def setUp(self) -> None:
        super().setUp()
        self.checker = self.makeChecker(issuer=ISSUER, imap_scopes=["imap"])
        self.checker.start()
        self.network.answer(METADATA)
        self.network.answer({"active": False})

    def refusal(self, mechanism: bytes, message: bytes, answer: object = None) -> list[Any]:
        """
        @return: the challenge, and the tagged line after it, with and without an initial response.
        """
        results = []
        for lines in (
            [b"a AUTHENTICATE %b %b" % (mechanism, base64(message))],
            [b"a AUTHENTICATE " + mechanism, base64(message)],
        ):
            connection = self.connect()
            for line in lines:
                received = connection.send(line)
            if answer is not None and not received:
                self.network.answer(answer)
                received = connection.received()
            challenge = self.challengeIn(received)
            results.append([challenge, *connection.send(base64(b"\x01"))])
            self.assertEqual(1, connection.server._jmaFailures)
        self.assertEqual(*results)
        return results[0]

    def test_foreignAuthorizationIdentity(self) -> None:
        """
        A token for the mail of somebody else: a challenge, and the answer says which of the two is
        wrong.
        """
        for mechanism, message, status in (
            (b"OAUTHBEARER", b"n,a=bron,\x01auth=Bearer tok\x01\x01", "invalid_token"),
            (b"XOAUTH2", b"user=bron\x01auth=Bearer tok\x01\x01", "401"),
        ):
            challenge, tagged = self.refusal(mechanism, message, ACTIVE)
            self.assertEqual((status, "imap"), (challenge["status"], challenge["scope"]))
            self.assertEqual(FOREIGN, tagged)
            self.assertEqual(
                OPENID if mechanism == b"OAUTHBEARER" else None,
                challenge.get("openid-configuration"),
            )

    def test_malformed(self) -> None:
        """
        A message that no checker has seen is explained like all others.
        """
        for message in (b"n,,\x01auth=Basic x\x01\x01", b"p=x,,\x01\x01", b"\xff"):
            challenge, tagged = self.refusal(b"OAUTHBEARER", message)
            self.assertEqual(
                {"status": "invalid_request", "scope": "imap", "openid-configuration": OPENID},
                challenge,
            )
            self.assertEqual(REFUSED, tagged)
        challenge, _ = self.refusal(b"XOAUTH2", b"user=arnt\x01\x01")
        self.assertEqual({"status": "400", "schemes": "Bearer", "scope": "imap"}, challenge)

    def test_foreignCheckers(self) -> None:
        """
        Checkers of others that have less to say get a challenge as well, and keep their answer.
        """
        for error, tagged in (
            (UnauthorizedLogin(), REFUSED),
            (Refused("no"), REFUSED),
            (ForeignAuthorizationIdentity("bron"), FOREIGN),
        ):
            connection = self.connect(_Refusing(error))
            challenge = self.challengeIn(
                connection.send(b"a AUTHENTICATE OAUTHBEARER " + base64(BEARER))
            )
            self.assertEqual({"status": "invalid_token"}, challenge)
            self.assertEqual([tagged], connection.send(b"AQ=="))

    def test_adviceOfAnother(self) -> None:
        """
        What a checker does not say about its refusal, another one in the chain says about tokens.
        """
        connection = self.connect(_Refusing(UnauthorizedLogin()), self.checker)
        challenge = self.challengeIn(connection.send(b"a AUTHENTICATE OAUTHBEARER AAAA"))
        self.assertEqual(OPENID, challenge["openid-configuration"])

    def test_adviceOfItsOwn(self) -> None:
        """
        What a checker does say is not replaced by what another one would.
        """
        theirs = TokenRefused("no", "insufficient_scope", "theirs")
        connection = self.connect(_Refusing(theirs), self.checker)
        self.assertEqual([], connection.send(b"a AUTHENTICATE OAUTHBEARER " + base64(BEARER)))
        self.network.answer({"active": False})
        challenge = self.challengeIn(connection.received())
        self.assertEqual({"status": "insufficient_scope", "scope": "theirs"}, challenge)

    def test_notExplained(self) -> None:
        """
        A lone %x01 in the place of a message, and a provider that cannot be asked, get no
        challenge (RFC 7628, section 3.2.3; RFC 5530, section 3).
        """
        connection = self.connect()
        self.assertEqual([REFUSED], connection.send(b"a AUTHENTICATE OAUTHBEARER AQ=="))
        self.assertEqual([], connection.send(b"a AUTHENTICATE OAUTHBEARER " + base64(BEARER)))
        self.network.answer(b"", 503)
        [tagged] = connection.received()
        self.assertEqual(b"a NO [UNAVAILABLE] ", tagged[:19])


class MessageTests(WireTestCase):
    """
    What clients send.
    """

    def test_longestToken(self) -> None:
        """
        A token of 48 KiB reaches the provider, with an initial response and without.
        """
        token = "t" * 49_152
        message = base64(f"n,,\x01auth=Bearer {token}\x01\x01".encode())
        for lines in (
            [b"a AUTHENTICATE OAUTHBEARER " + message],
            [b"a AUTHENTICATE OAUTHBEARER", message],
        ):
            self.checker = self.makeChecker()
            connection = self.connect()
            for line in lines:
                received = connection.send(line)
            self.assertEqual([], received)
            self.assertEqual(token, self.network.form()["token"])
            self.network.answer(ACTIVE)
            self.assertEqual(b"a OK ", connection.received()[0][:5])

    def test_xoauth2WithoutUser(self) -> None:
        """
        XOAUTH2 without a user, or with an empty one, is a login of the token's user.
        """
        for message in (
            b"auth=Bearer tok\x01\x01",
            b"user=\x01auth=Bearer tok\x01\x01",
            b"user=\x01auth=bearer   tok\x01tenant=x\x01\x01",
        ):
            self.checker = self.makeChecker()
            connection = self.connect()
            connection.send(b"a AUTHENTICATE XOAUTH2 " + base64(message))
            self.network.answer(ACTIVE)
            self.assertEqual(b"a OK ", connection.received()[0][:5])
            self.assertEqual("arnt", connection.server.loginRecord.username)


class HangingProviderTests(WireTestCase):
    """
    A provider that does not answer.
    """

    def test_deadline(self) -> None:
        """
        The login ends at its deadline, without a challenge (RFC 5530, section 3), and counts as no
        refusal; the connection stays.
        """
        connection = self.connect()
        for tag in (b"a", b"b"):
            message = tag + b" AUTHENTICATE OAUTHBEARER " + base64(BEARER)
            self.assertEqual([], connection.send(message))
            self.reactor.advance(5)
            [tagged] = connection.received()
            self.assertEqual(tag + b" NO [UNAVAILABLE] ", tagged[:19])
        self.assertEqual(0, connection.server._jmaFailures)
        self.assertEqual(self.network.responses, self.network.cancelled)

    def test_manyClients(self) -> None:
        """
        Many clients with one token make one request, and all end with it.
        """
        connections = [self.connect() for _ in range(20)]
        for connection in connections:
            connection.send(b"a AUTHENTICATE XOAUTH2 " + base64(b"auth=Bearer tok\x01\x01"))
        self.assertAsked(1)
        self.reactor.advance(5)
        for connection in connections:
            self.assertIn(b"[UNAVAILABLE]", connection.received()[0])
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_clientGone(self) -> None:
        """
        When the client goes away its request is given up.
        """
        connection = self.connect()
        connection.send(b"a AUTHENTICATE OAUTHBEARER " + base64(BEARER))
        connection.lose()
        self.assertEqual(self.network.responses, self.network.cancelled)
        self.assertEqual([], self.reactor.getDelayedCalls())
        self.assertEqual(1, self.checker.counters.cancelled)


class PasswordTests(WireTestCase):
    """
    C{as_password} on the wire.
    """

    def setUp(self) -> None:
        super().setUp()
        self.checker = self.makeChecker(as_password=True)

    def test_literals(self) -> None:
        """
        A token up to 48 KiB as a literal of LOGIN is tried; what is longer, up to the 64 KiB that a
        literal may have, is not, and is the next checker's.
        """
        for size, isAsked in ((8_193, True), (49_152, True), (49_153, False), (65_536, False)):
            connection = self.connect()
            connection.send(b"a LOGIN arnt {%d}" % size)
            before = len(self.network.requests)
            answer = connection.send(b"t" * size)
            self.assertAsked(before + isAsked)
            if isAsked:
                self.assertEqual("t" * size, self.network.form()["token"])
                self.network.answer(ACTIVE)
                self.assertEqual(b"a OK ", connection.received()[0][:5])
                self.assertEqual(
                    Known(URL, Reason.TOKEN_AS_PASSWORD), connection.server.loginRecord.verdict
                )
            else:
                self.assertEqual([REFUSED], answer)

    def test_tooLong(self) -> None:
        """
        A longer literal is not taken at all.
        """
        connection = self.connect()
        self.assertEqual(b"a BAD ", connection.send(b"a LOGIN arnt {65537}")[0][:6])

    def test_notASCII(self) -> None:
        """
        A password that is not ASCII, or not even UTF-8, is none of the provider's business: the
        next checker knows it.
        """
        for password in ("trøndheim".encode(), b"tr\xf8ndheim"):
            known = InMemoryUsernamePasswordDatabaseDontUse(arnt=password)
            connection = self.connect(self.checker, known)
            connection.send(b"a LOGIN arnt {%d}" % len(password))
            self.assertEqual(b"a OK ", connection.send(password)[0][:5])
            message = base64(b"\0arnt\0" + password)
            answer = self.connect(self.checker, known).send(b"a AUTHENTICATE PLAIN " + message)
            self.assertEqual(b"a OK ", answer[0][:5])
        self.assertAsked(0)

    def test_plain(self) -> None:
        """
        AUTHENTICATE PLAIN carries a token as well. Its refusals have no challenge.
        """
        connection = self.connect()
        connection.send(b"a AUTHENTICATE PLAIN " + base64(b"\0arnt\0tok"))
        self.network.answer(ACTIVE)
        self.assertEqual(b"a OK ", connection.received()[0][:5])
        answer = self.connect().send(b"a AUTHENTICATE PLAIN " + base64(b"\0bron\0tok"))
        self.assertEqual([FOREIGN], answer)

    def test_verdict(self) -> None:
        """
        The verdict is known, since the client would send the token to JMAP as a password; usable
        where the operator says that this works there.
        """
        for may, verdict in ((False, Known(URL, Reason.TOKEN_AS_PASSWORD)), (True, Usable(URL))):
            policy = EvidencePolicy(URL, passwordsMayBeTokens=may)
            connection = self.connect(jmapAccessPolicy=policy)
            answer = connection.send(b"a LOGIN arnt tok")
            if not may:
                self.network.answer(ACTIVE)
                answer = connection.received()
            self.assertEqual(may, b"JMAPACCESS" in capabilitiesIn(answer[0]))
            self.assertEqual(verdict, connection.server.loginRecord.verdict)


class ExpiryTests(WireTestCase):
    """
    C{end_at_expiry}.
    """

    def loggedIn(self) -> Connection:
        """
        @return: a connection whose token ends in 100 seconds.
        """
        self.reactor.rightNow = time.time()
        self.checker = self.makeChecker(end_at_expiry=True)
        connection = self.connect()
        connection.send(b"a AUTHENTICATE OAUTHBEARER " + base64(BEARER))
        self.network.answer({**ACTIVE, "exp": self.reactor.rightNow + 100})
        self.assertEqual(b"a OK ", connection.received()[0][:5])
        return connection

    def test_ends(self) -> None:
        """
        The connection ends when the token does, and not before.
        """
        connection = self.loggedIn()
        connection.clock.advance(98)
        self.assertEqual([], connection.received())
        connection.clock.advance(2)
        self.assertEqual([b"* BYE The access token has expired"], connection.received())

    def test_hangUp(self) -> None:
        """
        A client that goes away before that leaves no timer behind.
        """
        connection = self.loggedIn()
        connection.lose()
        self.assertEqual([], connection.clock.getDelayedCalls())

    def test_logout(self) -> None:
        """
        Nor does one that says LOGOUT.
        """
        connection = self.loggedIn()
        connection.send(b"b LOGOUT")
        connection.lose()
        self.assertEqual([], connection.clock.getDelayedCalls())


class TheirFactory(Factory):
    """
    Of somebody who has never heard of JMAPACCESS.
    """

    portal: Any = None

    def buildProtocol(self, addr: object) -> IMAP4Server:
        server = IMAP4Server()
        server.portal = self.portal
        return server


class UnmodifiedFactoryTests(WireTestCase):
    """
    The examples in docs/integrating.md, with a server of others and its portal.
    """

    def setUp(self) -> None:
        super().setUp()
        with open(os.path.join(ROOT, "docs", "integrating.md"), encoding="utf-8") as file:
            section = file.read().partition("\n## Access tokens\n")[2].partition("\n## ")[0]
        self.portalBlock, self.extendBlock = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
        self.factory = TheirFactory()
        # What stands further up on the page, and what the reader has.
        self.names: dict[str, Any] = {
            "EvidencePolicy": EvidencePolicy,
            "Portal": Portal,
            "YourFactory": lambda: self.factory,
            "YourRealm": RecordingRealm,
            "chain": chain,
            "extendFactory": extendFactory,
            "factory": self.factory,
            "passwords": InMemoryUsernamePasswordDatabaseDontUse(arnt=b"trondheim"),
            "reactor": self.reactor,
            "realm": RecordingRealm(),
        }

    def madeHere(self, **keys: Any) -> IntrospectionChecker:
        """
        @return: the checker of the documentation, with a network that leads nowhere.
        """
        keys["client_secret_file"] = secretFile(self)
        self.checker = IntrospectionChecker(
            reactor=self.reactor, network=self.network, now=self.reactor.seconds, **keys
        )
        return self.checker

    def run_(self, block: str) -> None:
        """
        Execute lines of the documentation.
        """
        imports = "".join(re.findall(r"^from .*\n", block, re.MULTILINE))
        exec(imports, self.names)
        self.names["IntrospectionChecker"] = self.madeHere
        exec(block.replace("from txjmapaccess.oauth import IntrospectionChecker\n", ""), self.names)

    def make(self, block: str) -> None:
        """
        Execute lines that make and start a checker, and answer what it asks.
        """
        self.run_(block)
        self.network.answer(METADATA_OF_DOCS)
        self.network.answer({"active": False})

    def test_portal(self) -> None:
        """
        In the portal of a server that is not extended, whose credentials are Twisted's own: a
        password, or a token as a password.
        """
        self.make(self.portalBlock)
        for line, isToken in (
            (b"a LOGIN arnt trondheim", False),
            (b"a LOGIN arnt tok", True),
            (b"a LOGIN arnt wrong", False),
        ):
            server = self.factory.buildProtocol(None)
            self.assertIs(IMAP4Server, type(server))
            transport = StringTransport()
            server.makeConnection(transport)
            transport.clear()
            server.dataReceived(line + b"\r\n")
            self.network.answer(ACTIVE if isToken else {"active": False})
            server.connectionLost(Failure(ConnectionDone()))
            accepted = transport.value().startswith(b"a OK ")
            self.assertEqual(b"wrong" not in line, accepted, transport.value())

    def test_extended(self) -> None:
        """
        With C{extendFactory}: the evidence of each token reaches the policy, usable with a JMAP
        scope, known without.
        """
        self.make(self.portalBlock)
        self.run_(self.extendBlock)
        url = "https://mail.example.com/.well-known/jmap"
        for token, scope, verdict in (
            (b"one", ACTIVE["scope"], Usable(url)),
            (b"two", "imap", Known(url, Reason.SCOPE)),
        ):
            server = self.factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
            connection = Connection(server=server)
            message = base64(b"n,,\x01auth=Bearer " + token + b"\x01\x01")
            connection.send(b"a AUTHENTICATE OAUTHBEARER " + message)
            self.network.answer({**ACTIVE, "scope": scope})
            [tagged] = connection.received()
            self.assertEqual(isinstance(verdict, Usable), b"JMAPACCESS" in capabilitiesIn(tagged))
            self.assertEqual(verdict, connection.server.loginRecord.verdict)

    def test_closed(self) -> None:
        """
        The checker is closed with the process.
        """
        self.make(self.portalBlock)
        [(event, close)] = self.reactor.triggers["before"].items()
        self.assertEqual("shutdown", event)
        [(function, _, _)] = close
        function()
        self.assertUnavailable(self.login())


BEARER = b"n,,\x01auth=Bearer tok\x01\x01"


class _Refusing:
    """
    A checker of somebody else that refuses every token.
    """

    credentialInterfaces = (IBearerToken,)

    def __init__(self, error: Exception) -> None:
        self.error = error

    def requestAvatarId(self, credentials: object) -> Deferred[Any]:
        raise self.error
