# -*- test-case-name: tests.check.test_certificatecheck -*-
"""
Certificates that others show.

When TLS fails, OpenSSL says only that verification failed. To say why, the certificate is fetched
once more, over a connection on which nothing is verified and nothing is sent.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from OpenSSL.SSL import Connection
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.python.failure import Failure
from zope.interface import implementer

from txjmapaccess.check.findings import Finding, Grade
from txjmapaccess.check.peers import Peer, checkDates, peerOf

#: Seconds for a connection, and for TLS on it.
_FETCHING = 5.0


async def fetchPeer(reactor: Any, host: str, port: int) -> Peer | None:
    """
    @return: what the TLS server there shows, or L{None} when that cannot be told. Cancelling ends
        the connection.
    """
    examiner = _Examiner()
    factory = Factory.forProtocol(lambda: examiner)
    factory.noisy = False
    try:
        server = HostnameEndpoint(reactor, host.encode("idna"), port)
        endpoint = wrapClientTLS(_AnyCertificate(host), server)
        await endpoint.connect(factory).addTimeout(_FETCHING, reactor)
        certificate = await examiner.seen.addTimeout(_FETCHING, reactor)
    except Exception:
        # What is wrong is known already; this would have said more about it.
        return None
    return None if certificate is None else peerOf(certificate)


@implementer(IOpenSSLClientConnectionCreator)
class _AnyCertificate:
    def __init__(self, host: str) -> None:
        self._host = host

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Connection:
        options = CertificateOptions(verify=False, raiseMinimumTo=TLSVersion.TLSv1_2)
        connection = Connection(options.getContext(), None)
        if not _isAddress(self._host):
            connection.set_tlsext_host_name(self._host.encode("idna"))
        return connection


def _isAddress(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@implementer(IHandshakeListener)
class _Examiner(Protocol):
    """
    Takes the certificate and goes.
    """

    def __init__(self) -> None:
        self.seen: Deferred[Any] = Deferred(lambda _: self._abort())

    def handshakeCompleted(self) -> None:
        seen, transport = self.seen, self.transport
        certificate = transport.getPeerCertificate()  # type: ignore[union-attr]
        self._abort()
        if not seen.called:
            seen.callback(certificate)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.seen.called:
            self.seen.callback(None)

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]


async def datesOf(reactor: Any, url: str, subject: str, now: float, days: float) -> list[Finding]:
    """
    @param url: of any scheme.
    @param now: in seconds since the epoch.
    @param days: how many days before the end of the server's certificate to warn.

    @return: what is to be said about the dates of the certificate there, if anything.
    """
    parts = urlsplit(url)
    if parts.scheme != "https":
        return []
    peer = await fetchPeer(reactor, parts.hostname or "", parts.port or 443)
    if peer is None:
        return []
    dates = checkDates(f"{subject} certificate", peer, now, days, "renew it there")
    return [] if dates.grade is Grade.OK else [dates]
