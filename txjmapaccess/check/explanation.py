# -*- test-case-name: tests.check.test_explanation -*-
"""
Explains why a server could not be reached, and what to do: from the texts of Twisted, OpenSSL and
this package to two short phrases.
"""

from __future__ import annotations

import re
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from txjmapaccess.check.peercertificate import Peer, day, fetchPeer


class Explanation(NamedTuple):
    """
    @ivar what: what is wrong.
    @ivar remedy: how to fix it.
    """

    what: str
    remedy: str


_CORRECT_PORT = "correct the scheme or the port in {key}"

#: Parts of a text, what it means, what to do. C{{key}} is the setting with the address. The first
#: match counts.
_KNOWN = (
    (
        ("refused by other side",),
        "nothing is listening there",
        "start the server, or correct {key}",
    ),
    (("DNS lookup failed",), "DNS does not resolve its name", "correct {key}, or DNS"),
    (
        ("unreachable", "No route to host"),
        "there is no route to it",
        "correct {key}, or the routing of this machine",
    ),
    (
        ("StartTLS was refused",),
        "it refuses StartTLS",
        "configure a certificate there, or use an ldaps URI",
    ),
    (("not an LDAP message",), "it does not speak LDAP on this port", _CORRECT_PORT),
    (("wrong version number",), "it does not speak TLS on this port", _CORRECT_PORT),
    (
        ("TLS was not negotiated in time",),
        "it did not negotiate TLS in time",
        "correct the port in {key}, or find out why it hangs",
    ),
    (
        ("in time", "did not respond within"),
        "it did not respond in time",
        "check whether it hangs, or whether a firewall is in between",
    ),
    (
        ("handshake failure",),
        "the TLS versions or ciphers of the two sides do not match",
        "enable TLS 1.2 or later there, or configure the client certificate that it requires",
    ),
    (("certificate required",), "it requires a client certificate", "configure one"),
    (
        ("certificate verify failed",),
        "its certificate cannot be verified",
        "inspect it with openssl s_client",
    ),
    (
        ("ConnectionStale", "the connection ended"),
        "it closed the connection without a response",
        "correct {key}, or check its log",
    ),
)
#: LDAP result codes (RFC 4511, appendix A) that say what to do.
_RESULTS = {
    1: "set bind_dn if it is missing, or check its log",
    8: "set starttls = true, or use an ldaps URI",
    13: "set starttls = true, or use an ldaps URI",
    51: "try again later",
    52: "try again later",
}
_RESULT = re.compile(r"\bresult ([0-9]+)\Z")
_NAME = ("hostname mismatch", "VerificationError", "IP address mismatch")
_UNTRUSTED = "certificate verify failed"


def explain(
    problem: str, host: str, peer: Peer | None, now: float, key: str, trust: str
) -> Explanation:
    """
    @param problem: the text of an exception.
    @param host: the name or address of the server.
    @param peer: the server's certificate, if known.
    @param now: in seconds since the epoch.
    @param key: the setting with the address.
    @param trust: where to add trusted certificates.
    """
    isName = any(text in problem for text in _NAME)
    if peer is not None and (isName or _UNTRUSTED in problem):
        return _certificate(isName, host, peer, now, trust)
    for texts, what, remedy in _KNOWN:
        if any(text in problem for text in texts):
            return Explanation(what, remedy.format(key=key))
    result = _RESULT.search(problem)
    remedy = _RESULTS.get(int(result[1]), "") if result is not None else ""
    return Explanation(problem, remedy or "check its log")


async def explainURL(reactor: Any, url: str, problem: str, key: str, trust: str) -> Explanation:
    """
    Explain why a request failed, with a look at the certificate where that helps.

    @param url: http or https.
    @param problem: see L{explain}, as the others.
    """
    parts = urlsplit(url)
    host, peer = parts.hostname or "", None
    if parts.scheme == "https" and "Error" in problem:
        peer = await fetchPeer(reactor, host, parts.port or 443)
    return explain(problem, host, peer, time.time(), key, trust)


def _certificate(isName: bool, host: str, peer: Peer, now: float, trust: str) -> Explanation:
    if peer.ends <= now:
        return Explanation(f"its certificate expired on {day(peer.ends)}", "renew it there")
    if peer.begins > now:
        return Explanation(
            f"its certificate is not valid before {day(peer.begins)}",
            "correct the clock of this machine, or of the machine that issued it",
        )
    if isName or not peer.isFor(host):
        return Explanation(
            f"its certificate is for {peer.names}, not for {host}",
            "connect by a name in the certificate, or add this name to it",
        )
    return Explanation(
        "its certificate is not issued by a trusted CA, or the intermediate certificates are"
        " missing",
        f"add the CA certificate to {trust}, or the intermediate certificates to its file",
    )
