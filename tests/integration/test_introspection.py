"""
L{txjmapaccess.oauth} with a real authorization server: npm oidc-provider.
"""

from __future__ import annotations

from typing import Any
from unittest import skipIf

from twisted.cred.credentials import IUsernamePassword
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.support.certificate import makeCertificate
from tests.support.coroutines import asynchronous
from tests.support.introspection import JMAP_SCOPE, LogCatcher, secretFile
from tests.support.oidc import (
    CLIENT_ID,
    CLIENT_SECRET,
    POST_CLIENT_ID,
    POST_CLIENT_SECRET,
    OIDCProvider,
    sharedProvider,
    whyNoProvider,
)
from txjmapaccess.credentials import BearerToken, Evidence, UsernamePassword
from txjmapaccess.errors import (
    ForeignAuthorizationIdentity,
    TemporaryFailure,
    TokenRefused,
)
from txjmapaccess.oauth import IntrospectionChecker
from txjmapaccess.verdict import Reason

JMAP_URL = "https://mail.example.com/jmap"


class ProviderTestCase(TestCase):
    """
    A checker and the provider.
    """

    def setUp(self) -> None:
        self.provider = sharedProvider()
        self.logged = LogCatcher(self)

    def makeChecker(self, **keys: Any) -> IntrospectionChecker:
        if "issuer" not in keys:
            keys.setdefault("endpoint", self.provider.endpoint)
        keys.setdefault("client_id", CLIENT_ID)
        keys.setdefault("client_secret_file", secretFile(self, CLIENT_SECRET))
        checker = IntrospectionChecker(**keys)
        self.addCleanup(checker.close)
        return checker

    async def evidence(self, token: str, **keys: Any) -> Evidence:
        return await self.evidenceFrom(self.makeChecker(**keys), token)

    async def evidenceFrom(self, checker: IntrospectionChecker, token: str) -> Evidence:
        credentials = BearerToken(token)
        username = await checker.requestAvatarId(credentials)
        assert credentials.evidence is not None
        self.assertEqual(username, credentials.evidence.username)
        return credentials.evidence

    async def refusal(self, token: str, **keys: Any) -> TokenRefused:
        checker = self.makeChecker(**keys)
        return await self.assertFailure(checker.requestAvatarId(BearerToken(token)), TokenRefused)

    async def sleep(self, seconds: float) -> None:
        await deferLater(reactor, seconds, lambda: None)


@skipIf(whyNoProvider(), whyNoProvider())
class TokenTests(ProviderTestCase):
    """
    Real tokens of every kind.
    """

    @asynchronous
    async def test_jmapScope(self) -> None:
        """
        A token with a JMAP scope is its user's, and nothing speaks against it.
        """
        evidence = await self.evidence(self.provider.mint("arnt", f"imap {JMAP_SCOPE}"))
        self.assertEqual(("arnt", "introspection"), (evidence.username, evidence.source))
        self.assertIsNone(evidence.objection)
        assert evidence.expires is not None
        self.assertApproximates(reactor.seconds() + 3600, evidence.expires, 5)

    @asynchronous
    async def test_noJMAPScope(self) -> None:
        """
        A token with an IMAP scope alone may log in, and does not do for JMAP.
        """
        evidence = await self.evidence(self.provider.mint("bron", "imap"))
        self.assertEqual(("bron", Reason.SCOPE), (evidence.username, evidence.objection))

    @asynchronous
    async def test_jmapAudience(self) -> None:
        """
        With C{jmap_audiences}, a token does for JMAP when C{aud} has one of them.
        """
        token = self.provider.mint("arnt", JMAP_SCOPE, resource=JMAP_URL)
        evidence = await self.evidence(token, jmap_audiences=["https://x.example", JMAP_URL])
        self.assertIsNone(evidence.objection)

    @asynchronous
    async def test_noJMAPAudience(self) -> None:
        """
        With C{jmap_audiences}, a token for another server, or without C{aud}, does not do.
        """
        for resource in ("https://imap.example.com", None):
            token = self.provider.mint("arnt", JMAP_SCOPE, resource=resource)
            evidence = await self.evidence(token, jmap_audiences=[JMAP_URL])
            self.assertEqual(Reason.AUDIENCE, evidence.objection)

    @asynchronous
    async def test_imapAudience(self) -> None:
        """
        With C{imap_audiences}, a token for another server is refused.
        """
        token = self.provider.mint("arnt", JMAP_SCOPE, resource=JMAP_URL)
        await self.evidence(token, imap_audiences=[JMAP_URL])
        error = await self.refusal(token, imap_audiences=["https://imap.example.com"])
        self.assertEqual("invalid_token", error.status)

    @asynchronous
    async def test_imapScope(self) -> None:
        """
        With C{imap_scopes}, a token that has not all of them is refused, and the client is told
        which scopes there are to ask for (RFC 7628, section 3.2.2).
        """
        token = self.provider.mint("arnt", "imap")
        await self.evidence(token, imap_scopes=["imap"])
        error = await self.refusal(token, imap_scopes=["imap", "mail"])
        self.assertEqual(("insufficient_scope", "imap mail"), (error.status, error.scope))

    @asynchronous
    async def test_expired(self) -> None:
        """
        A token that has expired is refused.
        """
        token = self.provider.mint("arnt", JMAP_SCOPE, seconds=1)
        await self.sleep(1.5)
        await self.refusal(token)

    @asynchronous
    async def test_expiresInCache(self) -> None:
        """
        A token is not good for longer than it lives because it was cached.
        """
        checker = self.makeChecker(cache_seconds=60)
        token = self.provider.mint("arnt", JMAP_SCOPE, seconds=2)
        await self.evidenceFrom(checker, token)
        await self.sleep(2.5)
        await self.assertFailure(checker.requestAvatarId(BearerToken(token)), TokenRefused)

    @asynchronous
    async def test_revoked(self) -> None:
        """
        A token that was revoked (RFC 7009) is refused when C{cache_seconds} are over.
        """
        checker = self.makeChecker(cache_seconds=1)
        token = self.provider.mint("arnt", JMAP_SCOPE)
        await self.evidenceFrom(checker, token)
        self.provider.revoke(token)
        await self.sleep(1.1)
        await self.assertFailure(checker.requestAvatarId(BearerToken(token)), TokenRefused)

    @asynchronous
    async def test_revokedWithoutCache(self) -> None:
        """
        Without a cache it is refused at once.
        """
        checker = self.makeChecker(cache_seconds=0)
        token = self.provider.mint("arnt", JMAP_SCOPE)
        await self.evidenceFrom(checker, token)
        self.provider.revoke(token)
        await self.assertFailure(checker.requestAvatarId(BearerToken(token)), TokenRefused)

    @asynchronous
    async def test_bogus(self) -> None:
        """
        A token that was never issued is refused.
        """
        error = await self.refusal("aG9v.-_~+/==")
        self.assertEqual("invalid_token", error.status)

    @asynchronous
    async def test_bound(self) -> None:
        """
        A token that is bound to a key (DPoP, RFC 9449) is refused: it cannot be proved here.
        """
        await self.refusal(self.provider.mint("arnt", JMAP_SCOPE, dpop=True))

    @asynchronous
    async def test_noUser(self) -> None:
        """
        A token that names no user is refused.
        """
        await self.refusal(self.provider.mint(None, JMAP_SCOPE))

    @asynchronous
    async def test_usernameClaim(self) -> None:
        """
        C{username_claim} says which claim names the user.
        """
        token = self.provider.mint("u4711", JMAP_SCOPE, email="arnt@example.com")
        evidence = await self.evidence(token, username_claim="email")
        self.assertEqual("arnt@example.com", evidence.username)

    @asynchronous
    async def test_sessionURLClaim(self) -> None:
        """
        C{session_url_claim} says which claim, here a nested one, has the JMAP session URL.
        """
        token = self.provider.mint("arnt", JMAP_SCOPE, sessionURL="https://a.example/jmap")
        evidence = await self.evidence(token, session_url_claim="jmap.session_url")
        self.assertEqual("https://a.example/jmap", evidence.sessionURL)

    @asynchronous
    async def test_authorizationIdentity(self) -> None:
        """
        A token logs in as its user only.
        """
        checker = self.makeChecker()
        token = self.provider.mint("arnt", JMAP_SCOPE)
        self.assertEqual("arnt", await checker.requestAvatarId(BearerToken(token, "arnt")))
        await self.assertFailure(
            checker.requestAvatarId(BearerToken(token, "bron")), ForeignAuthorizationIdentity
        )


@skipIf(whyNoProvider(), whyNoProvider())
class ClientTests(ProviderTestCase):
    """
    How the checker finds the provider and proves who it is.
    """

    @asynchronous
    async def test_post(self) -> None:
        """
        C{client_auth = "post"}: client_secret_post (RFC 6749, section 2.3.1).
        """
        await self.evidence(
            self.provider.mint("arnt"),
            client_id=POST_CLIENT_ID,
            client_secret_file=secretFile(self, POST_CLIENT_SECRET),
            client_auth="post",
        )

    @asynchronous
    async def test_wrongSecret(self) -> None:
        """
        With a wrong client secret no login succeeds, and none is told that its token is bad.
        """
        checker = self.makeChecker(client_secret_file=secretFile(self, "wrong"))
        await self.assertFailure(
            checker.requestAvatarId(BearerToken(self.provider.mint("arnt"))), TemporaryFailure
        )

    @asynchronous
    async def test_wrongSecretAtStart(self) -> None:
        """
        A wrong client secret is found at start: an error for the operator, nothing more.
        """
        checker = self.makeChecker(client_secret_file=secretFile(self, "wrong"))
        checker.start()
        while not self.logged.texts():
            await self.sleep(0.01)
        [text] = self.logged.texts()
        self.assertIn("client_secret_file", text)
        self.assertIn("401", text)

    @asynchronous
    async def test_goodStart(self) -> None:
        """
        When all is well, start says nothing.
        """
        checker = self.makeChecker(issuer=self.provider.issuer)
        checker.start()
        await self.evidenceFrom(checker, self.provider.mint("arnt"))
        await self.sleep(0.1)
        self.assertEqual([], self.logged.texts())

    @asynchronous
    async def test_discovery(self) -> None:
        """
        With C{issuer} the endpoint is found in its metadata, and a client whose token is refused
        is told where they are (RFC 7628, section 3.2.2).
        """
        checker = self.makeChecker(issuer=self.provider.issuer)
        await self.evidenceFrom(checker, self.provider.mint("arnt"))
        error = await self.assertFailure(
            checker.requestAvatarId(BearerToken("bogus")), TokenRefused
        )
        self.assertEqual(
            self.provider.issuer + "/.well-known/openid-configuration", error.openidConfiguration
        )

    @asynchronous
    async def test_otherIssuer(self) -> None:
        """
        The issuer in the metadata must be the configured one, exactly (RFC 8414, section 3.3).
        """
        checker = self.makeChecker(issuer=self.provider.issuer + "/")
        await self.assertFailure(
            checker.requestAvatarId(BearerToken(self.provider.mint("arnt"))), TemporaryFailure
        )
        self.assertIn("is not the metadata of the issuer", self.logged.texts()[0])

    @asynchronous
    async def test_passwordToken(self) -> None:
        """
        With C{as_password} a password may be a token, of the user who is named beside it.
        """
        checker = self.makeChecker(as_password=True)
        self.assertIn(IUsernamePassword, checker.credentialInterfaces)
        token = self.provider.mint("arnt", JMAP_SCOPE)
        credentials = UsernamePassword(b"arnt", token.encode())
        self.assertEqual("arnt", await checker.requestAvatarId(credentials))
        assert credentials.evidence is not None
        self.assertTrue(credentials.evidence.tokenAsPassword)


@skipIf(whyNoProvider(), whyNoProvider())
class TLSTests(ProviderTestCase):
    """
    The provider over https.
    """

    @asynchronous
    async def test_https(self) -> None:
        """
        With its authority in C{ca_file}, discovery and introspection go over TLS.
        """
        certificate, key = makeCertificate("localhost")
        files = self.mktemp(), self.mktemp()
        for name, content in zip(files, (key, certificate), strict=True):
            with open(name, "wb") as file:
                file.write(content)
        provider = OIDCProvider(tls=files)
        self.addCleanup(provider.stop)
        self.assertTrue(provider.issuer.startswith("https://"))
        token = provider.mint("arnt", JMAP_SCOPE)
        evidence = await self.evidence(token, issuer=provider.issuer, ca_file=files[1])
        self.assertEqual("arnt", evidence.username)
        checker = self.makeChecker(issuer=provider.issuer)
        await self.assertFailure(checker.requestAvatarId(BearerToken(token)), TemporaryFailure)


@skipIf(whyNoProvider(), whyNoProvider())
class OutageTests(ProviderTestCase):
    """
    A provider that stops and starts while logins go on.
    """

    @asynchronous
    async def test_stoppedAndStarted(self) -> None:
        """
        While the provider is away logins get a temporary failure, never a refusal; when it is
        back, on the same port, they succeed again by themselves.
        """
        provider = OIDCProvider()
        self.addCleanup(provider.stop)
        checker = self.makeChecker(endpoint=provider.endpoint, cache_seconds=0, timeout=2)
        await self.evidenceFrom(checker, provider.mint("arnt"))

        load = [self.tryLogins(checker, provider.mint("arnt")) for _ in range(20)]
        await self.sleep(0.3)
        provider.stop()
        for outcome in load:
            await outcome
        await self.assertFailure(checker.requestAvatarId(BearerToken("any")), TemporaryFailure)

        again = OIDCProvider(port=provider.port)
        self.addCleanup(again.stop)
        await self.evidenceFrom(checker, again.mint("arnt"))
        self.assertEqual(1, len(set(self.logged.texts())), self.logged.texts())

    def tryLogins(self, checker: IntrospectionChecker, token: str) -> Deferred[None]:
        """
        Log in again and again until it fails.
        """

        async def logins() -> None:
            while True:
                try:
                    await checker.requestAvatarId(BearerToken(token))
                except TemporaryFailure:
                    return

        return Deferred.fromCoroutine(logins())
