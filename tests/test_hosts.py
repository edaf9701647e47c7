"""
Tests for L{txjmapaccess.hosts}.
"""

from __future__ import annotations

from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.hosts import checkedHost
from txjmapaccess.http.tls import verifiedTLS


class HostTests(SynchronousTestCase):
    """
    L{checkedHost}.
    """

    def test_good(self) -> None:
        """
        What is taken is what endpoints and TLS take: names in ASCII without a dot at the end, and
        addresses.
        """
        for given, host in (
            ("idp.example.com", "idp.example.com"),
            ("idp.example.com.", "idp.example.com"),
            ("münchen.example", "xn--mnchen-3ya.example"),
            ("localhost", "localhost"),
            ("1.example", "1.example"),
            ("192.0.2.1", "192.0.2.1"),
        ):
            self.assertEqual(checkedHost(given, False), host)
            self.assertIsNotNone(verifiedTLS(host))
            self.assertIsNotNone(HostnameEndpoint(MemoryReactorClock(), host.encode("ascii"), 1))
        self.assertEqual(checkedHost("2001:db8::1", True), "2001:db8::1")

    def test_bad(self) -> None:
        """
        What they would refuse each time is refused, and so are addresses that are none.
        """
        label = "x" * 64
        for host in (
            *("", ".", "..", "a..b", ".a", "a,b", "a b", "%41", "a_b.example", "-a.example"),
            *("a-.example", "ab--cd.example", "xn--zz.example", f"{label}.example", "127.1"),
            *(("x" * 50 + ".") * 6, "2130706433", "192.0.2.1.", "192.0.2.256", "2001:db8::1"),
        ):
            self.assertRaises(ValueError, checkedHost, host, False)
        for host in ("192.0.2.1", "fe80::1%eth0", "fe80::1%25eth0", "v1.a", "idp.example"):
            self.assertRaises(ValueError, checkedHost, host, True)
