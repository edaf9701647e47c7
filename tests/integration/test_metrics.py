# -*- test-case-name: tests.integration.test_metrics -*-
"""
Metrics of C{twistd jmapaccess} as Prometheus reads them.
"""

from __future__ import annotations

import imaplib
import signal
import ssl
from http.client import HTTPConnection, HTTPSConnection
from unittest import skipIf
from urllib.request import urlopen

from tests.integration.test_twistd import TwistdTestCase
from tests.metrics.test_metrics import seriesOf
from tests.support.certificate import writeCertificate
from tests.support.ports import freePort
from tests.support.slapd import PEOPLE, person, sharedSlapd, skipWithoutSlapd
from tests.support.twistd import Running, waitUntil

LDIF = person("ada", "lovelace-1815")


class MetricsTestCase(TwistdTestCase):
    """
    A server with metrics.
    """

    def setUp(self) -> None:
        super().setUp()
        self.metricsPort = freePort()
        self.metrics = f'[metrics]\nlisten = "tcp:{self.metricsPort}:interface=127.0.0.1"\n'

    def scrape(self) -> dict[str, float]:
        """
        @return: all series whose value is not 0, without C{txjmapaccess_}.
        """
        with urlopen(f"http://127.0.0.1:{self.metricsPort}/metrics", timeout=60) as answer:
            found = seriesOf(answer.read().decode())
        return {name.removeprefix("txjmapaccess_"): value for name, value in found.items() if value}

    def refuse(self, password: str = "not-lovelace") -> None:
        """
        Log in with a wrong password.
        """
        with imaplib.IMAP4("127.0.0.1", self.port, 20) as client:
            self.assertRaises(imaplib.IMAP4.error, client.login, "ada", password)


class MetricsTests(MetricsTestCase):
    """
    With a file of passwords.
    """

    def test_counted(self) -> None:
        """
        Logins and connections are counted, and nobody is named.
        """
        limits = "[imap.limits]\nrefusal_seconds = 0"
        self.start(self.configure(imap=limits, jmap=self.metrics), self.auth)
        self.verdict()
        self.refuse()
        with imaplib.IMAP4("127.0.0.1", self.port, 20) as client:
            client.login("ada", "lovelace")
            waitUntil(lambda: "connections{state=unauthenticated}" not in self.scrape())
            found = self.scrape()
        self.assertEqual(found["connections{state=authenticated}"], 1)
        logins = {name: value for name, value in found.items() if name.startswith("logins_total")}
        self.assertEqual(
            logins,
            {
                "logins_total{mechanism=LOGIN,result=accepted,verdict=usable}": 2,
                "logins_total{mechanism=LOGIN,result=refused,verdict=none}": 1,
            },
        )
        self.assertGreater(found["login_checking_seconds_sum{result=accepted}"], 0)
        self.assertGreater(found["process_cpu_seconds_total"], 0)
        with urlopen(f"http://127.0.0.1:{self.metricsPort}/metrics", timeout=60) as answer:
            text = answer.read()
        for word in (b"ada", b"lovelace", b"127.0.0.1", b"mail.example.com"):
            self.assertNotIn(word, text)

    def test_onlyMetrics(self) -> None:
        """
        There is nothing else on that port.
        """
        self.start(self.configure(jmap=self.metrics), self.auth)
        client = HTTPConnection("127.0.0.1", self.metricsPort, timeout=60)
        self.addCleanup(client.close)
        statuses = {}
        for path in ("/", "/metrics", "/other", "/.well-known/jmap"):
            client.request("GET", path)
            with client.getresponse() as answer:
                statuses[path] = answer.status
                answer.read()
        self.assertEqual(
            statuses, {"/": 404, "/metrics": 200, "/other": 404, "/.well-known/jmap": 404}
        )

    def test_tls(self) -> None:
        """
        Over TLS the certificate is that of IMAP.
        """
        certificate = self.path("cert.pem")
        writeCertificate(certificate)
        self.start(
            self.configure(
                imap=f'certificate = "{certificate}"',
                jmap=self.metrics.replace("tcp:", "ssl:"),
            ),
            self.auth,
        )
        context = ssl.create_default_context(cafile=certificate)
        context.check_hostname = False
        client = HTTPSConnection("127.0.0.1", self.metricsPort, timeout=60, context=context)
        self.addCleanup(client.close)
        client.request("GET", "/metrics")
        self.assertIn(b"txjmapaccess_connections", client.getresponse().read())

    def test_reload(self) -> None:
        """
        Logins and limits are counted on after a reload, whatever has changed.
        """
        running = self.start(self.configure(jmap=self.metrics), self.auth)
        client = imaplib.IMAP4("127.0.0.1", self.port, 20)
        self.addCleanup(client.shutdown)
        client.login("ada", "lovelace")
        self.configure(imap="[imap.limits]\nconnections = 1", jmap=self.metrics)
        running.hangUp("The settings have been reloaded")
        self.assertRaises(imaplib.IMAP4.error, imaplib.IMAP4, "127.0.0.1", self.port, 20)
        found = self.scrape()
        self.assertEqual(found["connections{state=authenticated}"], 1)
        self.assertEqual(found["limits_reached_total{limit=connections}"], 1)
        self.assertEqual(found["logins_total{mechanism=LOGIN,result=accepted,verdict=usable}"], 1)

    def test_stop(self) -> None:
        """
        A reader that keeps its connection does not keep the server from stopping.
        """
        running = self.start(self.configure(jmap=self.metrics), self.auth)
        client = HTTPConnection("127.0.0.1", self.metricsPort, timeout=60)
        self.addCleanup(client.close)
        client.request("GET", "/metrics")
        client.getresponse().read()
        self.assertEqual(running.stop(), -signal.SIGTERM)
        self.assertNotIn("Traceback", running.log())


@skipIf(skipWithoutSlapd, skipWithoutSlapd)
class LDAPMetricsTests(MetricsTestCase):
    """
    With a directory.
    """

    def startWithLDAP(self, uri: str) -> Running:
        """
        @return: a running server.
        """
        ldap = (
            f'[ldap]\nuris = ["{uri}"]\nbind_dn_template = "uid={{user}},{PEOPLE}"\n'
            "cache_seconds = 60\n"
        )
        limits = "[imap.limits]\nrefusal_seconds = 0"
        return self.start(self.configure(imap=limits, jmap=self.metrics + ldap))

    def test_directory(self) -> None:
        """
        Binds, the cache, and the state of the server.
        """
        slapd = sharedSlapd(LDIF)
        self.startWithLDAP(slapd.uri)
        for _ in range(3):
            self.verdict("ada", "lovelace-1815")
        self.refuse()
        found = self.scrape()
        expected = {
            "backend_logins_total{backend=ldap,result=accepted}": 3,
            "backend_logins_total{backend=ldap,result=refused}": 1,
            "cache_hits_total{backend=ldap}": 2,
            "cache_misses_total{backend=ldap}": 2,
            "cache_entries{backend=ldap}": 1,
            "ldap_binds_total{result=accepted}": 1,
            "ldap_binds_total{result=refused}": 1,
            "ldap_bind_seconds_count": 2,
            f"ldap_server_up{{server={slapd.uri}}}": 1,
        }
        self.assertEqual({name: found.get(name) for name in expected}, expected)

    def test_down(self) -> None:
        """
        A directory that is not there is down, and logins are counted as such.
        """
        running = self.startWithLDAP(f"ldap://127.0.0.1:{freePort()}")
        self.refuse()
        found = self.scrape()
        self.assertNotIn("ldap_server_up", " ".join(found))
        self.assertEqual(found["logins_total{mechanism=LOGIN,result=unavailable,verdict=none}"], 1)
        self.assertIn("is down", running.log())
