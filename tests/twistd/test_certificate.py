# -*- test-case-name: tests.twistd.test_certificate -*-
"""
The server's certificate, and a renewed one.
"""

from __future__ import annotations

import contextlib

from OpenSSL import SSL
from OpenSSL.crypto import FILETYPE_PEM as PEM
from OpenSSL.crypto import X509, dump_privatekey, load_privatekey
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.certificate import makeCertificate, writeCertificate
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.twistd.certificate import Certificates, ReloadableCertificate, readContext
from txjmapaccess.twistd.config import IMAPSettings
from txjmapaccess.twistd.endpoints import ListenEndpoint, parseListen


def handshake(server: SSL.Connection, highest: int = SSL.TLS1_3_VERSION) -> SSL.Connection:
    """
    Let a client meet C{server} in memory.

    @param highest: the client's highest TLS version.

    @return: the client's side.
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_max_proto_version(highest)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    client = SSL.Connection(context, None)
    client.set_connect_state()
    server.set_accept_state()
    for _ in range(4):
        for one, other in ((client, server), (server, client)):
            with contextlib.suppress(SSL.WantReadError):
                one.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                other.bio_write(one.bio_read(100000))
    return client


def nameOf(certificate: X509 | None) -> str | None:
    """
    @return: the common name of C{certificate}.
    """
    assert certificate is not None
    return certificate.get_subject().CN


class ReadContextTests(SynchronousTestCase):
    """
    L{readContext}: from files to a context.
    """

    def write(self, content: bytes) -> str:
        """
        @return: the path of a file with C{content}.
        """
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(content)
        return path

    def complaint(self, certificate: str, privateKey: str | None = None) -> str:
        """
        @return: the sentence about these files.
        """
        return str(self.assertRaises(ConfigurationError, readContext, certificate, privateKey))

    def served(self, certificate: str, privateKey: str | None = None) -> SSL.Connection:
        """
        @return: a client that has met a server with these files.
        """
        context = readContext(certificate, privateKey)
        creator = ReloadableCertificate(context)
        return handshake(creator.serverConnectionForTLS(None))

    def test_oneFile(self) -> None:
        """
        Certificate and key may be in one file.
        """
        certificate, key = makeCertificate("one.example")
        for content in (certificate + key, key + certificate):
            client = self.served(self.write(content))
            self.assertEqual(nameOf(client.get_peer_certificate()), "one.example")

    def test_twoFiles(self) -> None:
        """
        Or in two.
        """
        certificate, key = makeCertificate("two.example")
        client = self.served(self.write(certificate), self.write(key))
        self.assertEqual(nameOf(client.get_peer_certificate()), "two.example")

    def test_chain(self) -> None:
        """
        Further certificates of the file are sent to the client behind the first.
        """
        first, key = makeCertificate("leaf.example")
        second, _ = makeCertificate("intermediate.example")
        client = self.served(self.write(first + second), self.write(key))
        names = [nameOf(certificate) for certificate in client.get_peer_cert_chain() or []]
        self.assertEqual(names, ["leaf.example", "intermediate.example"])

    def test_versions(self) -> None:
        """
        TLS 1.2 and 1.3 are spoken, TLS 1.1 is not (RFC 8996, RFC 9325).
        """
        path = self.mktemp()
        writeCertificate(path)
        creator = ReloadableCertificate(readContext(path))
        for version, name in ((SSL.TLS1_2_VERSION, "TLSv1.2"), (SSL.TLS1_3_VERSION, "TLSv1.3")):
            client = handshake(creator.serverConnectionForTLS(None), version)
            self.assertEqual(client.get_protocol_version_name(), name)
        server = creator.serverConnectionForTLS(None)
        self.assertRaises(SSL.Error, handshake, server, SSL.TLS1_1_VERSION)

    def test_missing(self) -> None:
        """
        A missing file is named.
        """
        self.assertEqual(
            self.complaint("/nosuch"),
            "certificate /nosuch cannot be read: No such file or directory",
        )
        path = self.mktemp()
        writeCertificate(path)
        self.assertEqual(
            self.complaint(path, "/nosuch"),
            "private_key /nosuch cannot be read: No such file or directory",
        )

    def test_noCertificate(self) -> None:
        """
        A file that holds no certificate is named, whether it holds something else or something
        damaged.
        """
        damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        nothing, broken = "contains no PEM certificate", "contains an invalid certificate"
        for content, words in ((b"", nothing), (b"hello", nothing), (damaged, broken)):
            path = self.write(content)
            self.assertEqual(self.complaint(path), f"certificate {path} {words}")

    def test_noKey(self) -> None:
        """
        So is one that holds no key.
        """
        certificate, _ = makeCertificate()
        path = self.write(certificate)
        self.assertEqual(self.complaint(path), f"private_key {path} contains no PEM private key")

    def test_protectedKey(self) -> None:
        """
        A key with a passphrase is refused: OpenSSL would ask for it on the terminal and wait.
        """
        certificate, key = makeCertificate()
        protected = dump_privatekey(PEM, load_privatekey(PEM, key), "aes-128-cbc", b"secret")
        path = self.write(certificate + protected)
        self.assertEqual(
            self.complaint(path),
            f"private_key {path} must not be protected by a passphrase",
        )

    def test_mismatch(self) -> None:
        """
        A key of another certificate is refused.
        """
        certificate, _ = makeCertificate()
        _, key = makeCertificate()
        first, second = self.write(certificate), self.write(key)
        self.assertEqual(
            self.complaint(first, second),
            f"private_key {second} does not match the certificate in {first}",
        )


class CertificatesTests(SynchronousTestCase):
    """
    L{Certificates}: which endpoint has which, and renewal.
    """

    def setUp(self) -> None:
        self.common = self.mktemp()
        writeCertificate(self.common, "common.example")
        self.imap = IMAPSettings(certificate=self.common)

    def served(self, certificates: Certificates, listen: ListenEndpoint | None) -> str | None:
        """
        @return: the name in the certificate that a client of C{listen} sees.
        """
        creator = certificates.creatorFor(listen)
        assert creator is not None
        verifyObject(IOpenSSLServerConnectionCreator, creator)
        return nameOf(handshake(creator.serverConnectionForTLS(None)).get_peer_certificate())

    def test_common(self) -> None:
        """
        [imap] certificate is for STARTTLS and for C{ssl:} endpoints without one of their own.
        """
        plain, implicit = parseListen("tcp:143"), parseListen("ssl:993")
        certificates = Certificates([plain, implicit], self.imap)
        self.assertEqual(self.served(certificates, None), "common.example")
        self.assertEqual(self.served(certificates, implicit), "common.example")
        self.assertIsNone(certificates.creatorFor(plain))

    def test_own(self) -> None:
        """
        An C{ssl:} endpoint may have its own, and then none is needed in [imap].
        """
        path = self.mktemp()
        writeCertificate(path, "own.example")
        implicit = parseListen(f"ssl:993:certKey={path}:privateKey={path}")
        self.assertEqual(self.served(Certificates([implicit], self.imap), implicit), "own.example")
        certificates = Certificates([implicit], IMAPSettings())
        self.assertEqual(self.served(certificates, implicit), "own.example")
        self.assertIsNone(certificates.creatorFor(None))

    def test_none(self) -> None:
        """
        An C{ssl:} endpoint without any is refused.
        """
        error = self.assertRaises(
            ConfigurationError, Certificates, [parseListen("ssl:993")], IMAPSettings()
        )
        self.assertEqual(
            str(error), "listen: ssl:993 requires [imap] certificate, or its own certKey"
        )

    def test_complaintNamesItsPlace(self) -> None:
        """
        A complaint says whose file it is about.
        """
        implicit = parseListen("ssl:993:privateKey=/nosuch")
        error = self.assertRaises(ConfigurationError, Certificates, [implicit], self.imap)
        self.assertIn("listen: ssl:993:privateKey=/nosuch: certificate /nosuch", str(error))
        error = self.assertRaises(
            ConfigurationError, Certificates, [], IMAPSettings(certificate="/nosuch")
        )
        self.assertIn("[imap] certificate /nosuch", str(error))

    def test_renewed(self) -> None:
        """
        Creators that were given out serve the renewed certificate after use, and not before.
        """
        implicit = parseListen("ssl:993")
        certificates = Certificates([implicit], self.imap)
        creator = certificates.creatorFor(implicit)
        writeCertificate(self.common, "renewed.example")
        read = certificates.read(self.imap)
        self.assertEqual(self.served(certificates, None), "common.example")
        certificates.use(read)
        self.assertEqual(self.served(certificates, None), "renewed.example")
        self.assertEqual(self.served(certificates, implicit), "renewed.example")
        self.assertIs(certificates.creatorFor(implicit), creator)

    def test_damaged(self) -> None:
        """
        When the renewed file is no good, what was read before stays in use.
        """
        certificates = Certificates([], self.imap)
        with open(self.common, "w") as file:
            file.write("oops")
        self.assertRaises(ConfigurationError, certificates.read, self.imap)
        self.assertEqual(self.served(certificates, None), "common.example")

    def test_addedAndRemoved(self) -> None:
        """
        A common certificate may come and go with a reload.
        """
        certificates = Certificates([], IMAPSettings())
        certificates.use(certificates.read(self.imap))
        self.assertEqual(self.served(certificates, None), "common.example")
        certificates.use(certificates.read(IMAPSettings()))
        self.assertIsNone(certificates.creatorFor(None))
