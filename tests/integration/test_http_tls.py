# -*- test-case-name: tests.integration.test_http_tls -*-
"""
Tests for L{txjmapaccess.http.tls}, with certificates that are all signed by an authority that is
trusted.
"""

from __future__ import annotations

from service_identity import VerificationError
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    SSL4ServerEndpoint,
    TCP4ClientEndpoint,
    connectProtocol,
    wrapClientTLS,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import (
    Certificate,
    DefaultOpenSSLContextFactory,
    trustRootFromCertificates,
)

from tests.support.ca import CertificateAuthority
from tests.support.coroutines import AsyncTestCase
from tests.support.tls import assertNothingOld
from txjmapaccess.http.tls import verifiedTLS


class Greeting(Protocol):
    """
    Says something when TLS is there.
    """

    def connectionMade(self):
        """
        See L{Protocol}.
        """
        self.transport.write(b"hello")
        self.transport.loseConnection()


class Listening(Protocol):
    """
    Hears it.
    """

    def __init__(self):
        self.heard = b""
        self.ended = Deferred()

    def dataReceived(self, data):
        """
        See L{Protocol}.
        """
        self.heard += data

    def connectionLost(self, reason):
        """
        See L{Protocol}.
        """
        self.ended.callback(reason.value)


class NameTests(AsyncTestCase):
    """
    Names in certificates (RFC 6125; RFC 4513, section 3.1.3).
    """

    def setUp(self):
        """
        An authority that is trusted.
        """
        self.authority = CertificateAuthority(self.mktemp())
        with open(self.authority.path, "rb") as file:
            self.trustRoot = trustRootFromCertificates([Certificate.loadPEM(file.read())])

    async def hear(self, host, *names, **kinds):
        """
        @param names: what is in the server's certificate.

        @return: what a client that wants C{host} hears, and how the connection ended.
        """
        certificate, key = self.authority.issue(*names, **kinds)
        factory = Factory.forProtocol(Greeting)
        context = DefaultOpenSSLContextFactory(key, certificate)
        port = await SSL4ServerEndpoint(reactor, 0, context, interface="127.0.0.1").listen(factory)
        self.addCleanup(port.stopListening)
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        tls = wrapClientTLS(verifiedTLS(host, self.trustRoot), endpoint)
        client = await connectProtocol(tls, Listening())
        reason = await client.ended
        return client.heard, reason

    async def assertRefused(self, host, *names, **kinds):
        """
        Nothing of what the server says is heard.
        """
        heard, reason = await self.hear(host, *names, **kinds)
        self.assertEqual(heard, b"")
        self.assertIsInstance(reason, VerificationError)

    async def test_right(self):
        """
        The host's own certificate is good, by name and by address.
        """
        for host in ("ldap.example.com", "127.0.0.1", "::1"):
            heard, _ = await self.hear(host, host)
            self.assertEqual(heard, b"hello")

    async def test_other(self):
        """
        That of another host is not.
        """
        await self.assertRefused("ldap.example.com", "www.example.com")
        await self.assertRefused("127.0.0.1", "127.0.0.2")

    async def test_noName(self):
        """
        One with a common name alone is not, be it the right one.
        """
        for host in ("ldap.example.com", "127.0.0.1"):
            await self.assertRefused(host, host, alternatives=())
            self.flushLoggedErrors()

    async def test_unreadable(self):
        """
        One with a name that is none, or matches too much, is not.
        """
        for name in ("*", "*.*.com", "a*b*.example.com"):
            await self.assertRefused("ldap.example.com", "x", alternatives=(name,))
        await self.assertRefused("127.0.0.1", "x", alternatives=("DNS:127.0.0.1",))
        self.flushLoggedErrors()

    async def test_unknownAuthority(self):
        """
        A certificate of an authority that is not trusted is not.
        """
        self.authority = CertificateAuthority(self.mktemp(), "Other CA")
        heard, reason = await self.hear("ldap.example.com", "ldap.example.com")
        self.assertEqual(heard, b"")
        self.assertIn("verify failed", str(reason))

    def test_oldVersions(self):
        """
        Nothing older than TLS 1.2 is offered (RFC 8996), whatever else is asked for.
        """
        assertNothingOld(self, lambda: verifiedTLS("idp.example.com"))
        assertNothingOld(self, lambda: verifiedTLS("127.0.0.1", self.trustRoot))
