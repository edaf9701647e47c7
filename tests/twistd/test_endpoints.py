# -*- test-case-name: tests.twistd.test_endpoints -*-
"""
Endpoint strings, and ports that are bound early.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import ServerFactory
from twisted.test.proto_helpers import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.twistd.endpoints import ListenEndpoint, Listener, makeEndpoint, parseListen


class ParseListenTests(SynchronousTestCase):
    """
    L{parseListen}.
    """

    def test_others(self) -> None:
        """
        What is not C{ssl:} is Twisted's.
        """
        for description in (
            "tcp:143",
            r"unix:/run/imap\:x:mode=660",
            "systemd:domain=INET:index=0",
        ):
            self.assertEqual(parseListen(description), ListenEndpoint(description, description))

    def test_ssl(self) -> None:
        """
        C{ssl:} is TCP with TLS; the common certificate unless it names its own.
        """
        self.assertEqual(parseListen("ssl:993"), ListenEndpoint("ssl:993", "tcp:993", True))

    def test_files(self) -> None:
        """
        Files of its own; the certificate may be in the file with the key, as in Twisted.
        """
        listen = parseListen("ssl:993:privateKey=key.pem:certKey=cert.pem")
        self.assertEqual(
            (listen.certificate, listen.privateKey, listen.transport),
            ("cert.pem", "key.pem", "tcp:993"),
        )
        listen = parseListen("ssl:993:privateKey=both.pem")
        self.assertEqual((listen.certificate, listen.privateKey), ("both.pem", "both.pem"))

    def test_escapes(self) -> None:
        """
        Escaped colons stay where they are, in what is taken out and in what is left.
        """
        listen = parseListen(r"ssl:993:interface=\:\:1:certKey=a\:b\\c.pem:backlog=9")
        self.assertEqual(listen.transport, r"tcp:993:interface=\:\:1:backlog=9")
        self.assertEqual(listen.certificate, r"a:b\c.pem")

    def test_noMeaning(self) -> None:
        """
        Arguments of Twisted's C{ssl:} that have no meaning here are refused, not dropped.
        """
        for key in ("sslmethod", "extraCertChain", "dhParameters"):
            error = self.assertRaises(ConfigurationError, parseListen, f"ssl:993:{key}=x")
            self.assertIn(f"listen: ssl:993:{key}=x must not set {key}", str(error))


class MakeEndpointTests(SynchronousTestCase):
    """
    L{makeEndpoint}.
    """

    def test_made(self) -> None:
        """
        The endpoint listens as it was told.
        """
        reactor = MemoryReactor()
        endpoint = makeEndpoint(reactor, parseListen("ssl:993:interface=127.0.0.1:backlog=9"))
        self.successResultOf(endpoint.listen(ServerFactory()))
        [(port, _, backlog, interface)] = reactor.tcpServers
        self.assertEqual((port, backlog, interface), (993, 9, "127.0.0.1"))

    def test_backlog(self) -> None:
        """
        Unless it is told otherwise, all clients may come at once.
        """
        for description, expected in (
            ("tcp:143", 4096),
            ("ssl:993:interface=127.0.0.1", 4096),
            ("tcp:143:127.0.0.1", 4096),
            ("tcp:143:127.0.0.1:7", 7),
            ("tcp:143:backlog=8", 8),
        ):
            reactor = MemoryReactor()
            endpoint = makeEndpoint(reactor, parseListen(description))
            self.successResultOf(endpoint.listen(ServerFactory()))
            self.assertEqual(reactor.tcpServers[0][2], expected)

    def test_refused(self) -> None:
        """
        An endpoint string that Twisted does not understand is named in one sentence.
        """
        for description in ("", "tcp", "tcp:", "tcp:imap", "nosuch:1", "tcp:1:a=b", "ssl:1:a=b"):
            listen = parseListen(description)
            error = self.assertRaises(ConfigurationError, makeEndpoint, MemoryReactor(), listen)
            self.assertEqual(
                str(error),
                f'listen: "{description}" is not a Twisted endpoint string,'
                " such as tcp:143 or ssl:993",
            )


class FakePort:
    """
    A port that says whether anybody listens.
    """

    listening = True

    def stopListening(self) -> Deferred[None]:
        self.listening = False
        return succeed(None)


class FakeEndpoint:
    """
    An endpoint whose answer a test chooses.
    """

    def __init__(self, answer: Deferred[Any]) -> None:
        self.answer = answer
        self.asked = 0

    def listen(self, factory: object) -> Deferred[Any]:
        self.asked += 1
        return self.answer


class ListenerTests(SynchronousTestCase):
    """
    L{Listener}.
    """

    def listener(self, answer: Deferred[Any]) -> Listener:
        """
        @return: one on a L{FakeEndpoint}.
        """
        self.endpoint = FakeEndpoint(answer)
        return Listener(self.endpoint, ServerFactory(), "tcp:143")

    def test_boundOnce(self) -> None:
        """
        A port that is bound before the start is not bound again at the start.
        """
        port = FakePort()
        listener = self.listener(succeed(port))
        listener.bind()
        listener.privilegedStartService()
        listener.startService()
        self.assertEqual(self.endpoint.asked, 1)
        self.successResultOf(listener.stopService())  # type: ignore[arg-type]
        self.assertFalse(port.listening)

    def test_boundAtStart(self) -> None:
        """
        One that is not bound is bound at the start, privileged or not.
        """
        listener = self.listener(succeed(FakePort()))
        listener.startService()
        self.assertEqual(self.endpoint.asked, 1)
        listener = self.listener(succeed(FakePort()))
        listener.privilegedStartService()
        self.assertEqual(self.endpoint.asked, 1)

    def test_inUse(self) -> None:
        """
        A port in use is an error at once.
        """
        error = CannotListenError("127.0.0.1", 143, OSError(98, "Address already in use"))
        listener = self.listener(fail(error))
        sentence = str(self.assertRaises(ConfigurationError, listener.bind))
        self.assertEqual(sentence, "listen: cannot listen on tcp:143: Address already in use")

    def test_reallyInUse(self) -> None:
        """
        So it is with real sockets.
        """
        from twisted.internet import reactor

        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            description = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
            endpoint = makeEndpoint(reactor, parseListen(description))
            listener = Listener(endpoint, ServerFactory(), description)
            error = self.assertRaises(ConfigurationError, listener.bind)
        self.assertEqual(
            str(error), f"listen: cannot listen on {description}: Address already in use"
        )

    def test_failsLate(self) -> None:
        """
        An endpoint that fails later is in the log, and the service can be stopped.
        """
        answer: Deferred[Any] = Deferred()
        listener = self.listener(answer)
        listener.startService()
        logged: list[Any] = []
        self.patch(listener, "_log", FakeLog(logged))
        answer.errback(OSError(13, "Permission denied"))
        self.assertEqual(logged, [{"endpoint": "tcp:143", "why": "Permission denied"}])
        self.successResultOf(listener.stopService())  # type: ignore[arg-type]

    def test_stoppedWhileBinding(self) -> None:
        """
        The end of the process does not wait for an endpoint that does not answer.
        """
        listener = self.listener(Deferred())
        listener.startService()
        self.successResultOf(listener.stopService())  # type: ignore[arg-type]


class FakeLog:
    """
    Keeps what is logged.
    """

    def __init__(self, logged: list[Any]) -> None:
        self.logged = logged

    def error(self, format: str, **values: Any) -> None:
        self.logged.append(values)
