# -*- test-case-name: tests.check.test_certificatecheck -*-
"""
The server's own certificates, and where it listens.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from OpenSSL.SSL import Connection

from txjmapaccess.check.findings import Finding, ok, openSecret, warning, wrong
from txjmapaccess.check.peercertificate import checkDates, peerOf
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.sessionurl import isLoopback
from txjmapaccess.twistd.certificate import readContext
from txjmapaccess.twistd.config import IMAPSettings
from txjmapaccess.twistd.endpoints import ListenEndpoint, makeEndpoint, parseListen, splitArguments
from txjmapaccess.twistd.metricsservice import hasPrometheus

_SUBJECT = "[imap] listen"
_METRICS = "[metrics] listen"
_SET_CERTIFICATE = "set [imap] certificate, or certKey in the endpoint"
_RENEW = "renew it, and send the service SIGHUP"
_REPAIR = (
    "use a PEM file with the certificate and its chain, and one with its key, without a passphrase"
)


def checkListening(reactor: Any, imap: IMAPSettings, now: float, days: float) -> list[Finding]:
    """
    @param now: in seconds since the epoch.
    @param days: how many days before the end of a certificate to warn.

    @return: findings about endpoints and certificates. No port is bound: the service may be
        running.
    """
    try:
        listens = [parseListen(description) for description in imap.listen]
        for listen in listens:
            checkEndpoint(reactor, listen)
    except ConfigurationError as e:
        return [wrong(_SUBJECT, _without(str(e), "listen: "), "correct it")]
    found = []
    for certificate, key in _files(listens, imap):
        found.append(_checkFiles(certificate, key, now, days))
        found += openSecret(f"certificate {certificate}", key or certificate)
    return [*found, *_withoutTLS(listens, imap)]


def checkMetrics(
    reactor: Any, description: str | None, imap: IMAPSettings, now: float, days: float
) -> list[Finding]:
    """
    @param description: the endpoint string of C{[metrics]}.

    @return: findings about it, see L{checkListening}.
    """
    if description is None:
        return []
    if not hasPrometheus():
        what = "prometheus-client is not installed"
        return [wrong(_METRICS, what, "pip install 'txjmapaccess[metrics]'")]
    try:
        listen = parseListen(description)
        checkEndpoint(reactor, listen)
    except ConfigurationError as e:
        return [wrong(_METRICS, _without(str(e), "listen: "), "correct it")]
    own = []
    if listen.certificate is not None:
        own.append(_checkFiles(listen.certificate, listen.privateKey, now, days))
    return [*own, _checkExposure(listen, imap)]


def _checkExposure(listen: ListenEndpoint, imap: IMAPSettings) -> Finding:
    if listen.tls and listen.certificate is None and imap.certificate is None:
        return wrong(_METRICS, f"{listen.description} has no certificate", _SET_CERTIFICATE)
    if not _isLocal(listen):
        what = f"anyone who can reach {listen.description} can read the metrics"
        return warning(_METRICS, what, "listen on loopback, or let only your monitoring connect")
    return ok(_METRICS, "it is valid")


def checkEndpoint(reactor: Any, listen: ListenEndpoint) -> None:
    """
    @raise ConfigurationError: if it is not an endpoint string.
    """
    # systemd passes its sockets to the service, not to this process.
    if not listen.transport.startswith("systemd:"):
        makeEndpoint(reactor, listen)


def _files(listens: Iterable[ListenEndpoint], imap: IMAPSettings) -> list[tuple[str, str | None]]:
    """
    @return: each pair of files once.
    """
    pairs = {(imap.certificate, imap.private_key)}
    pairs |= {(listen.certificate, listen.privateKey) for listen in listens if listen.tls}
    named = [(certificate, key) for certificate, key in pairs if certificate is not None]
    return sorted(named, key=lambda pair: (pair[0], pair[1] or ""))


def _checkFiles(certificate: str, key: str | None, now: float, days: float) -> Finding:
    subject = f"certificate {certificate}"
    try:
        context = readContext(certificate, key)
    except ConfigurationError as e:
        return wrong(subject, str(e), _REPAIR)
    peer = peerOf(Connection(context, None).get_certificate())
    found = checkDates(subject, peer, now, days, _RENEW)
    if not peer.dns and not peer.addresses:
        what = "it has no name in subjectAltName, so clients will reject it"
        return wrong(subject, what, "get a certificate with the names of this server")
    return found


def _withoutTLS(listens: list[ListenEndpoint], imap: IMAPSettings) -> list[Finding]:
    if imap.certificate is not None:
        return []
    bare = [listen.description for listen in listens if listen.tls and listen.certificate is None]
    if bare:
        what = f"{bare[0]} has no certificate"
        return [wrong(_SUBJECT, what, _SET_CERTIFICATE)]
    outside = [listen.description for listen in listens if not listen.tls and not _isLocal(listen)]
    if outside and imap.require_tls and not imap.proxy_protocol_tls:
        what = f"{outside[0]} has no STARTTLS, so only loopback can log in there"
        return [warning(_SUBJECT, what, "set [imap] certificate and private_key")]
    return [ok(_SUBJECT, "all endpoints are valid")]


def _isLocal(listen: ListenEndpoint) -> bool:
    kind, *arguments = splitArguments(listen.transport)
    hosts = [a.partition("=")[2] for a in arguments if a.startswith("interface=")]
    return kind == "unix" or any(isLoopback(host) for host in hosts)


def _without(text: str, prefix: str) -> str:
    return text[len(prefix) :] if text.startswith(prefix) else text
