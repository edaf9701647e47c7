# -*- test-case-name: tests.integration.test_ldap_tls -*-
"""
TLS towards directory servers: always verified, the host name too, unless C{accept_any_certificate}
says otherwise. Nothing else can turn it off.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import crypto
from twisted.internet.error import VerifyError
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    KeyPair,
    PrivateCertificate,
    trustRootFromCertificates,
)

from txjmapaccess.files import readCertificates, readPrivateKey
from txjmapaccess.http.tls import VERSIONS, verifiedTLS
from txjmapaccess.settings import problem

#: What L{TLSSettings.forHost} gives: something for C{transport.startTLS}.
ContextFactory = Any


class TLSSettings:
    """
    How to verify servers, and how to identify to them. The files are read once, here.

    @param caFile: PEM certificates to trust; L{None} for those of the system.
    @param clientCertificate: PEM, with its chain behind it, or L{None}.
    @param clientKey: PEM; L{None} when it is in the same file as the certificate.
    @param acceptAny: accept every certificate for every name.

    @raise ConfigurationError: one sentence that names the setting of the file that is to blame.
    """

    def __init__(
        self,
        caFile: str | None = None,
        clientCertificate: str | None = None,
        clientKey: str | None = None,
        acceptAny: bool = False,
    ) -> None:
        self._trustRoot: Any = None
        if caFile is not None:
            self._trustRoot = trustRootFromCertificates(readCertificates("ca_file", caFile))
        self._acceptAny = acceptAny
        self._identity: PrivateCertificate | None = None
        self._chain: list[crypto.X509] = []
        if clientCertificate is not None:
            leaf, *chain = readCertificates("client_certificate", clientCertificate)
            self._identity = _identity(leaf, clientKey, clientCertificate)
            self._chain = [certificate.original for certificate in chain]

    def forHost(self, host: str) -> ContextFactory:
        """
        @param host: the name or the address (RFC 4513, section 3.1.3) that must be in the server's
            certificate.
        """
        options: dict[str, Any] = {"extraCertChain": self._chain} if self._chain else {}
        if not self._acceptAny:
            return verifiedTLS(host, self._trustRoot, self._identity, **options)
        if self._identity is not None:
            options["privateKey"] = self._identity.privateKey.original
            options["certificate"] = self._identity.original
        return CertificateOptions(verify=False, **VERSIONS, **options)


def _identity(leaf: Certificate, keyPath: str | None, path: str) -> PrivateCertificate:
    key = "client_certificate" if keyPath is None else "client_key"
    keyFile = keyPath or path
    pair = KeyPair(readPrivateKey(key, keyFile))
    try:
        identity: PrivateCertificate = PrivateCertificate.fromCertificateAndKeyPair(leaf, pair)
    except VerifyError:
        raise problem(key, f"{keyFile} does not match the client certificate") from None
    return identity
