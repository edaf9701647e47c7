"""
TLS to a real slapd: what is verified, and what happens when it does not verify.
"""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.error import CannotListenError
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest

from tests.integration.test_ldap_checker import TEMPLATE
from tests.support.ca import CertificateAuthority
from tests.support.coroutines import AsyncTestCase
from tests.support.ldap import FakeDirectory, result
from tests.support.slapd import Slapd, person, sharedSlapd, skipWithoutSlapd
from txjmapaccess.credentials import UsernamePassword
from txjmapaccess.errors import Refused, TemporaryFailure
from txjmapaccess.ldap import LDAPChecker, codec


@functools.cache
def authority() -> CertificateAuthority:
    """
    @return: one authority for all tests.
    """
    return CertificateAuthority(tempfile.mkdtemp(prefix="ca-"))


@functools.cache
def server(*names: str, days: int = 10, config: str = "") -> Slapd:
    """
    @return: a slapd whose certificate is for C{names}.
    """
    certificate, key = authority().issue(*names, days=days)
    return sharedSlapd(
        person("alice", "wonderland"),
        globalConfig=f"TLSCertificateFile {certificate}\nTLSCertificateKeyFile {key}\n"
        f"TLSCACertificateFile {authority().path}\n{config}",
        tls=True,
    )


class TLSTests(AsyncTestCase):
    """
    ldaps and StartTLS.
    """

    skip = skipWithoutSlapd

    async def login(self, uri: str, password: str = "wonderland", **keys: Any) -> str:
        """
        @return: the avatar id of alice.
        """
        keys = {"ca_file": authority().path, **keys}
        checker = LDAPChecker(uris=[uri], bind_dn_template=TEMPLATE, **keys)
        try:
            return await checker.requestAvatarId(UsernamePassword(b"alice", password.encode()))
        finally:
            await checker.close()

    async def assertUnverified(self, uri: str, words: str, **keys: Any) -> None:
        """
        The login ends as a temporary failure that says C{words}.
        """
        with self.assertRaises(TemporaryFailure) as caught:
            await self.login(uri, **keys)
        self.assertIn(words, str(caught.exception))
        self.assertNotIn("wonderland", str(caught.exception))

    async def test_addressInCertificate(self) -> None:
        """
        A certificate for the address verifies, with ldaps and with StartTLS (RFC 4513, section
        3.1.3), and passwords are checked over it.
        """
        slapd = server("127.0.0.1")
        for uri, starttls in ((slapd.tlsURI, False), (slapd.uri, True)):
            self.assertEqual(await self.login(uri, starttls=starttls), "alice")
            with self.assertRaises(Refused):
                await self.login(uri, "wrong", starttls=starttls)

    async def test_nameInCertificate(self) -> None:
        """
        A certificate for the host name verifies.
        """
        slapd = server("localhost")
        uri = slapd.tlsURI.replace("127.0.0.1", "localhost")
        self.assertEqual(await self.login(uri), "alice")

    async def test_wrongName(self) -> None:
        """
        A certificate for another name is refused, before anything is sent.
        """
        slapd = server("ldap.example.net")
        for uri, starttls in ((slapd.tlsURI, False), (slapd.uri, True)):
            await self.assertUnverified(uri, "127.0.0.1", starttls=starttls)
            name = uri.replace("127.0.0.1", "localhost")
            await self.assertUnverified(name, "localhost", starttls=starttls)

    async def test_wrongNameEndsTheNegotiation(self) -> None:
        """
        A connection whose certificate is for another name is never lent: no bind is even tried.
        """
        slapd = server("ldap.example.net")
        for uri, starttls in ((slapd.tlsURI, False), (slapd.uri, True)):
            checker = LDAPChecker(
                uris=[uri], bind_dn_template=TEMPLATE, starttls=starttls, ca_file=authority().path
            )
            self.addCleanup(checker.close)
            with self.assertRaises(TemporaryFailure):
                await checker.requestAvatarId(UsernamePassword(b"alice", b"wonderland"))
            self.assertEqual(sum(checker.counters.binds.values()), 0)

    async def test_expired(self) -> None:
        """
        An expired certificate is refused.
        """
        slapd = server("127.0.0.1", days=-1)
        await self.assertUnverified(slapd.tlsURI, "certificate verify failed")
        await self.assertUnverified(slapd.uri, "certificate verify failed", starttls=True)

    async def test_otherAuthority(self) -> None:
        """
        A certificate of an authority that is not configured is refused: by default the system's are
        trusted, and no others.
        """
        slapd = server("127.0.0.1")
        stranger = CertificateAuthority(tempfile.mkdtemp(prefix="ca-"), "Somebody else")
        await self.assertUnverified(slapd.tlsURI, "certificate", ca_file=stranger.path)
        await self.assertUnverified(slapd.tlsURI, "certificate", ca_file=None)

    async def test_systemAuthorities(self) -> None:
        """
        Without C{ca_file} the system's authorities are trusted: those that OpenSSL is told of.
        """
        slapd = server("127.0.0.1")
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = authority().path
        try:
            self.assertEqual(await self.login(slapd.tlsURI, ca_file=None), "alice")
            self.assertEqual(await self.login(slapd.uri, ca_file=None, starttls=True), "alice")
            stranger = server("ldap.example.net")
            await self.assertUnverified(stranger.tlsURI, "127.0.0.1", ca_file=None)
        finally:
            os.environ.pop("SSL_CERT_FILE")
            if before is not None:
                os.environ["SSL_CERT_FILE"] = before

    async def test_internetProtocol6(self) -> None:
        """
        A certificate for an IPv6 address verifies, and one for another address does not.
        """
        for name, isRight in (("::1", True), ("::2", False)):
            certificate, key = authority().issue(name)
            context = DefaultOpenSSLContextFactory(key, certificate)
            try:
                directory = FakeDirectory(
                    lambda connection, messageID, tag, content: connection.transport.write(
                        result(messageID, 0)
                    ),
                    interface="::1",
                    contextFactory=context,
                )
            except CannotListenError:
                raise SkipTest("this machine has no IPv6") from None
            self.addCleanup(directory.close)
            if isRight:
                self.assertEqual(await self.login(directory.uri), "alice")
            else:
                await self.assertUnverified(directory.uri, "::1")
                self.assertEqual(directory.requests, [])

    async def test_acceptAny(self) -> None:
        """
        Only C{accept_any_certificate} turns verification off, name and authority at once.
        """
        slapd = server("ldap.example.net", days=-1)
        for uri, starttls in ((slapd.tlsURI, False), (slapd.uri, True)):
            self.assertEqual(
                await self.login(uri, starttls=starttls, ca_file=None, accept_any_certificate=True),
                "alice",
            )

    async def test_clientCertificate(self) -> None:
        """
        A server that wants a client certificate gets it.
        """
        slapd = server("127.0.0.1", config="TLSVerifyClient demand\n")
        certificate, key = authority().issue("imap.example.com")
        self.assertEqual(
            await self.login(slapd.tlsURI, client_certificate=certificate, client_key=key),
            "alice",
        )
        with self.assertRaises(TemporaryFailure):
            await self.login(slapd.tlsURI)

    async def test_clientCertificateWithoutVerification(self) -> None:
        """
        So does one that is not verified itself, with what is behind the certificate in its file.
        """
        slapd = server("ldap.example.net", config="TLSVerifyClient demand\n")
        between = CertificateAuthority(tempfile.mkdtemp(prefix="ca-"), "Between", authority())
        certificate, key = between.issue("imap.example.com")
        with open(certificate, "ab") as file:
            file.write(Path(between.path).read_bytes())
        keys: dict[str, Any] = {"ca_file": None, "accept_any_certificate": True}
        with self.assertRaises(TemporaryFailure):
            await self.login(slapd.tlsURI, **keys)
        keys.update(client_certificate=certificate, client_key=key)
        for uri, starttls in ((slapd.tlsURI, False), (slapd.uri, True)):
            self.assertEqual(await self.login(uri, starttls=starttls, **keys), "alice")

    async def test_clientCertificateChain(self) -> None:
        """
        What is behind the client certificate in its file is sent along: the server may know the
        root only.
        """
        slapd = server("127.0.0.1", config="TLSVerifyClient demand\n")
        between = CertificateAuthority(tempfile.mkdtemp(prefix="ca-"), "Between", authority())
        certificate, key = between.issue("imap.example.com")
        with self.assertRaises(TemporaryFailure):
            await self.login(slapd.tlsURI, client_certificate=certificate, client_key=key)
        with open(certificate, "ab") as file:
            file.write(Path(between.path).read_bytes())
        self.assertEqual(
            await self.login(slapd.tlsURI, client_certificate=certificate, client_key=key),
            "alice",
        )

    async def test_silentHandshake(self) -> None:
        """
        A server that says nothing when TLS should begin costs no more than the timeout, and does
        not keep the checker from closing.
        """
        silent = FakeDirectory(
            lambda connection, messageID, tag, content: connection.transport.write(
                result(messageID, 0, codec.EXTENDED_RESPONSE)
            )
        )
        self.addCleanup(silent.close)
        for uri, starttls in ((silent.uri.replace("ldap:", "ldaps:"), False), (silent.uri, True)):
            began = reactor.seconds()
            await self.assertUnverified(uri, "in time", starttls=starttls, timeout=1)
            self.assertTrue(0.9 < reactor.seconds() - began < 1.9)
            keys = {"ca_file": authority().path, "starttls": starttls}
            checker = LDAPChecker(uris=[uri], bind_dn_template=TEMPLATE, **keys)
            login = checker.requestAvatarId(UsernamePassword(b"alice", b"wonderland"))
            await deferLater(reactor, 0.1)
            await checker.close()
            with self.assertRaises(TemporaryFailure):
                await login

    async def test_noStartTLS(self) -> None:
        """
        A server that has no TLS gets no password.
        """
        slapd = sharedSlapd(person("alice", "wonderland"))
        await self.assertUnverified(slapd.uri, "StartTLS was refused", starttls=True)
