# -*- test-case-name: tests.check.test_certificatecheck -*-
"""
What is to be known of a certificate. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from cryptography import x509

from txjmapaccess.check.findings import Finding, ok, warning, wrong

_DAY = 86400.0
_MOST_NAMES = 5


@dataclass(frozen=True)
class Peer:
    """
    @ivar dns: the host names in a certificate.
    @ivar addresses: the addresses in it.
    @ivar begins: when its time begins, in seconds since the epoch.
    @ivar ends: and when it ends.
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
        @return: whether C{host} is one of the names (RFC 6125, section 6.4). Only for sentences:
            what may be trusted, others decide.
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
