# -*- test-case-name: tests.twistd.test_certificate -*-
"""
The server's certificate: for implicit TLS and for STARTTLS, renewed without a restart.

Neither Twisted's C{ssl:} endpoint nor a plain context factory reloads a renewed file.
L{ReloadableCertificate} does: connections after L{ReloadableCertificate.use} get the new
certificate, earlier ones keep theirs. TLS 1.2 is the lowest version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from OpenSSL.crypto import PKey
from OpenSSL.SSL import Connection, Context
from OpenSSL.SSL import Error as SSLError
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import Certificate, CertificateOptions, TLSVersion
from zope.interface import implementer

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.files import readCertificates, readPrivateKey
from txjmapaccess.twistd.config import IMAPSettings
from txjmapaccess.twistd.endpoints import ListenEndpoint


@implementer(IOpenSSLServerConnectionCreator)
class ReloadableCertificate:
    """
    Makes the server side of TLS connections. It is also a context factory, which
    L{twisted.mail.imap4.IMAP4Server} needs for STARTTLS.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def use(self, context: Context) -> None:
        """
        Use C{context} for new connections.
        """
        self._context = context

    def getContext(self) -> Context:
        """
        @return: the context for the next connection.
        """
        return self._context

    def serverConnectionForTLS(self, protocol: object) -> Connection:
        """
        See L{IOpenSSLServerConnectionCreator.serverConnectionForTLS}.
        """
        return Connection(self._context, None)


def readContext(certificate: str, privateKey: str | None = None) -> Context:
    """
    @param certificate: the path of a PEM file: the server's certificate, then its intermediate
        certificates.
    @param privateKey: the path of a PEM file, or L{None} when the key is in C{certificate}.

    @raise ConfigurationError: for files that cannot be read, are invalid, or do not match.
    """
    privateKey = privateKey or certificate
    chain = readCertificates("certificate", certificate)
    key = readPrivateKey("private_key", privateKey)
    try:
        return _makeContext(chain, key)
    except (SSLError, ValueError):
        raise ConfigurationError(
            f"private_key {privateKey} does not match the certificate in {certificate}"
        ) from None


def _makeContext(chain: list[Certificate], key: PKey) -> Context:
    first, *others = [certificate.original for certificate in chain]
    return CertificateOptions(
        privateKey=key,
        certificate=first,
        extraCertChain=others,
        raiseMinimumTo=TLSVersion.TLSv1_2,
    ).getContext()


class Certificates:
    """
    The certificates of a server: the common one, and those of endpoints with their own.

    @param listens: where the server listens.
    @param imap: the settings with the common one.

    @raise ConfigurationError: see L{readContext}; and if an endpoint has no certificate.
    """

    def __init__(self, listens: Iterable[ListenEndpoint], imap: IMAPSettings) -> None:
        self._listens = [listen for listen in listens if listen.tls]
        self._creators: dict[ListenEndpoint | None, ReloadableCertificate] = {}
        self.use(self.read(imap))

    def read(self, imap: IMAPSettings) -> Mapping[ListenEndpoint | None, Context]:
        """
        Read all files again, without using them yet.

        @return: what to give to L{use}.

        @raise ConfigurationError: as for the class.
        """
        contexts: dict[ListenEndpoint | None, Context] = {}
        if imap.certificate is not None:
            contexts[None] = _named("[imap] ", imap.certificate, imap.private_key)
        for listen in self._listens:
            context = self._own(listen) or contexts.get(None)
            if context is None:
                raise ConfigurationError(
                    f"listen: {listen.description} requires [imap] certificate, or its own certKey"
                )
            contexts[listen] = context
        return contexts

    def _own(self, listen: ListenEndpoint) -> Context | None:
        if listen.certificate is None:
            return None
        return _named(f"listen: {listen.description}: ", listen.certificate, listen.privateKey)

    def use(self, contexts: Mapping[ListenEndpoint | None, Context]) -> None:
        """
        Use C{contexts} for new connections.
        """
        for listen in self._creators.keys() - contexts.keys():
            del self._creators[listen]
        for listen, context in contexts.items():
            self._creators.setdefault(listen, ReloadableCertificate(context)).use(context)

    def creatorFor(self, listen: ListenEndpoint | None) -> ReloadableCertificate | None:
        """
        @param listen: an endpoint with implicit TLS, or L{None} for STARTTLS.
        """
        return self._creators.get(listen)


def _named(where: str, certificate: str, privateKey: str | None) -> Context:
    try:
        return readContext(certificate, privateKey)
    except ConfigurationError as e:
        raise ConfigurationError(f"{where}{e}") from None
