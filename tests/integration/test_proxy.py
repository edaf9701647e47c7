# -*- test-case-name: tests.integration.test_proxy -*-
"""
C{twistd jmapaccess} behind a proxy: the header comes before TLS, and limits and logs see the
client.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificate import writeCertificate
from tests.support.ports import freePort
from tests.support.twistd import Running

HEADER = b"PROXY TCP4 203.0.113.9 10.0.0.1 5555 993\r\n"


class ProxyTests(SynchronousTestCase):
    """
    The PROXY protocol on real sockets.
    """

    def setUp(self):
        """
        Start a server that believes loopback, with and without implicit TLS.
        """
        self.directory = os.path.abspath(self.mktemp())
        os.mkdir(self.directory)
        writeCertificate(os.path.join(self.directory, "tls.pem"))
        self.clear, self.tls = freePort(), freePort()
        self.configure()
        self.server = Running(
            self.directory,
            ["jmapaccess", "--config", "config.toml", "--auth", "memory:arnt:trondheim"],
            self.tls,
        )
        self.addCleanup(self.server.stop)

    def configure(self):
        """
        Write the configuration.
        """
        with open(os.path.join(self.directory, "config.toml"), "w") as file:
            file.write(
                "[imap]\n"
                f'listen = ["tcp:{self.clear}:interface=127.0.0.1",'
                f' "ssl:{self.tls}:interface=127.0.0.1"]\n'
                'realm = "maildir:mail"\ncertificate = "tls.pem"\n'
                'proxy_protocol_from = ["127.0.0.1"]\n'
                "[imap.limits]\nfailures_per_address = 2\nrefusal_seconds = 0\n"
            )

    def connect(self, port, data, tls=False):
        """
        @return: a connection on which C{data} was sent first, and the greeting.
        """
        connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        connection.sendall(data)
        if tls:
            context = ssl.create_default_context(cafile=os.path.join(self.directory, "tls.pem"))
            connection = context.wrap_socket(connection, server_hostname="localhost")
        self.addCleanup(connection.close)
        return connection, connection.recv(1000)

    def ask(self, connection, command):
        """
        @return: the tagged answer to a command.
        """
        connection.sendall(b"a " + command + b"\r\n")
        answer = b""
        while b"\r\na " not in b"\r\n" + answer or not answer.endswith(b"\r\n"):
            data = connection.recv(10000)
            if not data:
                break
            answer += data
        return answer

    def test_clear(self):
        """
        A client that came in clear is not loopback, though the proxy is: no password in clear.
        """
        connection, greeting = self.connect(self.clear, HEADER)
        self.assertIn(b"LOGINDISABLED", greeting)
        self.assertIn(b"[PRIVACYREQUIRED]", self.ask(connection, b"LOGIN arnt trondheim"))

    def test_tls(self):
        """
        The header comes before TLS; the log has the client's address.
        """
        connection, greeting = self.connect(self.tls, HEADER, tls=True)
        self.assertIn(b"AUTH=PLAIN", greeting)
        self.assertIn(b"a OK ", self.ask(connection, b"LOGIN arnt trondheim"))
        self.assertIn("from 203.0.113.9", self.server.log())

    def test_limits(self):
        """
        Refused logins count for the client's address, and not for another one's.
        """
        for _ in range(2):
            connection, _ = self.connect(self.tls, HEADER, tls=True)
            self.assertIn(b"a NO ", self.ask(connection, b"LOGIN arnt oslo"))
        _, greeting = self.connect(self.tls, HEADER, tls=True)
        self.assertIn(b"* BYE [UNAVAILABLE]", greeting)
        other = HEADER.replace(b"203.0.113.9", b"203.0.113.10")
        _, greeting = self.connect(self.tls, other, tls=True)
        self.assertIn(b"* OK", greeting)

    def test_noHeader(self):
        """
        A proxy that sends none is cut off without a greeting.
        """
        connection = socket.create_connection(("127.0.0.1", self.clear), timeout=30)
        self.addCleanup(connection.close)
        connection.sendall(b"a NOOP\r\n")
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(connection.recv(1000), b"")
