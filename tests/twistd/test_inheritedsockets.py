# -*- test-case-name: tests.twistd.test_inheritedsockets -*-
"""
Sockets that systemd has opened. How a process gets them is in C{tests.integration.test_systemd}.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet.error import AlreadyListened
from twisted.internet.protocol import ServerFactory
from twisted.test.proto_helpers import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.twistd import endpoints, inheritedsockets
from txjmapaccess.twistd.endpoints import makeEndpoint, parseListen
from txjmapaccess.twistd.inheritedsockets import InheritedSockets


class AdoptedEndpoint:
    """
    Stands in for Twisted's endpoint.
    """

    def __init__(self, fileno: int) -> None:
        self.fileno = fileno
        self.addressFamily = socket.AF_UNIX


class InheritedTests(SynchronousTestCase):
    """
    L{InheritedSockets}.
    """

    def setUp(self) -> None:
        self.sockets: list[socket.socket] = []
        self.patch(inheritedsockets, "serverFromString", self.serverFromString)
        self.names = {"LISTEN_FDNAMES": "imap:imaps:many:many"}

    def serverFromString(self, reactor: object, description: str) -> AdoptedEndpoint:
        """
        Stand in for Twisted's.
        """
        number = int(description.rpartition("=")[2])
        self.assertEqual(description, f"systemd:domain=INET:index={number}")
        return AdoptedEndpoint(self.sockets[number].fileno())

    def passed(self, *sockets: socket.socket) -> InheritedSockets:
        """
        @return: what a process has to which these were passed.
        """
        for each in sockets:
            self.addCleanup(each.close)
            self.sockets.append(each)
        return InheritedSockets(self.names)

    def listening(self, family: int = socket.AF_INET) -> socket.socket:
        """
        @return: a socket that listens.
        """
        made = socket.socket(family)
        made.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        made.listen()
        return made

    def refused(self, found: InheritedSockets, **arguments: str) -> str:
        """
        @return: what is said about a socket that cannot be used.
        """
        error = self.assertRaises(ConfigurationError, found.endpoint, MemoryReactor(), arguments)
        return str(error)

    def test_names(self) -> None:
        """
        A socket is found by its name, and by its place, with its own address family.
        """
        found = self.passed(self.listening(), self.listening(socket.AF_INET6))
        byName: Any = found.endpoint(MemoryReactor(), {"name": "imaps"})
        byIndex: Any = found.endpoint(MemoryReactor(), {"index": "0", "domain": "INET6"})
        self.assertEqual(byName.addressFamily, socket.AF_INET6)
        self.assertEqual(byIndex.addressFamily, socket.AF_INET)

    def test_same(self) -> None:
        """
        For one socket there is one endpoint, also after it was closed because Twisted had taken a
        copy: a reload looks at it again.
        """
        found = self.passed(self.listening())
        endpoint = found.endpoint(MemoryReactor(), {"index": "0"})
        self.sockets[0].close()
        self.assertIs(found.endpoint(MemoryReactor(), {"name": "imap"}), endpoint)

    def test_missing(self) -> None:
        """
        What systemd has not passed is named.
        """
        found = self.passed()
        self.assertEqual(self.refused(found, name="jmap"), "systemd passed no socket named jmap")
        self.assertEqual(self.refused(found, index="7"), "systemd passed no socket with index 7")
        self.names.clear()
        self.assertIn("no socket named imap", self.refused(found, name="imap"))

    def test_severalOfOneName(self) -> None:
        """
        All sockets of one unit have one name: then the name does not say which.
        """
        self.assertIn("use index=", self.refused(self.passed(), name="many"))

    def test_arguments(self) -> None:
        """
        One of C{name} and C{index}, a number, and nothing else.
        """
        found = self.passed(self.listening())
        for arguments in (
            {},
            {"name": "imap", "index": "0"},
            {"name": "imap", "mode": "660"},
        ):
            self.assertIn("either name= or index=", self.refused(found, **arguments))
        self.assertEqual(self.refused(found, index="first"), "index= must be a number")

    def test_noListener(self) -> None:
        """
        With C{Accept=yes} systemd passes a connection, which is no use here.
        """
        found = self.passed(socket.socket())
        self.assertIn("set Accept=no", self.refused(found, index="0"))

    def test_noSocket(self) -> None:
        """
        Nor is anything that is not a socket.
        """
        readEnd, writeEnd = os.pipe()
        self.addCleanup(os.close, writeEnd)
        self.addCleanup(os.close, readEnd)
        found = self.passed()
        self.patch(
            inheritedsockets,
            "serverFromString",
            lambda reactor, description: AdoptedEndpoint(readEnd),
        )
        self.assertIn("is not a socket", self.refused(found, index="0"))


class EndpointTests(SynchronousTestCase):
    """
    L{parseListen} and L{makeEndpoint} with C{systemd:}.
    """

    def test_tls(self) -> None:
        """
        C{ssl:systemd:} is TLS on such a socket, with files of its own if it names some.
        """
        listen = parseListen("ssl:systemd:name=imaps:certKey=cert.pem:privateKey=key.pem")
        self.assertEqual(
            (listen.transport, listen.tls, listen.certificate, listen.privateKey),
            ("systemd:name=imaps", True, "cert.pem", "key.pem"),
        )

    def test_sentence(self) -> None:
        """
        What is wrong is one sentence that names the endpoint.
        """
        self.patch(endpoints, "inherited", InheritedSockets({}))
        error = self.assertRaises(
            ConfigurationError, makeEndpoint, MemoryReactor(), parseListen("ssl:systemd:name=x")
        )
        self.assertEqual(
            str(error),
            "listen: ssl:systemd:name=x cannot be used: systemd passed no socket named x",
        )

    def test_once(self) -> None:
        """
        Twisted's endpoint refuses to be listened on twice: two entries for one socket are an error
        at the start, not two halves of a server.
        """
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            endpoint = self.adopted(listener)
        self.successResultOf(endpoint.listen(ServerFactory()))
        self.failureResultOf(endpoint.listen(ServerFactory()), AlreadyListened)

    def adopted(self, listener: socket.socket) -> Any:
        """
        @return: Twisted's endpoint for a copy of C{listener}.
        """
        from twisted.internet.endpoints import AdoptedStreamServerEndpoint

        return AdoptedStreamServerEndpoint(
            MemoryReactor(), os.dup(listener.fileno()), socket.AF_INET
        )
