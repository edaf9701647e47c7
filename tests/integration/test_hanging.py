# -*- test-case-name: tests.integration.test_hanging -*-
"""
How long others wait while a directory hangs with a thousand logins at its door, and when it goes
on. C{twistd}, slapd and the clients are processes of their own, so that what is measured is what a
client sees.
"""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import socket
import tempfile
import time
from collections.abc import Callable
from unittest import skipIf

from twisted.trial.unittest import TestCase

from tests.support.ports import freePort
from tests.support.slapd import PEOPLE, SUFFIX, Slapd, person, skipWithoutSlapd
from tests.support.twistd import Running

#: Logins that wait at one time.
MANY = 1200
#: Seconds that a login may take.
TIMEOUT = 3
#: Seconds, on a machine half as fast as it could be. Much of it is what a thousand commands take
#: that come at one moment.
LONGEST = 0.12

_CONFIGURATION = """
[imap]
listen = ["tcp:{port}:interface=127.0.0.1:backlog=4096"]
realm = "maildir:mail"

[imap.limits]
unauthenticated_per_address = 5000

[ldap]
uris = ["{uri}"]
timeout = {timeout}
{keys}
"""
TEMPLATE = f'bind_dn_template = "uid={{user}},{PEOPLE}"'
SEARCH = f'search_base = "{SUFFIX}"\nsearch_filter = "(uid={{user}})"'


class Client:
    """
    A client that waits for what it needs, and for nothing else.
    """

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def logIn(self) -> None:
        """
        Ask for it.
        """
        self.socket.sendall(b"a LOGIN alice wonderland\r\n")

    def reads(self, tagged: bytes) -> bytes:
        """
        @return: the rest of the line that begins with C{tagged}.
        """
        data = b""
        while tagged not in data or not data.endswith(b"\r\n"):
            received = self.socket.recv(65536)
            if not received:
                raise AssertionError(f"the server hung up: {data!r}")
            data += received
        return data.split(tagged, 1)[1]

    def waits(self, seconds: float, others: Callable[[], float]) -> float:
        """
        Send NOOP, again and again, for so long.

        @param others: how many seconds other programs have taken from us so far.

        @return: the longest that one took, in seconds, but for what other programs took.
        """
        end, longest = time.perf_counter() + seconds, 0.0
        while (sent := time.perf_counter()) < end:
            before = others()
            self.socket.sendall(b"n NOOP\r\n")
            self.reads(b"n ")
            longest = max(longest, time.perf_counter() - sent - (others() - before))
            time.sleep(0.002)
        return longest


def preempted(*processes: int) -> float:
    """
    @return: how many seconds the main threads of some processes could have run, but had to wait for
        a processor, since they began; 0 where the system does not say.
    """
    waited = 0
    for process in processes:
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{process}/schedstat") as file:
            waited += int(file.read().split()[1])
    return waited / 1e9


@skipIf(skipWithoutSlapd, skipWithoutSlapd or "")
class HangingTests(TestCase):
    """
    A slapd that is stopped (SIGSTOP), and goes on (SIGCONT).
    """

    def setUp(self) -> None:
        """
        Have files enough for all clients, and a directory.
        """
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        self.slapd = Slapd(person("alice", "wonderland"))
        self.addCleanup(self.slapd.close)

    def serve(self, keys: str) -> tuple[int, int]:
        """
        @return: port and process ID of a server.
        """
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        port = freePort()
        text = _CONFIGURATION.format(port=port, uri=self.slapd.uri, timeout=TIMEOUT, keys=keys)
        with open(os.path.join(directory.name, "jmapaccess.toml"), "w") as file:
            file.write(text)
        arguments = ["--pidfile=", "jmapaccess", "--config", "jmapaccess.toml"]
        server = Running(directory.name, arguments, port)
        self.addCleanup(server.stop)
        return port, server.pid

    def client(self, port: int) -> Client:
        """
        @return: a client that has been greeted.
        """
        client = Client(port)
        self.addCleanup(client.socket.close)
        client.reads(b"* OK")
        return client

    def check(self, keys: str) -> None:
        """
        All logins fail together when their time is over, and all that come then succeed together
        when the directory goes on: in both cases somebody else hardly notices. What the machine
        does besides may spoil that, but not three times.
        """
        port, server = self.serve(keys)
        self.others = functools.partial(preempted, server, os.getpid())
        other = self.client(port)
        other.logIn()
        self.assertTrue(other.reads(b"a ").startswith(b"OK"))
        clients = [self.client(port) for _ in range(MANY)]
        waits = []
        for _ in range(3):
            waits.append(self.hang(other, clients))
            if max(waits[-1]) < LONGEST:
                return
            clients = [self.client(port) for _ in range(MANY)]
        self.fail(f"Seconds that others waited when it hung, and when it went on: {waits}")

    def hang(self, other: Client, clients: list[Client]) -> tuple[float, float]:
        """
        @return: the longest that C{other} waited in each case.
        """
        self.slapd.freeze()
        try:
            for client in clients:
                client.logIn()
            hung = other.waits(TIMEOUT + 1, self.others)
            for client in clients:
                self.assertTrue(client.reads(b"a ").startswith(b"NO [UNAVAILABLE]"))
                client.logIn()
            # All are read before it goes on.
            other.waits(0.3, self.others)
        finally:
            self.slapd.thaw()
        wentOn = other.waits(2, self.others)
        for client in clients:
            client.reads(b"a ")
            client.socket.close()
        return hung, wentOn

    def test_template(self) -> None:
        """
        Logins that bind at once.
        """
        self.check(TEMPLATE)

    def test_search(self) -> None:
        """
        Logins for which the entry is searched first: answers to a thousand searches come in a few
        reads.
        """
        self.check(SEARCH)
