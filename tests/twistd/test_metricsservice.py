# -*- test-case-name: tests.twistd.test_metricsservice -*-
"""
Metrics as a part of the service.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import succeed
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.logger import LogLevel, formatEvent, globalLogPublisher
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificate import writeCertificate
from tests.twistd.test_service import ServiceTestCase
from txjmapaccess.credentials import LoginRecord
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.imap import loginlog
from txjmapaccess.metrics.logins import LoginMetrics
from txjmapaccess.twistd import service
from txjmapaccess.twistd.metricsservice import LoginObserver, MetricsListener
from txjmapaccess.twistd.website import StoppableSite
from txjmapaccess.verdict import Unknown

METRICS = '[metrics]\nlisten = "tcp:9100:interface=127.0.0.1"\n'


class ServiceTests(ServiceTestCase):
    """
    C{[metrics] listen}.
    """

    def setUp(self) -> None:
        super().setUp()
        self.realms: list[str] = []
        makeRealm = service.makeRealm
        self.patch(service, "makeRealm", lambda text: self.realms.append(text) or makeRealm(text))

    def test_notAsked(self) -> None:
        """
        Without it there is none, and nothing of prometheus-client is needed.
        """
        self.hidePrometheus()
        self.start()
        self.assertEqual([port for port, *_ in self.reactor.tcpServers], [143])

    def test_listens(self) -> None:
        """
        With it a web server listens there.
        """
        self.text += METRICS
        self.start()
        _, (port, site, _, interface) = self.reactor.tcpServers
        self.assertEqual((port, interface), (9100, "127.0.0.1"))
        self.assertIsInstance(site, StoppableSite)
        self.assertEqual(site.resource.listNames(), [b"metrics"])

    def test_tls(self) -> None:
        """
        C{ssl:} has the common certificate.
        """
        path = os.path.abspath(self.mktemp())
        writeCertificate(path)
        self.text += f'certificate = "{path}"\n[metrics]\nlisten = "ssl:9100"\n'
        self.start()
        self.assertIsInstance(self.reactor.tcpServers[1][1], TLSMemoryBIOFactory)

    def test_tlsWithoutCertificate(self) -> None:
        """
        C{ssl:} needs one.
        """
        self.text += '[metrics]\nlisten = "ssl:9100"\n'
        error = self.assertRaises(ConfigurationError, self.makeService)
        self.assertIn("ssl:9100 requires [imap] certificate", str(error))

    def test_portInUse(self) -> None:
        """
        A port in use is a sentence.
        """
        self.text += METRICS
        made = self.makeService()
        listen = self.reactor.listenTCP

        def refuse(port: int, *args: Any, **keywords: Any) -> Any:
            if port == 9100:
                raise CannotListenError("", port, OSError(98, "Address already in use"))
            return listen(port, *args, **keywords)

        self.patch(self.reactor, "listenTCP", refuse)
        error = self.assertRaises(ConfigurationError, made.bind)
        self.assertEqual(
            str(error),
            "[metrics] listen: cannot listen on tcp:9100:interface=127.0.0.1:"
            " Address already in use",
        )

    def hidePrometheus(self) -> None:
        """
        Have no prometheus-client.
        """
        loaded = {
            name: module
            for name, module in sys.modules.items()
            if name.startswith(("txjmapaccess.metrics", "prometheus_client"))
        }
        self.addCleanup(sys.modules.update, loaded)
        for name in loaded:
            del sys.modules[name]
        self.addCleanup(sys.modules.pop, "prometheus_client")
        sys.modules["prometheus_client"] = None  # type: ignore[assignment]

    def test_missing(self) -> None:
        """
        Without prometheus-client it is a sentence that names what to install.
        """
        self.hidePrometheus()
        self.text += METRICS
        error = self.assertRaises(ConfigurationError, self.makeService)
        self.assertEqual(
            str(error),
            "[metrics] listen requires prometheus-client: pip install 'txjmapaccess[metrics]'",
        )
        self.assertEqual(self.realms, [])


class LoginObserverTests(SynchronousTestCase):
    """
    L{LoginObserver}.
    """

    def test_whileRunning(self) -> None:
        """
        Logins are counted while the service runs.
        """
        metrics = LoginMetrics()
        counting = LoginObserver(metrics)
        record = LoginRecord("ada", "PLAIN", Unknown(), 0.0)

        def login() -> float:
            loginlog.logAccepted(1, "192.0.2.1", record, 0.1, 0.1)
            [logins, _] = metrics.collect()
            return sum(sample.value for sample in logins.samples)

        self.assertEqual(login(), 0)
        counting.startService()
        self.assertEqual(login(), 1)
        counting.stopService()
        self.assertEqual(login(), 1)


class Port:
    """
    A port.
    """

    def __init__(self, address: Any) -> None:
        self._address = address

    def getHost(self) -> Any:
        """
        @return: where it listens.
        """
        return self._address


class Endpoint:
    """
    Listens at an address.
    """

    def __init__(self, address: Any) -> None:
        self._address = address

    def listen(self, factory: Any) -> Any:
        """
        @return: a Deferred of a port.
        """
        return succeed(Port(self._address))


class MetricsListenerTests(SynchronousTestCase):
    """
    L{MetricsListener}.
    """

    def test_warning(self) -> None:
        """
        Where others can read the metrics, the operator is told.
        """
        for address, isOpen in (
            (IPv4Address("TCP", "127.0.0.1", 9100), False),
            (IPv6Address("TCP", "::1", 9100), False),
            (UNIXAddress("/run/metrics"), False),
            (IPv4Address("TCP", "0.0.0.0", 9100), True),
            (IPv6Address("TCP", "::", 9100), True),
            (IPv4Address("TCP", "192.0.2.1", 9100), True),
        ):
            events: list[Any] = []
            globalLogPublisher.addObserver(events.append)
            MetricsListener(Endpoint(address), Factory(), "tcp:9100").bind()
            globalLogPublisher.removeObserver(events.append)
            texts = [formatEvent(e) for e in events if e["log_level"] is LogLevel.warn]
            text = "[metrics] listen: anyone who can reach tcp:9100 can read the metrics"
            self.assertEqual(texts, [text] if isOpen else [])
