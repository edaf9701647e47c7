# -*- test-case-name: tests.integration.test_severalmachines -*-
"""
Two nodes behind HAProxy, with examples/haproxy.cfg: what clients notice of each, and of the end of
one of them.
"""

from __future__ import annotations

import http.server
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.support.certificate import writeCertificate
from tests.support.haproxy import (
    HAPROXY,
    Client,
    Cluster,
    HAProxy,
    Passerby,
    Resident,
    adapted,
    exampleText,
    sawLogin,
)
from tests.support.ports import freePort
from tests.support.slapd import skipWithoutSlapd
from tests.support.twistd import waitUntil


class HAProxyTestCase(SynchronousTestCase):
    """
    A test with HAProxy.
    """

    def setUp(self) -> None:
        if HAPROXY is None:
            raise SkipTest("haproxy (Debian package haproxy) is not installed")
        # The path of a socket is short: not in the test's own directory.
        self.directory = tempfile.mkdtemp(prefix="haproxy-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.control = os.path.join(self.directory, "admin.sock")


class ClusterTestCase(HAProxyTestCase):
    """
    A test with two nodes.
    """

    def setUp(self) -> None:
        super().setUp()
        if skipWithoutSlapd:
            raise SkipTest(skipWithoutSlapd)
        self.cluster = Cluster(self.directory, self.control)
        self.addCleanup(self.cluster.stop)
        self.waitForState("node1", "UP")
        self.waitForState("node2", "UP")

    def waitForState(self, node: str, state: str) -> None:
        """
        Wait until HAProxy sees the node so, on both ports.
        """
        haproxy = self.cluster.haproxy
        for backend in ("imap", "imaps"):
            waitUntil(lambda name=f"{backend}/{node}": haproxy.state(name).startswith(state))


class LoadTests(ClusterTestCase):
    """
    Clients that come and go, and others that stay, while a node goes.
    """

    def setUp(self) -> None:
        super().setUp()
        self.residents = [Resident(self.cluster, n, "127.0.1") for n in range(12)]
        self.passersby = [Passerby(self.cluster, n, "127.0.2") for n in range(12, 16)]
        self.clients: list[Client] = [*self.residents, *self.passersby]
        for client in self.clients:
            self.addCleanup(client.halt)
            client.start()
        waitUntil(lambda: all(client.done > 3 for client in self.clients))
        # Nothing goes wrong while nothing happens.
        self.assertEqual([client.problems for client in self.clients], [[]] * len(self.clients))
        self.homes = {client: self.cluster.nodeOf(client.source) for client in self.residents}
        self.leaving = [client for client in self.residents if self.homes[client] == "node1"]
        self.staying = [client for client in self.residents if self.homes[client] == "node2"]
        self.assertGreater(len(self.leaving), 2)
        self.assertGreater(len(self.staying), 2)

    def goOn(self, seconds: float) -> None:
        """
        Let the clients work on, and have done something since.
        """
        before = {client: client.done for client in self.clients}
        time.sleep(seconds)
        waitUntil(lambda: all(client.done > before[client] + 3 for client in self.clients))
        for client in self.clients:
            client.halt()

    def check(self, end: float) -> None:
        """
        @param end: when node1 went.
        """
        for client in self.staying:
            self.assertEqual((client.problems, client.logins), ([], 1))
        for client in self.leaving:
            # One command failed, or one login that was just beginning; then it was at home.
            self.assertEqual((len(client.problems), client.logins), (1, 2), client.problems)
            self.assertTrue(sawLogin(self.cluster.nodes["node2"], client.source))

    def isUsedAgain(self) -> None:
        """
        Check that clients are sent to node1.
        """
        self.waitForState("node1", "UP")
        again = Passerby(self.cluster, 20, "127.0.3")
        for _ in range(4):
            again.step()
        self.assertTrue(sawLogin(self.cluster.nodes["node1"], again.source))

    def test_killed(self) -> None:
        """
        A node is killed. Those who are on the other notice nothing; the rest connect again and log
        in, and no login fails that begins afterwards. When the node is back, it is used again.
        """
        self.cluster.nodes["node1"].kill()
        end = time.monotonic()
        self.goOn(5)
        self.check(end)
        for client in self.passersby:
            late = [problem for problem in client.problems if problem[0] > end]
            self.assertEqual(late, [])
        self.waitForState("node1", "DOWN")
        self.cluster.nodes["node1"] = self.cluster.startNode("node1")
        self.isUsedAgain()

    def test_rollingUpgrade(self) -> None:
        """
        A node is drained, and stopped. No login fails at all, and its clients hear BYE. Then it
        comes back.
        """
        order = self.cluster.haproxy.order
        for backend in ("imap", "imaps"):
            self.assertEqual(order(f"set server {backend}/node1 state drain").strip(), "")
        time.sleep(0.5)
        self.cluster.nodes["node1"].terminate()
        end = time.monotonic()
        self.assertEqual(self.cluster.nodes["node1"].ended(), -signal.SIGTERM)
        self.goOn(2)
        self.check(end)
        self.assertEqual([client.byes for client in self.leaving], [1] * len(self.leaving))
        self.assertEqual([client.problems for client in self.passersby], [[]] * 4)
        self.cluster.nodes["node1"] = self.cluster.startNode("node1")
        for backend in ("imap", "imaps"):
            self.assertEqual(order(f"set server {backend}/node1 state ready").strip(), "")
        self.isUsedAgain()


class ClusterTests(ClusterTestCase):
    """
    Two nodes at work.
    """

    def test_address(self) -> None:
        """
        Limits count the client's address and not HAProxy's, on each node for itself; the logs have
        it.
        """
        greeting = b""
        for n in range(10):
            session = self.cluster.connect("127.0.4.1", tls=n % 2 == 1)
            greeting = session.greeting
            if greeting.startswith(b"* OK"):
                self.assertIn(b"NO", session.ask(b"LOGIN user1 wrong")[-1])
            session.close()
        self.assertIn(b"* BYE [UNAVAILABLE] Too many failed logins from your address", greeting)
        other = Passerby(self.cluster, 1, "127.0.4")
        for _ in range(4):
            other.step()
        for node in self.cluster.nodes.values():
            self.assertTrue(sawLogin(node, other.source))
            refusals = [line for line in node.log().splitlines() if "was refused" in line]
            self.assertEqual(len(refusals), 3)
            self.assertTrue(all("127.0.4.1" in line for line in refusals))

    def test_identifiers(self) -> None:
        """
        Mailboxes and messages have the same identifiers on both nodes (RFC 8474, section 4), who
        ever made them.
        """
        writer = Resident(self.cluster, 5, "127.0.5").logIn()
        self.addCleanup(writer.close)
        writer.command(b"CREATE Lists")
        writer.send(b"a APPEND Lists {14+}")
        writer.send(b"Subject: x\r\n\r\n")
        self.assertTrue(writer.line().startswith(b"a OK"))
        found = set()
        readers = [Resident(self.cluster, 5, f"127.0.{n}").logIn() for n in range(6, 10)]
        for reader in readers:
            self.addCleanup(reader.close)
            status = reader.command(b"STATUS Lists (MAILBOXID)")[0]
            reader.command(b"SELECT Lists")
            found.add((status, reader.command(b"FETCH 1 (UID EMAILID)")[0]))
        for node in self.cluster.nodes.values():
            self.assertIn("logged in", node.log())
        [(status, message)] = found
        self.assertRegex(status, rb"MAILBOXID \(\S+\)")
        self.assertRegex(message, rb"EMAILID \(\S+\)")

    def test_healthChecks(self) -> None:
        """
        HAProxy's health checks leave nothing in the logs of the nodes.
        """
        before = {name: node.log() for name, node in self.cluster.nodes.items()}
        time.sleep(4.5)
        self.assertEqual({name: n.log() for name, n in self.cluster.nodes.items()}, before)
        self.assertEqual(self.cluster.haproxy.state("imap/node1"), "UP")


class ExampleTests(HAProxyTestCase):
    """
    The example itself.
    """

    def test_valid(self) -> None:
        """
        HAProxy takes it as it is, without a warning.
        """
        path = os.path.join(self.directory, "haproxy.cfg")
        with open(path, "w") as file:
            file.write(exampleText())
        assert HAPROXY is not None
        done = subprocess.run(
            [HAPROXY, "-c", "-f", path], capture_output=True, text=True, timeout=90, check=False
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("WARNING", done.stdout + done.stderr)

    def test_JMAP(self) -> None:
        """
        The part for JMAP works when it is taken in: TLS ends at HAProxy, and the JMAP server is
        told the client's address.
        """
        certificate = os.path.join(self.directory, "jmap.pem")
        writeCertificate(certificate, "localhost")
        nodes = [FakeJMAP(), FakeJMAP()]
        for node in nodes:
            self.addCleanup(node.stop)
        port = freePort()
        places = {":443": f"127.0.0.1:{port}", "/etc/haproxy/jmap.pem": certificate}
        places[":143"], places[":993"] = (f"127.0.0.1:{freePort()}" for _ in range(2))
        for address, node in zip(("192.0.2.11", "192.0.2.12"), nodes, strict=True):
            places[f"{address}:8080"] = f"127.0.0.1:{node.port}"
            places[f"{address}:143"] = f"127.0.0.1:{freePort()}"
            places[f"{address}:993"] = f"127.0.0.1:{freePort()}"
        text = adapted(exampleText(withJMAP=True), places, self.control)
        haproxy = HAProxy(self.directory, text, self.control, port)
        self.addCleanup(haproxy.stop)
        waitUntil(lambda: haproxy.state("jmap/node1") == "UP")
        context = ssl.create_default_context(cafile=certificate)
        url = f"https://localhost:{port}/.well-known/jmap"
        error = self.assertRaises(
            urllib.error.HTTPError, urllib.request.urlopen, url, timeout=60, context=context
        )
        self.assertEqual(error.code, 401)
        error.close()
        [headers] = [headers for node in nodes for headers in node.forwarded]
        self.assertEqual(headers, ("127.0.0.1", "https"))


class FakeJMAP:
    """
    A server that says what a JMAP server says to nobody in particular.

    @ivar forwarded: C{X-Forwarded-For} and C{X-Forwarded-Proto} of requests that had them.
    """

    def __init__(self) -> None:
        self.forwarded: list[tuple[str, str | None]] = []
        forwarded = self.forwarded

        class Handler(http.server.BaseHTTPRequestHandler):
            """
            One request.
            """

            def do_GET(self) -> None:
                """
                Refuse it.
                """
                client = self.headers["X-Forwarded-For"]
                if client is not None:
                    forwarded.append((client, self.headers["X-Forwarded-Proto"]))
                self.send_response(401)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """
                Say nothing.
                """

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """
        End it.
        """
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
