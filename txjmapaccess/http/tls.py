# -*- test-case-name: tests.integration.test_http_tls -*-
"""
TLS clients that verify the server's name, whatever is wrong with its certificate.

Some versions of Twisted (26.10 is one) accept a certificate of a trusted CA if the comparison of
names fails with anything but a mismatch: one without a C{subjectAltName}, or with an unreadable
one, passes for every host.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from OpenSSL import SSL
from service_identity import VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import TLSVersion, optionsForClientTLS, platformTrust
from twisted.python.failure import Failure
from zope.interface import implementer

from txjmapaccess.hosts import isAddress

#: No client of ours goes below this (RFC 8996). Twisted 22.4 would go down to TLS 1.0.
VERSIONS: Mapping[str, Any] = {"raiseMinimumTo": TLSVersion.TLSv1_2}


def verifiedTLS(host: str, trustRoot: Any = None, identity: Any = None, **options: Any) -> Any:
    """
    Like L{optionsForClientTLS}, but strict, see the module.

    @param host: the name, in ASCII, or the address that must be in the server's certificate.
    @param trustRoot: L{None} for the CAs that the system trusts.
    @param identity: the client's own certificate, or L{None}.
    @param options: further arguments of L{twisted.internet.ssl.CertificateOptions}.

    @return: an L{IOpenSSLClientConnectionCreator}.
    """
    roots = platformTrust() if trustRoot is None else trustRoot
    extra = {**VERSIONS, **options}
    creator = optionsForClientTLS(host, roots, identity, extraCertificateOptions=extra)
    return _Verified(creator, host)


class _Peer(NamedTuple):
    """
    What service_identity expects of a connection.
    """

    certificate: Any

    def get_peer_certificate(self) -> Any:
        """
        @return: the certificate.
        """
        return self.certificate


@implementer(IOpenSSLClientConnectionCreator)
class _Verified:
    def __init__(self, creator: Any, host: str) -> None:
        self._creator = creator
        self._host = host

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Any:
        connection = self._creator.clientConnectionForTLS(tlsProtocol)
        # Cleared afterwards, to break the cycle of protocol and connection.
        protocols = [tlsProtocol]

        def verify(_: Any, certificate: Any, error: int, depth: int, ok: Any) -> bool:
            if depth != 0 or not ok:
                return bool(ok)
            objection = _objection(certificate, self._host)
            while protocols:
                protocol = protocols.pop()
                if objection is not None:
                    protocol.failVerification(Failure(objection))
            return objection is None

        connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
        return connection


def _objection(certificate: Any, host: str) -> VerificationError | None:
    try:
        verify: Any = verify_ip_address if isAddress(host) else verify_hostname
        verify(_Peer(certificate), host)
    except VerificationError as e:
        return e
    except Exception as e:
        # Nothing proves that the certificate is for this host.
        return VerificationError(errors=[e])  # type: ignore[list-item]
    return None
