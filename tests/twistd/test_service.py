# -*- test-case-name: tests.twistd.test_service -*-
"""
The service: composition, and reload.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import IService
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.logger import LogLevel, globalLogPublisher
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.test.proto_helpers import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.support.certificate import writeCertificate
from tests.support.imap import Connection
from tests.test_checkers import FakeChecker, accepting
from tests.twistd.test_connectionsettings import NoRealm
from tests.twistd.test_endpoints import FakeEndpoint, FakePort
from tests.twistd.test_options import parsed
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.twistd import openfiles, service
from txjmapaccess.twistd.config import Settings, parse
from txjmapaccess.twistd.plugins import FoundRealm
from txjmapaccess.twistd.sdnotify import Notifier

MINIMAL = '[imap]\nlisten = ["tcp:143"]\nrealm = "fake:"\n'


class Reactor(MemoryReactorClock):
    """
    A reactor that does at once what it is asked to do in its own time.
    """

    def callFromThread(self, function: Callable[..., Any], *arguments: Any) -> None:  # type: ignore
        function(*arguments)


class ServiceTestCase(SynchronousTestCase):
    """
    A service on a fake reactor.
    """

    def setUp(self) -> None:
        self.reactor = Reactor()
        self.text = MINIMAL
        self.made: list[FakeChecker] = []
        self.patch(service, "makeRealm", lambda description: FoundRealm(NoRealm(), False))
        self.patch(service, "findRealm", self.findRealm)
        self.patch(service, "makeCheckers", self.makeCheckers)
        self.patch(openfiles, "mostFiles", lambda: 20000)
        self.events: list[Any] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def makeCheckers(self, settings: Settings, reactor: Any) -> list[FakeChecker]:
        """
        Stand in for the checkers of the sections.
        """
        self.made.append(accepting("ada"))
        return [self.made[-1]]

    def findRealm(self, description: str) -> None:
        """
        Only the realm C{fake} is there.
        """
        if not description.startswith("fake:"):
            raise ConfigurationError("there is no such realm")

    def makeService(self, checkers: Any = ()) -> service.JMAPAccessService:
        """
        @return: a service with the settings of C{self.text}.
        """
        made = service.JMAPAccessService(lambda: parse(self.text), checkers, self.reactor)
        return made

    def start(self, checkers: Any = ()) -> service.JMAPAccessService:
        """
        @return: a running service.
        """
        running = self.makeService(checkers)
        running.privilegedStartService()
        running.startService()
        self.addCleanup(running.stopService)
        return running

    def logged(self, level: LogLevel) -> list[str]:
        """
        @return: the log lines of C{level}.
        """
        return [
            event["log_format"].format(**event)
            for event in self.events
            if event["log_level"] is level and "jmapaccess" in event["log_namespace"]
        ]


class CompositionTests(ServiceTestCase):
    """
    L{service.JMAPAccessService}: what it is made of.
    """

    def test_listens(self) -> None:
        """
        It listens where it should, with TLS or without, and no more after it has stopped.
        """
        path = os.path.abspath(self.mktemp())
        writeCertificate(path)
        self.text = (
            '[imap]\nlisten = ["tcp:143", "ssl:993:interface=127.0.0.1"]\nrealm = "fake:"\n'
            f'certificate = "{path}"\n'
        )
        self.start()
        plain, implicit = self.reactor.tcpServers
        self.assertEqual((plain[0], implicit[0], implicit[3]), (143, 993, "127.0.0.1"))
        self.assertNotIsInstance(plain[1].wrappedFactory, TLSMemoryBIOFactory)
        self.assertIsInstance(implicit[1].wrappedFactory, TLSMemoryBIOFactory)
        address = IPv4Address("TCP", "192.0.2.1", 1234)
        self.assertIsNotNone(plain[1].buildProtocol(address).ctx)
        self.assertIsNone(implicit[1].buildProtocol(address).wrappedProtocol.ctx)

    def test_portBoundBeforeStart(self) -> None:
        """
        Ports can be bound before the start, and are not bound twice.
        """
        made = self.makeService()
        made.bind()
        self.assertEqual(len(self.reactor.tcpServers), 1)
        made.privilegedStartService()
        made.startService()
        self.addCleanup(made.stopService)
        self.assertEqual(len(self.reactor.tcpServers), 1)

    def test_portInUse(self) -> None:
        """
        A port in use is a sentence.
        """

        def refuse(*args: object, **kw: object) -> None:
            raise CannotListenError("", 143, OSError(98, "Address already in use"))

        self.patch(self.reactor, "listenTCP", refuse)
        error = self.assertRaises(ConfigurationError, self.makeService().bind)
        self.assertEqual(str(error), "listen: cannot listen on tcp:143: Address already in use")

    def test_checkers(self) -> None:
        """
        The checkers of the settings are asked before those of --auth; all are started and closed
        with the service.
        """
        lasting = accepting("bob")
        running = self.makeService([lasting])
        running.startService()
        [made] = self.made
        for checker in (made, lasting):
            self.assertEqual(checker.events, ["start"])
        [interface] = made.credentialInterfaces
        chain = running.connectionSettings().portal.checkers[interface]
        self.assertEqual(chain._checkers, (made, lasting))
        self.successResultOf(running.stopService())
        for checker in (made, lasting):
            self.assertEqual(checker.events, ["start", "close"])

    def test_warnsWithoutCertificate(self) -> None:
        """
        When TLS is required and there is no certificate, the operator is told what that means.
        """
        self.start()
        [line] = self.logged(LogLevel.warn)
        self.assertIn("only loopback clients can log in", line)

    def test_warnsOfDescriptors(self) -> None:
        """
        When the process may not open a file for each connection, the operator is told before it
        cannot, at the start and by a reload.
        """
        self.text += "require_tls = false\n"
        self.patch(openfiles, "mostFiles", lambda: 1024)
        running = self.start()
        warning = (
            "This process can open only 1024 files, which is too few for 10000 connections:"
            " raise the limit (ulimit -n, LimitNOFILE), or lower [imap.limits] connections"
        )
        self.assertEqual(self.logged(LogLevel.warn), [warning])
        running.reload()
        self.assertEqual(self.logged(LogLevel.warn), [warning] * 2)
        self.text += "[imap.limits]\nconnections = 1000\n"
        running.reload()
        self.assertEqual(self.logged(LogLevel.warn), [warning] * 2)

    def test_badMetrics(self) -> None:
        """
        [metrics] listen is an endpoint string.
        """
        self.text += '[metrics]\nlisten = "9100"\n'
        error = self.assertRaises(ConfigurationError, self.makeService)
        self.assertIn('[metrics] listen: "9100" is not a Twisted endpoint string', str(error))

    def test_noWarning(self) -> None:
        """
        Without require_tls there is nothing to tell.
        """
        self.text += "require_tls = false\n"
        self.start()
        self.assertEqual(self.logged(LogLevel.warn), [])


class ReloadTests(ServiceTestCase):
    """
    L{service.JMAPAccessService.reload}.
    """

    def test_takenOver(self) -> None:
        """
        What may be reloaded is taken over for new connections.
        """
        running = self.start()
        self.assertIs(running.connectionSettings().debugging, False)
        self.text += "require_tls = false\n[jmap]\ndebugging = true\n"
        running.reload()
        self.assertIs(running.connectionSettings().debugging, True)
        self.assertIs(running.connectionSettings().requireTLS, False)
        self.assertEqual(
            self.logged(LogLevel.info), ["Serving tcp:143", "The settings have been reloaded"]
        )

    def test_badSettings(self) -> None:
        """
        Settings that cannot be used leave all as it was, and the log says why.
        """
        running = self.start()
        before = running.connectionSettings()
        self.text += "[jmap]\ndebugging = 1\n"
        running.reload()
        self.assertIs(running.connectionSettings(), before)
        self.assertEqual(
            self.logged(LogLevel.error),
            ["The settings were not reloaded: [jmap] debugging must be true or false"],
        )

    def test_badChecker(self) -> None:
        """
        So does a checker that cannot be made.
        """
        running = self.start()
        before = running.connectionSettings()

        def refuse(settings: Settings, reactor: Any) -> None:
            raise ConfigurationError("[ldap] no")

        self.patch(service, "makeCheckers", refuse)
        running.reload()
        self.assertIs(running.connectionSettings(), before)
        self.assertEqual(self.made[0].events, ["start"])
        self.assertEqual(self.logged(LogLevel.error), ["The settings were not reloaded: [ldap] no"])

    def test_bug(self) -> None:
        """
        So does whatever else goes wrong.
        """
        running = self.start()
        before = running.connectionSettings()
        self.patch(running, "_readSettings", lambda: 1 // 0)
        running.reload()
        self.assertIs(running.connectionSettings(), before)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_checkersReplaced(self) -> None:
        """
        Checkers of the settings are made again; those that were have a minute for the logins that
        they have. Those of --auth stay.
        """
        lasting = accepting("bob")
        running = self.start([lasting])
        running.reload()
        first, second = self.made
        self.assertEqual(second.events, ["start"])
        self.assertEqual(first.events, ["start"])
        self.reactor.advance(60)
        self.assertEqual(first.events, ["start", "close"])
        self.assertEqual(second.events, ["start"])
        # For the second time, because what it has found out may have changed, too.
        self.assertEqual(lasting.events, ["start", "start"])
        [interface] = second.credentialInterfaces
        chain = running.connectionSettings().portal.checkers[interface]
        self.assertEqual(chain._checkers, (second, lasting))

    def test_stoppedSoonAfterReload(self) -> None:
        """
        The end of the service closes replaced checkers too, and leaves no timer.
        """
        running = self.makeService()
        running.startService()
        running.reload()
        self.successResultOf(running.stopService())
        self.assertEqual([c.events for c in self.made], [["start", "close"]] * 2)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_restartWouldFail(self) -> None:
        """
        What needs a restart, and would make it fail, is wrong already: all stays as it was.
        """
        running = self.start()
        text = self.text
        for wrong in (
            text.replace("fake:", "nosuch:"),
            text.replace("tcp:143", "tcp:x"),
            text + '[metrics]\nlisten = "tcp:x"\n',
        ):
            self.text = wrong + "[jmap]\ndebugging = true\n"
            running.reload()
            self.assertIs(running.connectionSettings().debugging, False)
        self.assertEqual(len(self.logged(LogLevel.error)), 3)

    def test_needsRestart(self) -> None:
        """
        What cannot be taken over while the service runs is said.
        """
        running = self.start()
        self.events.clear()
        self.text = (
            '[imap]\nlisten = ["tcp:144"]\nrealm = "fake:other"\n'
            '[log]\nformat = "json"\n[metrics]\nlisten = "tcp:9100"\n'
        )
        running.reload()
        self.assertEqual(
            self.logged(LogLevel.warn),
            [
                f"{name} has changed, which requires a restart"
                for name in ("[imap] listen", "[imap] realm", "[log] format", "[metrics] listen")
            ],
        )

    def test_certificate(self) -> None:
        """
        A renewed certificate is taken over, by creators that were given out before too.
        """
        path = os.path.abspath(self.mktemp())
        writeCertificate(path)
        self.text = f'{MINIMAL}certificate = "{path}"\n'
        running = self.start()
        creator = running.connectionSettings().certificate
        assert creator is not None
        before = creator.getContext()
        writeCertificate(path)
        running.reload()
        self.assertIs(running.connectionSettings().certificate, creator)
        self.assertIsNot(creator.getContext(), before)

    def test_damagedCertificate(self) -> None:
        """
        A damaged one is not.
        """
        path = os.path.abspath(self.mktemp())
        writeCertificate(path)
        self.text = f'{MINIMAL}certificate = "{path}"\n'
        running = self.start()
        creator = running.connectionSettings().certificate
        assert creator is not None
        before = creator.getContext()
        with open(path, "w") as file:
            file.write("oops")
        running.reload()
        self.assertIs(creator.getContext(), before)
        [line] = self.logged(LogLevel.error)
        self.assertIn(path, line)

    def test_whileStopping(self) -> None:
        """
        A service that stops does not begin anything.
        """
        running = self.makeService()
        running.startService()
        before = running.connectionSettings()
        self.successResultOf(running.stopService())
        self.text += "[jmap]\ndebugging = true\n"
        running.reload()
        self.assertIs(running.connectionSettings(), before)

    def test_hangup(self) -> None:
        """
        SIGHUP reloads while the service runs; afterwards it means what it meant.
        """
        before = signal.getsignal(signal.SIGHUP)
        running = self.makeService()
        running.startService()
        self.text += "[jmap]\ndebugging = true\n"
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertIs(running.connectionSettings().debugging, True)
        self.successResultOf(running.stopService())
        self.assertIs(signal.getsignal(signal.SIGHUP), before)


class StopTests(ServiceTestCase):
    """
    L{service.JMAPAccessService.stopService}.
    """

    def connect(self) -> Connection:
        """
        @return: a connection to the service.
        """
        [(_, factory, _, _)] = self.reactor.tcpServers
        server = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        return Connection(server, clock=self.reactor)

    def test_checkersLast(self) -> None:
        """
        Checkers are closed when the logins are over.
        """
        running = self.makeService()
        running.startService()
        [checker] = self.made
        answer: Deferred[str] = Deferred()
        self.patch(checker, "requestAvatarId", lambda credentials: answer)
        connection = self.connect()
        connection.send(b"a LOGIN ada x")
        stopped = running.stopService()
        self.assertNoResult(stopped)
        self.assertEqual(checker.events, ["start"])
        answer.errback(UnauthorizedLogin())
        self.reactor.pump([0, 1, 0])
        refusal, bye = connection.received()
        self.assertIn(b"a NO [AUTHENTICATIONFAILED]", refusal)
        self.assertIn(b"* BYE ", bye)
        self.assertEqual(checker.events, ["start"])
        connection.lose()
        self.successResultOf(stopped)
        self.assertEqual(checker.events, ["start", "close"])

    def test_secondSignal(self) -> None:
        """
        A second SIGTERM waits for nobody.
        """
        before = signal.getsignal(signal.SIGTERM)
        running = self.makeService()
        running.startService()
        connection = self.connect()
        connection.send(b"a LOGIN {3}")
        stopped = running.stopService()
        self.assertFalse(connection.transport.disconnecting)
        os.kill(os.getpid(), signal.SIGTERM)
        self.assertTrue(connection.transport.disconnected)
        self.reactor.advance(0)
        self.successResultOf(stopped)
        self.assertIs(signal.getsignal(signal.SIGTERM), before)
        connection.lose()

    def test_log(self) -> None:
        """
        The log says how many there were.
        """
        running = self.makeService()
        running.startService()
        connection = self.connect()
        stopped = running.stopService()
        self.assertIn("Shutting down with 1 connections", self.logged(LogLevel.info))
        connection.lose()
        self.successResultOf(stopped)


class NotifyTests(ServiceTestCase):
    """
    What systemd is told, and when.
    """

    def makeService(self, checkers: Any = ()) -> service.JMAPAccessService:
        """
        @return: a service that tells C{self.told}.
        """
        self.told: list[tuple[str, ...]] = []
        notifier = Notifier(None)
        self.patch(notifier, "tell", lambda *lines: self.told.append(lines))
        return service.JMAPAccessService(lambda: parse(self.text), checkers, self.reactor, notifier)

    def test_ready(self) -> None:
        """
        READY=1 comes when all ports listen and the reactor runs.
        """
        waiting: Deferred[Any] = Deferred()
        self.patch(service, "makeEndpoint", lambda reactor, listen: FakeEndpoint(waiting))
        self.start()
        self.reactor.run()
        self.assertEqual(self.told, [])
        waiting.callback(FakePort())
        self.reactor.run()
        self.assertEqual(self.told, [("READY=1", "STATUS=Serving tcp:143")])

    def test_running(self) -> None:
        """
        Listening alone is not enough.
        """
        self.start()
        self.assertEqual(self.told, [])
        self.reactor.run()
        self.assertEqual(len(self.told), 1)

    def test_notListening(self) -> None:
        """
        When a port cannot be bound, systemd is not told that all is well.
        """
        waiting: Deferred[Any] = Deferred()
        self.patch(service, "makeEndpoint", lambda reactor, listen: FakeEndpoint(waiting))
        self.start()
        waiting.errback(OSError(13, "Permission denied"))
        self.reactor.run()
        self.assertEqual(self.told, [])

    def test_reload(self) -> None:
        """
        A reload begins with RELOADING=1 and ends with READY=1, whether the settings were taken
        over or not; the status says which.
        """
        running = self.start()
        running.reload()
        self.text += "[jmap]\ndebugging = 1\n"
        running.reload()
        begin, end, beginAgain, endAgain = self.told
        for told in (begin, beginAgain):
            self.assertEqual(told[0], "RELOADING=1")
        self.assertEqual(end, ("READY=1", "STATUS=The settings have been reloaded"))
        self.assertEqual(
            endAgain,
            (
                "READY=1",
                "STATUS=The settings were not reloaded: [jmap] debugging must be true or false",
            ),
        )

    def test_stopping(self) -> None:
        """
        STOPPING=1 comes first of all.
        """
        running = self.makeService()
        running.startService()
        self.successResultOf(running.stopService())
        self.assertEqual(self.told, [("STOPPING=1", "STATUS=Shutting down with 0 connections")])

    def test_watchdog(self) -> None:
        """
        When systemd watches, it hears of the service until its end.
        """
        self.patch(service, "watchdogSeconds", lambda: 30)
        running = self.makeService()
        running.startService()
        self.assertEqual(self.told, [("WATCHDOG=1",)])
        self.reactor.advance(15)
        self.assertEqual(self.told, [("WATCHDOG=1",)] * 2)
        self.successResultOf(running.stopService())
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class MakeServiceTests(ServiceTestCase):
    """
    L{service.makeService}.
    """

    def test_sentence(self) -> None:
        """
        Settings that cannot be used end the process with one sentence.
        """
        error = self.assertRaises(SystemExit, service.makeService, parsed("--config=/nosuch/file"))
        self.assertEqual(
            error.code,
            "twistd jmapaccess: /nosuch/file cannot be read: No such file or directory",
        )

    def test_memoryChecker(self) -> None:
        """
        The checkers of --auth are in the portal.
        """
        checker = InMemoryUsernamePasswordDatabaseDontUse(ada=b"lovelace")
        running = self.start([checker])
        asked = [
            c
            for chain in running.connectionSettings().portal.checkers.values()
            for c in chain._checkers
        ]
        self.assertIn(checker, asked)


class BoundTests(TestCase):
    """
    L{service.makeService} with a real port.
    """

    def test_bound(self) -> Deferred[Any]:
        """
        Settings that can be used make a service whose port is bound already, before it starts.
        """
        self.patch(service, "makeRealm", lambda description: FoundRealm(NoRealm(), False))
        options = ["--listen=tcp:0:interface=127.0.0.1", "--realm=fake:", "--auth=memory:a:b"]
        made: Any = service.makeService(parsed(*options))
        self.assertTrue(IService.providedBy(made))
        [inner] = made
        port = self.successResultOf(inner._listeners[0]._bound.addCallback(lambda port: port))
        self.assertGreater(port.getHost().port, 0)
        return port.stopListening()  # type: ignore[no-any-return]
