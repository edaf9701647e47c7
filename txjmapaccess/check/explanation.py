# -*- test-case-name: tests.check.test_explanation -*-
"""
Why a server could not be reached, and what to do about it: from the texts of Twisted, OpenSSL and
this package to two short phrases. No I/O.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from txjmapaccess.check.peers import Peer, day


class Explanation(NamedTuple):
    """
    @ivar what: what is wrong.
    @ivar remedy: how to mend it.
    """

    what: str
    remedy: str


#: What is in a text, what it means, what to do. C{{key}} is the setting with the address. The first
#: that matches counts.
_KNOWN = (
    (
        "refused by other side",
        "nothing listens there",
        "start the server, or correct {key}",
    ),
    (
        "DNS lookup failed",
        "its name cannot be looked up",
        "correct {key}, or the DNS",
    ),
    (
        "unreachable",
        "the network does not lead there",
        "correct {key}, or the routes of this machine",
    ),
    (
        "No route to host",
        "the network does not lead there",
        "correct {key}, or the routes of this machine",
    ),
    (
        "StartTLS was refused",
        "it refuses StartTLS",
        "give it a certificate, or use an ldaps URI",
    ),
    (
        "not an LDAP message",
        "it does not speak LDAP on this port",
        "correct the scheme or the port in {key}",
    ),
    (
        "wrong version number",
        "it does not speak TLS on this port",
        "correct the scheme or the port in {key}",
    ),
    (
        "TLS was not negotiated in time",
        "it did not negotiate TLS in time",
        "correct the port in {key}, or see why it hangs",
    ),
    (
        "in time",
        "it did not answer in time",
        "see whether it hangs, or a firewall is between",
    ),
    (
        "did not answer within",
        "it did not answer in time",
        "see whether it hangs, or a firewall is between",
    ),
    (
        "handshake failure",
        "it and this side have no way of doing TLS in common",
        "enable TLS 1.2 or later there, or give it the client certificate that it wants",
    ),
    (
        "certificate required",
        "it wants a client certificate",
        "give it one",
    ),
    (
        "certificate verify failed",
        "its certificate cannot be verified",
        "look at it with openssl s_client",
    ),
    (
        "ResponseNeverReceived",
        "it closed the connection instead of answering",
        "correct {key}, or look into its log",
    ),
    (
        "the connection ended",
        "it closed the connection instead of answering",
        "correct {key}, or look into its log",
    ),
)
#: LDAP result codes (RFC 4511, appendix A) that say what to do.
_RESULTS = {
    1: "set bind_dn if there is none, or look into its log",
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
    @param host: the name or address that was asked for.
    @param peer: the certificate that was seen there, if any.
    @param now: in seconds since the epoch.
    @param key: the setting with the address.
    @param trust: where the certificates to trust belong.
    """
    isName = any(text in problem for text in _NAME)
    if peer is not None and (isName or _UNTRUSTED in problem):
        return _certificate(isName, host, peer, now, trust)
    for text, what, remedy in _KNOWN:
        if text in problem:
            return Explanation(what, remedy.format(key=key))
    result = _RESULT.search(problem)
    remedy = _RESULTS.get(int(result[1]), "") if result is not None else ""
    return Explanation(problem, remedy or "look into its log")


def _certificate(isName: bool, host: str, peer: Peer, now: float, trust: str) -> Explanation:
    if peer.ends <= now:
        return Explanation(f"its certificate expired on {day(peer.ends)}", "renew it there")
    if peer.begins > now:
        return Explanation(
            f"its certificate is not valid before {day(peer.begins)}",
            "set the clock of this machine, or of the one that made it",
        )
    if isName or not peer.isFor(host):
        return Explanation(
            f"its certificate is for {peer.names}, and not for {host}",
            "ask for it by a name that is there, or renew it with this one",
        )
    return Explanation(
        "its certificate is not signed by an authority that is trusted here, or does not come with"
        " the ones in between",
        f"put that authority's certificate into {trust}, or the ones in between into its file",
    )
