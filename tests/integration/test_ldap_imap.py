"""
What a mail client sees when an unmodified Twisted IMAP server, extended with
L{txjmapaccess.extendFactory}, checks passwords with L{txjmapaccess.ldap.LDAPChecker} and a real
slapd.
"""

from __future__ import annotations

import imaplib
from collections.abc import Callable
from typing import Any

from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.tcp import Server
from twisted.internet.threads import deferToThread

from tests.integration.test_ldap_checker import TEMPLATE, CheckerTestCase
from tests.integration.test_ldap_policy import LDIF, OVERLAY
from tests.support.imap import RecordingRealm
from tests.support.ports import freePort
from tests.support.slapd import Slapd, person, sharedSlapd
from tests.support.tokenserver import TheirFactory
from txjmapaccess import extendFactory
from txjmapaccess.checkers import chain
from txjmapaccess.policy import EvidencePolicy

URL = "https://mail.example.com/.well-known/jmap"
OWN = "https://jmap7.example.com/session"
PEOPLE_LDIF = (
    person("alice", "wonderland", "employeeType: jmap")
    + person("carol", "christmas", "employeeType: jmap", f"labeledURI: {OWN} Carol's")
    + person("bob", "builder")
    + LDIF
)


def login(client: imaplib.IMAP4, mechanism: str, name: str, password: str) -> str:
    """
    @return: C{OK}, or the text of the refusal.
    """
    answers = [name.encode(), password.encode()]
    if mechanism == "PLAIN":
        answers = [b"\0".join([b"", *answers])]
    try:
        if mechanism == "command":
            return client.login(name, password)[0]
        return client.authenticate(mechanism, lambda challenge: answers.pop(0))[0]
    except imaplib.IMAP4.error as e:
        return str(e)


def jmapAccess(client: imaplib.IMAP4) -> tuple[bool, bytes | None]:
    """
    @return: whether JMAPACCESS is advertised, and the answer to GETJMAPACCESS (RFC 9698, section
        4).
    """
    capabilities = client.capability()[1][-1]
    client.xatom("GETJMAPACCESS")
    return b"JMAPACCESS" in capabilities.split(), client.response("JMAPACCESS")[1][0]


class IMAPTests(CheckerTestCase):
    """
    Clients in threads.
    """

    def setUp(self) -> None:
        """
        Have a directory.
        """
        self.slapd = sharedSlapd(PEOPLE_LDIF, ("ppolicy",), OVERLAY)

    def listen(self, **keys: Any) -> None:
        """
        Start an IMAP server.
        """
        keys = {
            "bind_dn_template": TEMPLATE,
            "jmap_filter": "(employeeType=jmap)",
            "session_url_attribute": "labeledURI",
            **keys,
        }
        factory = TheirFactory(Portal(RecordingRealm(), chain([self.checker(**keys)])))
        extendFactory(factory, EvidencePolicy(URL), refusalSeconds=0.01)
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(self.connectionsClosed)
        self.addCleanup(port.stopListening)
        self.port = port.getHost().port

    def connectionsClosed(self) -> Deferred[None]:
        """
        Wait until the server has noticed that its clients are gone.
        """

        async def wait() -> None:
            while any(isinstance(reader, Server) for reader in reactor.getReaders()):
                await deferLater(reactor, 0.01)

        return Deferred.fromCoroutine(wait())

    def session(self, work: Callable[[imaplib.IMAP4], Any]) -> Deferred[Any]:
        """
        Run C{work} with a new client.
        """

        def inThread() -> Any:
            client = imaplib.IMAP4("127.0.0.1", self.port, timeout=60)
            try:
                return work(client)
            finally:
                client.shutdown()

        return deferToThread(inThread)

    async def seen(
        self, name: str, password: str, mechanism: str = "command"
    ) -> tuple[bool, bytes | None] | str:
        """
        @return: what the client learns about JMAP, or the refusal.
        """

        def work(client: imaplib.IMAP4) -> Any:
            outcome = login(client, mechanism, name, password)
            return jmapAccess(client) if outcome == "OK" else outcome

        return await self.session(work)

    async def test_verdicts(self) -> None:
        """
        Usable with the common URL and with the user's own, and known for who does not match
        C{jmap_filter} (RFC 9698, section 3), by LOGIN, AUTHENTICATE PLAIN and AUTHENTICATE LOGIN.
        """
        self.listen()
        for mechanism in ("command", "PLAIN", "LOGIN"):
            for name, password, expected in (
                ("alice", "wonderland", (True, f'"{URL}"'.encode())),
                ("ALICE", "wonderland", (True, f'"{URL}"'.encode())),
                ("carol", "christmas", (True, f'"{OWN}"'.encode())),
                ("bob", "builder", (False, f'"{URL}"'.encode())),
            ):
                self.assertEqual(await self.seen(name, password, mechanism), expected)

    async def test_passwordPolicy(self) -> None:
        """
        Passwords that will not last are good for IMAP and not advertised; one that has expired is
        refused with EXPIRED (RFC 5530).
        """
        self.listen(jmap_filter=None)
        for name in ("grace", "reset"):
            advertised, url = await self.seen(name, "secret")
            self.assertFalse(advertised)
            self.assertIn(b"https://", url)
        self.assertIn("[EXPIRED]", await self.seen("expired", "secret"))

    async def test_refused(self) -> None:
        """
        A wrong password, an unknown user, and a locked account look the same (RFC 5530).
        """
        self.listen()
        for name in ("alice", "nobody", "locked"):
            answer = await self.seen(name, "wrong")
            self.assertIn("[AUTHENTICATIONFAILED]", answer)

    async def test_unavailable(self) -> None:
        """
        A directory that is down is no wrong password (RFC 5530, UNAVAILABLE), and the client learns
        nothing of the reason.
        """
        self.listen(uris=[f"ldap://127.0.0.1:{freePort()}"])
        answer = await self.seen("alice", "wonderland")
        self.assertIn("[UNAVAILABLE]", answer)
        self.assertNotIn("ldap", answer.lower())

    async def test_frozen(self) -> None:
        """
        A directory that does not answer is unavailable, in time, and the first login after it
        answers again succeeds.
        """
        slapd = Slapd(person("alice", "wonderland"))
        self.addCleanup(slapd.close)
        self.listen(uris=[slapd.uri], timeout=1, jmap_filter=None)
        self.assertEqual((await self.seen("alice", "wonderland"))[0], True)
        slapd.freeze()
        began = reactor.seconds()
        self.assertIn("[UNAVAILABLE]", await self.seen("alice", "wonderland"))
        self.assertLess(reactor.seconds() - began, 4)
        slapd.thaw()
        self.assertEqual((await self.seen("alice", "wonderland"))[0], True)
