# -*- test-case-name: tests.check.test_certificatecheck -*-
"""
The server's own certificates, as C{txjmapaccess check} sees them.
"""

from __future__ import annotations

import os
import time
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.ca import CertificateAuthority
from tests.support.check import directory, lines, write
from txjmapaccess.check import certificatecheck
from txjmapaccess.check.certificatecheck import checkListening, checkMetrics
from txjmapaccess.check.peercertificate import fetchPeer
from txjmapaccess.twistd.config import IMAPSettings

LOCAL = "tcp:143:interface=127.0.0.1"


class ListeningTests(SynchronousTestCase):
    """
    L{checkListening}.
    """

    def setUp(self) -> None:
        self.authority = CertificateAuthority(directory(self))

    def issue(self, *names: str, days: int = 10) -> tuple[str, str]:
        """
        @return: the files of a certificate and of its key, which only its owner may read.
        """
        certificate, key = self.authority.issue(*names, days=days)
        os.chmod(key, 0o600)
        return certificate, key

    def check(self, *listen: str, days: float = 5, **keys: Any) -> list[str]:
        """
        @return: the lines about a server with these settings.
        """
        imap = IMAPSettings(listen=listen or (LOCAL,), **keys)
        return lines(checkListening(MemoryReactorClock(), imap, time.time(), days))

    def test_good(self) -> None:
        """
        A good certificate is described by its names and its end.
        """
        certificate, key = self.issue("mail.example.com", "imap.example.com")
        [line] = self.check("tcp:143", "ssl:993", certificate=certificate, private_key=key)
        end = time.strftime("%Y-%m-%d", time.gmtime(os.path.getmtime(certificate) + 10 * 86400))
        self.assertEqual(
            line,
            f"ok       certificate {certificate}:"
            f" it is for mail.example.com, imap.example.com, until {end}",
        )

    def test_endsSoon(self) -> None:
        """
        So many days before the end there is a warning.
        """
        certificate, key = self.issue("mail.example.com", days=4)
        [line] = self.check(certificate=certificate, private_key=key)
        self.assertTrue(line.startswith("warning  "), line)
        self.assertIn("it expires in 3 days, on ", line)
        self.assertIn("; renew it, and send the service SIGHUP", line)
        [line] = self.check(certificate=certificate, private_key=key, days=2)
        self.assertTrue(line.startswith("ok "), line)

    def test_expired(self) -> None:
        """
        A certificate that has expired is wrong.
        """
        certificate, key = self.issue("mail.example.com", days=-1)
        [line] = self.check(certificate=certificate, private_key=key)
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("it expired on ", line)

    def test_otherKey(self) -> None:
        """
        Certificate and key must belong together.
        """
        certificate, _ = self.issue("mail.example.com")
        _, key = self.issue("other.example.com")
        [line] = self.check(certificate=certificate, private_key=key)
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn(f"{key} does not match the certificate in {certificate}", line)

    def test_notThere(self) -> None:
        """
        A file that cannot be read is named.
        """
        [line] = self.check(certificate="/nowhere/mail.pem")
        self.assertIn("certificate /nowhere/mail.pem cannot be read: No such file", line)

    def test_notPEM(self) -> None:
        """
        So is one that holds something else.
        """
        path = write(os.path.join(directory(self), "mail.pem"), "not a certificate")
        [line] = self.check(certificate=path)
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("contains no PEM certificate", line)

    def test_openKey(self) -> None:
        """
        A key that everybody on the machine can read is worth a line of its own.
        """
        certificate, key = self.issue("mail.example.com")
        os.chmod(key, 0o644)
        _, line = self.check(certificate=certificate, private_key=key)
        self.assertEqual(
            line,
            f"warning  certificate {certificate}: {key} is readable by every user of this machine;"
            " make it readable only for the user of the service (chmod o-r)",
        )

    def test_ownFiles(self) -> None:
        """
        Each pair of files is looked at once, those of an endpoint too; one that is wrong does not
        hide the others.
        """
        good, goodKey = self.issue("mail.example.com")
        late, lateKey = self.issue("old.example.com", days=-1)
        found = self.check(
            "tcp:143",
            "ssl:993",
            f"ssl:994:certKey={late}:privateKey={lateKey}",
            certificate=good,
            private_key=goodKey,
        )
        self.assertEqual(
            sorted(line.split()[0] + line.split()[2] for line in found),
            sorted([f"ok{good}:", f"WRONG{late}:"]),
        )

    def test_withoutCertificate(self) -> None:
        """
        Implicit TLS needs a certificate; without STARTTLS only loopback can log in, which may be
        what is wanted.
        """
        [line] = self.check("ssl:993")
        self.assertTrue(line.startswith("WRONG    [imap] listen: ssl:993 has no certificate"), line)
        [line] = self.check("tcp:143")
        self.assertTrue(line.startswith("warning  [imap] listen: tcp:143 has no STARTTLS"), line)
        for listen in (LOCAL, r"tcp6:143:interface=\:\:1", "unix:/run/imap"):
            self.assertEqual(
                self.check(listen), ["ok       [imap] listen: all endpoints are valid"]
            )
        [line] = self.check("tcp:143", require_tls=False)
        self.assertTrue(line.startswith("ok "), line)

    def test_noEndpoint(self) -> None:
        """
        What is no endpoint string is wrong, and nothing is bound in any case.
        """
        reactor = MemoryReactorClock()
        found = lines(checkListening(reactor, IMAPSettings(listen=("143",)), 0, 5))
        self.assertEqual(len(found), 1)
        self.assertTrue(
            found[0].startswith('WRONG    [imap] listen: "143" is not a Twisted endpoint'), found
        )
        checkListening(reactor, IMAPSettings(listen=("tcp:143",)), 0, 5)
        self.assertEqual(reactor.tcpServers, [])

    def test_systemd(self) -> None:
        """
        What systemd passes to the service it does not pass to the check.
        """
        certificate, key = self.issue("mail.example.com")
        [line] = self.check(
            "systemd:index=0",
            "ssl:systemd:name=imaps",
            certificate=certificate,
            private_key=key,
        )
        self.assertTrue(line.startswith(f"ok       certificate {certificate}"), line)


class MetricsTests(SynchronousTestCase):
    """
    L{checkMetrics}.
    """

    def check(self, listen: str | None, **keys: Any) -> list[str]:
        """
        @return: the lines about metrics there; nothing is bound for them.
        """
        reactor = MemoryReactorClock()
        imap = IMAPSettings(listen=(LOCAL,), **keys)
        found = lines(checkMetrics(reactor, listen, imap, time.time(), 5))
        self.assertEqual(reactor.tcpServers, [])
        return found

    def test_good(self) -> None:
        """
        Metrics on loopback are well, and nothing is said about none.
        """
        self.assertEqual(self.check(None), [])
        for listen in (LOCAL, r"tcp:9100:interface=\:\:1", "unix:/run/metrics"):
            self.assertEqual(self.check(listen), ["ok       [metrics] listen: it is valid"])

    def test_outside(self) -> None:
        """
        Metrics have no password.
        """
        [line] = self.check("tcp:9100")
        self.assertTrue(
            line.startswith("warning  [metrics] listen: anyone who can reach tcp:"), line
        )

    def test_noEndpoint(self) -> None:
        """
        What is no endpoint string is wrong.
        """
        [line] = self.check("9100")
        self.assertTrue(line.startswith('WRONG    [metrics] listen: "9100" is not'), line)

    def test_certificate(self) -> None:
        """
        C{ssl:} needs a certificate: that of C{[imap]}, which is looked at there, or its own.
        """
        listen = "ssl:9100:interface=127.0.0.1"
        [line] = self.check(listen)
        self.assertTrue(line.startswith(f"WRONG    [metrics] listen: {listen} has no"), line)
        [line] = self.check(listen, certificate="/etc/mail.pem")
        self.assertTrue(line.startswith("ok "), line)
        [line, _] = self.check(listen + ":certKey=/nowhere.pem", certificate="/etc/mail.pem")
        self.assertTrue(line.startswith("WRONG    certificate /nowhere.pem"), line)

    def test_missing(self) -> None:
        """
        The service would not start without prometheus-client.
        """
        self.patch(certificatecheck, "hasPrometheus", lambda: False)
        self.assertEqual(
            self.check(LOCAL),
            [
                "WRONG    [metrics] listen: prometheus-client is not installed;"
                " pip install 'txjmapaccess[metrics]'"
            ],
        )


class FetchTests(SynchronousTestCase):
    """
    L{fetchPeer}.
    """

    def test_deadline(self) -> None:
        """
        A server that says nothing is given up, and leaves nothing behind.
        """
        reactor = MemoryReactorClock()
        result = Deferred.fromCoroutine(fetchPeer(reactor, "127.0.0.1", 443))
        self.assertNoResult(result)
        reactor.advance(6)
        self.assertIsNone(self.successResultOf(result))
        self.assertEqual(reactor.getDelayedCalls(), [])
