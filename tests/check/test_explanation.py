# -*- test-case-name: tests.check.test_explanation -*-
"""
Why a server could not be reached, in words.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.check.explanation import explain
from txjmapaccess.check.peercertificate import Peer
from txjmapaccess.http.client import describe
from txjmapaccess.http.keepalivepool import ConnectionStale

NOW = 1_800_000_000.0
DAY = 86400.0
GOOD = Peer(("ldap.example.com",), (), NOW - DAY, NOW + DAY)
FAILED = "the connection ended (Error: [('SSL routines', '', 'certificate verify failed')])"


def sentence(problem: str, peer: Peer | None = None, host: str = "ldap.example.com") -> str:
    """
    @return: what is wrong, and how to mend it.
    """
    return "; ".join(explain(problem, host, peer, NOW, "[ldap] uris", "[ldap] ca_file"))


class ExplainTests(SynchronousTestCase):
    """
    L{explain}.
    """

    def test_network(self) -> None:
        """
        What TCP and the DNS say.
        """
        self.assertEqual(
            sentence("Connection was refused by other side: 111: Connection refused."),
            "nothing is listening there; start the server, or correct [ldap] uris",
        )
        self.assertEqual(
            sentence("DNS lookup failed: no results for hostname lookup: x."),
            "DNS does not resolve its name; correct [ldap] uris, or DNS",
        )
        self.assertIn("there is no route to it", sentence("Network is unreachable."))
        self.assertIn("it did not respond in time", sentence("could not connect in time"))

    def test_closed(self) -> None:
        """
        A server that closes the connection without a response, as the HTTP client says it.
        """
        problem = f"the request to https://example.com/ failed: {describe(ConnectionStale())}"
        self.assertIn("it closed the connection without a response", sentence(problem))

    def test_unknown(self) -> None:
        """
        What is not known is shown as it is.
        """
        self.assertEqual(sentence("the bind ended"), "the bind ended; check its log")

    def test_results(self) -> None:
        """
        LDAP results that say what to do (RFC 4511, appendix A).
        """
        bound = "the bind as bind_dn ended with result"
        self.assertEqual(
            sentence(f"{bound} 13"), f"{bound} 13; set starttls = true, or use an ldaps URI"
        )
        self.assertEqual(sentence(f"{bound} 51"), f"{bound} 51; try again later")
        self.assertEqual(sentence(f"{bound} 80"), f"{bound} 80; check its log")

    def test_expired(self) -> None:
        """
        Of a certificate that does not verify, the dates are looked at first.
        """
        expired = Peer(("ldap.example.com",), (), NOW - 2 * DAY, NOW - DAY)
        self.assertEqual(
            sentence(FAILED, expired), "its certificate expired on 2027-01-14; renew it there"
        )
        future = Peer(("ldap.example.com",), (), NOW + DAY, NOW + 2 * DAY)
        self.assertIn("is not valid before 2027-01-16; correct the clock", sentence(FAILED, future))

    def test_name(self) -> None:
        """
        Then the name.
        """
        text = sentence(FAILED, GOOD, "127.0.0.1")
        self.assertIn("its certificate is for ldap.example.com, not for 127.0.0.1", text)
        text = sentence("VerificationError: (DNSMismatch)", GOOD, "other.example.com")
        self.assertIn("not for other.example.com", text)

    def test_authority(self) -> None:
        """
        What is left is the authority.
        """
        text = sentence(FAILED, GOOD)
        self.assertIn("not issued by a trusted CA", text)
        self.assertIn("to [ldap] ca_file", text)

    def test_noCertificate(self) -> None:
        """
        When the certificate could not be fetched, at least that is said.
        """
        self.assertIn("its certificate cannot be verified; inspect it", sentence(FAILED))


class PeerTests(SynchronousTestCase):
    """
    L{Peer}.
    """

    def test_isFor(self) -> None:
        """
        Names are compared without case, a wildcard stands for one label, addresses are addresses
        (RFC 6125, section 6.4).
        """
        peer = Peer(("Mail.example.com", "*.example.net"), ("192.0.2.1",), 0, 1)
        for name in ("mail.example.com", "MAIL.example.com.", "a.example.net", "192.0.2.1"):
            self.assertTrue(peer.isFor(name), name)
        for name in ("example.com", "example.net", "a.b.example.net", "192.0.2.2"):
            self.assertFalse(peer.isFor(name), name)

    def test_names(self) -> None:
        """
        A certificate with many names does not fill the screen.
        """
        self.assertEqual(Peer((), (), 0, 1).names, "no name")
        many = Peer(tuple(f"{n}.example.com" for n in range(40)), (), 0, 1)
        self.assertTrue(many.names.endswith("4.example.com and 35 more"), many.names)
