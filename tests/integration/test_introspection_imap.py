"""
What a mail client sees when an unmodified Twisted IMAP server, extended with
L{txjmapaccess.extendFactory}, checks tokens with L{txjmapaccess.oauth.IntrospectionChecker}, over
TLS and with a real authorization server.
"""

from __future__ import annotations

import base64
import imaplib
import json
import ssl
import threading
from collections.abc import Callable
from typing import TypeVar
from unittest import skipIf

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.support.coroutines import asynchronous
from tests.support.introspection import JMAP_SCOPE
from tests.support.oidc import OIDCProvider, whyNoProvider
from tests.support.tokenserver import URL, TokenServerTestCase

_T = TypeVar("_T")


class Client(imaplib.IMAP4_SSL):
    """
    L{imaplib} with the mechanisms that carry a token.
    """

    challenge: bytes | None = None

    def token(self, token: str, user: str = "", mechanism: str = "OAUTHBEARER") -> str:
        """
        AUTHENTICATE without an initial response.

        @return: C{OK}, or the text of the refusal.
        """
        if mechanism == "XOAUTH2":
            first = f"user={user}\1auth=Bearer {token}\1\1"
        else:
            first = f"n,{user and 'a=' + user},\1auth=Bearer {token}\1\1"
        responses = [first.encode(), b"\1" if mechanism == "OAUTHBEARER" else b""]

        def respond(challenge: bytes) -> bytes:
            self.challenge = challenge or None
            return responses.pop(0)

        try:
            return self.authenticate(mechanism, respond)[0]
        except imaplib.IMAP4.error as e:
            return str(e)

    def tokenAtOnce(self, token: str) -> bytes:
        """
        AUTHENTICATE with an initial response (RFC 4959).

        @return: the tagged line, or the challenge.
        """
        initial = base64.b64encode(f"n,,\1auth=Bearer {token}\1\1".encode())
        self.send(b"X AUTHENTICATE OAUTHBEARER " + initial + b"\r\n")
        answer = self.readline()
        if answer.startswith(b"+"):
            self.send(base64.b64encode(b"\1") + b"\r\n")
            self.readline()
        return answer

    def getJMAPAccess(self) -> bytes:
        """
        @return: the URL, quoted, that the server answers to GETJMAPACCESS (RFC 9698, section 4).
        """
        self.xatom("GETJMAPACCESS")
        [response] = self.response("JMAPACCESS")[1]
        assert response is not None
        return response

    def hasJMAPAccess(self) -> bool:
        """
        @return: whether the server says JMAPACCESS now.
        """
        # The list of a response code may still be there before it.
        capabilities = self.capability()[1][-1]
        return b"JMAPACCESS" in capabilities.split()


@skipIf(whyNoProvider(), whyNoProvider())
class IMAPTests(TokenServerTestCase):
    """
    Clients in threads.
    """

    def client(self, function: Callable[[Client], _T]) -> Deferred[_T]:
        """
        Run C{function} with a new client in a thread.
        """
        context = ssl.create_default_context(cadata=self.certificate.decode())

        def work() -> _T:
            client = Client("localhost", self.port, ssl_context=context, timeout=60)
            try:
                return function(client)
            finally:
                client.shutdown()

        done: Deferred[_T] = Deferred()

        def run() -> None:
            try:
                reactor.callFromThread(done.callback, work())
            except BaseException as e:
                reactor.callFromThread(done.errback, e)

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        return done

    @asynchronous
    async def test_usable(self) -> None:
        """
        With a JMAP token: JMAPACCESS, and the URL (RFC 9698, example 1), by OAUTHBEARER and by
        XOAUTH2.
        """
        self.listen()
        token = self.provider.mint("arnt", f"imap {JMAP_SCOPE}")

        def session(client: Client, user: str, mechanism: str) -> None:
            self.assertFalse(client.hasJMAPAccess())
            self.assertEqual("OK", client.token(token, user, mechanism))
            self.assertTrue(client.hasJMAPAccess())
            self.assertEqual(f'"{URL}"'.encode(), client.getJMAPAccess())

        for user, mechanism in (("", "OAUTHBEARER"), ("arnt", "OAUTHBEARER"), ("arnt", "XOAUTH2")):
            await self.client(lambda client, u=user, m=mechanism: session(client, u, m))

    @asynchronous
    async def test_known(self) -> None:
        """
        With a token for IMAP alone: no JMAPACCESS, but the URL (RFC 9698, example 3).
        """
        self.listen()
        token = self.provider.mint("arnt", "imap")

        def session(client: Client) -> None:
            self.assertEqual("OK", client.token(token))
            self.assertFalse(client.hasJMAPAccess())
            self.assertIn(URL.encode(), client.getJMAPAccess())

        await self.client(session)

    @asynchronous
    async def test_initialResponse(self) -> None:
        """
        With an initial response (RFC 4959), a long token too. (Without one: all the others.)
        """
        self.listen()
        token = self.provider.mint("arnt", JMAP_SCOPE)
        answer = await self.client(lambda client: client.tokenAtOnce(token))
        self.assertIn(b"X OK [CAPABILITY ", answer)
        self.assertIn(b" JMAPACCESS", answer)
        longest = "x" * 49_152
        answer = await self.client(lambda client: client.tokenAtOnce(longest))
        self.assertTrue(answer.startswith(b"+ "), answer)
        text = await self.client(lambda client: client.token(longest))
        self.assertIn("[AUTHENTICATIONFAILED]", text)

    @asynchronous
    async def test_refused(self) -> None:
        """
        A token that is expired, revoked, bound or too weak: a challenge that says why (RFC 7628,
        section 3.2.2), then NO.
        """
        self.listen(imap_scopes=["imap"])
        expired = self.provider.mint("arnt", "imap", seconds=1)
        await deferLater(reactor, 1.5, lambda: None)
        revoked = self.provider.mint("arnt", "imap")
        self.provider.revoke(revoked)
        invalid = {"status": "invalid_token", "scope": "imap"}
        for token, expected in (
            ("bogus", invalid),
            (expired, invalid),
            (revoked, invalid),
            (self.provider.mint("arnt", "imap", dpop=True), invalid),
            (self.provider.mint("arnt", "mail"), {**invalid, "status": "insufficient_scope"}),
        ):

            def session(client: Client, token: str = token) -> tuple[str, bytes | None]:
                return client.token(token), client.challenge

            text, challenge = await self.client(session)
            self.assertIn("[AUTHENTICATIONFAILED]", text)
            self.assertEqual(expected, json.loads(challenge or b"null"))

    @asynchronous
    async def test_otherUser(self) -> None:
        """
        A token of somebody else: a challenge, then [AUTHORIZATIONFAILED].
        """
        self.listen()
        token = self.provider.mint("bron", JMAP_SCOPE)
        for mechanism, status in (("OAUTHBEARER", "invalid_token"), ("XOAUTH2", "401")):

            def session(client: Client, mechanism: str = mechanism) -> tuple[str, bytes | None]:
                return client.token(token, "arnt", mechanism), client.challenge

            text, challenge = await self.client(session)
            self.assertIn("[AUTHORIZATIONFAILED]", text)
            self.assertEqual(status, json.loads(challenge or b"null")["status"])

    @asynchronous
    async def test_providerAway(self) -> None:
        """
        Without the provider: [UNAVAILABLE] and no challenge. Passwords still work.
        """
        provider = OIDCProvider()
        self.listen(provider)
        provider.stop()

        def session(client: Client) -> tuple[str, bytes | None]:
            return client.token("token"), client.challenge

        text, challenge = await self.client(session)
        self.assertIn("[UNAVAILABLE]", text)
        self.assertIsNone(challenge)
        answer = await self.client(lambda client: client.login("arnt", "trondheim")[0])
        self.assertEqual("OK", answer)

    @asynchronous
    async def test_tokenAsPassword(self) -> None:
        """
        A token in the place of a password logs in, and is not good for JMAP: the client would
        send it there as a password. Other passwords are passed on to the next checker.
        """
        self.listen(as_password=True)
        token = self.provider.mint("arnt", JMAP_SCOPE)

        def session(client: Client, password: str, usable: bool) -> None:
            client.login("arnt", password)
            self.assertEqual(usable, client.hasJMAPAccess())
            self.assertIn(URL.encode(), client.getJMAPAccess())

        await self.client(lambda client: session(client, token, False))
        await self.client(lambda client: session(client, "trondheim", True))
        with self.assertRaises(imaplib.IMAP4.error):
            await self.client(lambda client: client.login("arnt", "wrong"))

    @asynchronous
    async def test_endAtExpiry(self) -> None:
        """
        With C{end_at_expiry} the connection ends with BYE when the token does.
        """
        self.listen(end_at_expiry=True)
        token = self.provider.mint("arnt", JMAP_SCOPE, seconds=3)

        def session(client: Client) -> bytes:
            self.assertEqual("OK", client.token(token))
            return client.readline()

        self.assertTrue((await self.client(session)).startswith(b"* BYE "))

    @asynchronous
    async def test_verdictStays(self) -> None:
        """
        Without it the connection stays, and so does the verdict: the next access token will do
        (RFC 9698, example 1).
        """
        self.listen()
        token = self.provider.mint("arnt", JMAP_SCOPE, seconds=3)

        def session(client: Client) -> None:
            self.assertEqual("OK", client.token(token))
            threading.Event().wait(3.2)
            self.assertTrue(client.hasJMAPAccess())

        await self.client(session)
