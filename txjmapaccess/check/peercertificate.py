# -*- test-case-name: tests.check.test_certificatecheck -*-
"""
Certificates of other servers.

When TLS fails, OpenSSL says only that verification failed. To explain it, the certificate is
fetched again over a connection without verification, on which nothing is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from OpenSSL.SSL import Connection
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.python.failure import Failure
from zope.interface import implementer

from txjmapaccess.check.findings import Finding, Grade, ok, warning, wrong
from txjmapaccess.hosts import isAddress

_DAY = 86400.0
_MOST_NAMES = 5


#: Seconds for a connection, and for TLS on it.
_FETCHING = 5.0


@dataclass(frozen=True)
class Peer:
    """
    @ivar dns: the host names in a certificate.
    @ivar addresses: the addresses in it.
    @ivar begins: the start of its validity, in seconds since the epoch.
    @ivar ends: the end of its validity.
    """

    dns: tuple[str, ...]
    addresses: tuple[str, ...]
    begins: float
    ends: float

    @property
    def names(self) -> str:
        """
        The names, for a sentence.
        """
        names = [*self.dns, *self.addresses]
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return (", ".join(names[:_MOST_NAMES]) or "no name") + more

    def isFor(self, host: str) -> bool:
        """
        @return: whether C{host} is one of the names (RFC 6125, section 6.4). For explanations only,
            not for trust.
        """
        host = host.lower().rstrip(".")
        wildcard = "*." + host.partition(".")[2]
        names = {name.lower() for name in self.dns}
        return host in names or wildcard in names or host in self.addresses


def peerOf(certificate: Any) -> Peer:
    """
    @param certificate: an C{OpenSSL.crypto.X509}.
    """
    decoded: x509.Certificate = certificate.to_cryptography()
    try:
        extension = decoded.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names: Any = extension.value
        dns = tuple(names.get_values_for_type(x509.DNSName))
        addresses = tuple(map(str, names.get_values_for_type(x509.IPAddress)))
    except (x509.ExtensionNotFound, ValueError):
        dns = addresses = ()
    return Peer(
        dns, addresses, _time(decoded, "not_valid_before"), _time(decoded, "not_valid_after")
    )


def _time(decoded: x509.Certificate, attribute: str) -> float:
    aware = getattr(decoded, attribute + "_utc", None)
    if aware is None:
        # cryptography 41 and older have no other; it is in UTC without saying so.
        aware = getattr(decoded, attribute).replace(tzinfo=timezone.utc)
    return float(aware.timestamp())


def day(seconds: float) -> str:
    """
    @return: the date, in UTC.
    """
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d")


def checkDates(subject: str, peer: Peer, now: float, days: float, remedy: str) -> Finding:
    """
    @param now: in seconds since the epoch.
    @param days: how many days before the end of a certificate to warn.
    @param remedy: how to renew it.
    """
    if peer.ends <= now:
        return wrong(subject, f"it expired on {day(peer.ends)}", remedy)
    if peer.begins > now:
        what = f"it is not valid before {day(peer.begins)}"
        return wrong(
            subject, what, "correct the clock of this machine, or of the machine that issued it"
        )
    left = (peer.ends - now) / _DAY
    if left < days:
        return warning(subject, f"it expires in {int(left)} days, on {day(peer.ends)}", remedy)
    return ok(subject, f"it is for {peer.names}, until {day(peer.ends)}")


async def fetchPeer(reactor: Any, host: str, port: int) -> Peer | None:
    """
    @return: the certificate of the TLS server there, or L{None}. Cancelling closes the connection.
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
        # The problem is known already; this is only for a better explanation.
        return None
    return None if certificate is None else peerOf(certificate)


@implementer(IOpenSSLClientConnectionCreator)
class _AnyCertificate:
    def __init__(self, host: str) -> None:
        self._host = host

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Connection:
        options = CertificateOptions(verify=False, raiseMinimumTo=TLSVersion.TLSv1_2)
        connection = Connection(options.getContext(), None)
        if not isAddress(self._host):
            connection.set_tlsext_host_name(self._host.encode("idna"))
        return connection


@implementer(IHandshakeListener)
class _Examiner(Protocol):
    """
    Takes the certificate and closes the connection.
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

    @return: a finding if the certificate there expires soon or is not valid.
    """
    parts = urlsplit(url)
    if parts.scheme != "https":
        return []
    peer = await fetchPeer(reactor, parts.hostname or "", parts.port or 443)
    if peer is None:
        return []
    dates = checkDates(f"{subject} certificate", peer, now, days, "renew it there")
    return [] if dates.grade is Grade.OK else [dates]
