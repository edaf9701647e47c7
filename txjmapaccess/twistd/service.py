# -*- test-case-name: tests.twistd.test_service -*-
"""
C{twistd jmapaccess}: from options and settings to a running service.

Ports are bound when the service is made, so that a port in use is one sentence on the terminal. A
reload prepares everything before it changes anything, so an error changes nothing. For the end, see
L{txjmapaccess.twistd.shutdown}.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.cred.checkers import ICredentialsChecker
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory

from txjmapaccess.checkers import CheckerService
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.pacing import Pace
from txjmapaccess.twistd.certificate import Certificates
from txjmapaccess.twistd.config import Settings
from txjmapaccess.twistd.connectionsettings import (
    ConnectionSettings,
    IMAPFactory,
    makeCheckers,
    makeConnectionSettings,
)
from txjmapaccess.twistd.endpoints import ListenEndpoint, Listener, makeEndpoint, parseListen
from txjmapaccess.twistd.garbagecollection import GarbageCollector
from txjmapaccess.twistd.logfile import LoggedService
from txjmapaccess.twistd.metricsservice import MetricsListener, makeMetrics, readyForMetrics
from txjmapaccess.twistd.openfiles import warnOfFiles
from txjmapaccess.twistd.options import Options, fail
from txjmapaccess.twistd.plugins import capabilityProviders, findRealm, makeRealm
from txjmapaccess.twistd.proxyprotocol import ProxyProtocolFactory
from txjmapaccess.twistd.sdnotify import Notifier, Watchdog, watchdogSeconds
from txjmapaccess.twistd.shutdown import Connections, onSignals
from txjmapaccess.twistd.sighup import ReloadSignal

__all__ = ["JMAPAccessService", "Options", "makeService"]


def makeService(options: Options) -> IService:
    """
    See L{twisted.application.service.IServiceMaker.makeService}.

    @raise SystemExit: with one sentence, for settings that cannot be used.
    """
    from twisted.internet import reactor

    try:
        if options["demo"]:
            from txjmapaccess.demo import makeDemoService

            demo = makeDemoService(reactor)
            GarbageCollector(reactor).setServiceParent(demo)
            return LoggedService(demo, options.parent, "text", reactor)
        service = JMAPAccessService(options.settings, options["credCheckers"], reactor)
        service.bind()
        GarbageCollector(reactor).setServiceParent(service)
        return LoggedService(service, options.parent, service.logFormat, reactor)
    except ConfigurationError as e:
        fail(e)


class JMAPAccessService(MultiService):
    """
    The whole service.

    @param readSettings: returns the settings; called again for each reload.
    @param checkers: checkers in addition to those of the settings.
    @param notifier: notifies systemd; L{None} for the one of the environment.

    @raise ConfigurationError: for invalid settings.
    """

    _log = Logger()

    #: Seconds for a replaced checker to finish its logins.
    retirement = 60.0

    #: Seconds for commands to finish when the service shuts down.
    farewell = 10.0

    _door: ConnectionSettings | None = None

    def __init__(
        self,
        readSettings: Callable[[], Settings],
        checkers: Iterable[ICredentialsChecker],
        reactor: Any,
        notifier: Notifier | None = None,
    ) -> None:
        super().__init__()
        self._reactor = reactor
        self._notifier = notifier or Notifier.fromEnvironment()
        self._connections = Connections()
        self._readSettings = readSettings
        self._lasting = tuple(checkers)
        self._settings = settings = readSettings()
        listens = [parseListen(description) for description in settings.imap.listen]
        # Last, because making the realm creates a directory.
        endpoints = [makeEndpoint(reactor, listen) for listen in listens]
        metrics = readyForMetrics(reactor, settings.metrics.listen)
        self._certificates = Certificates([*listens, *metrics], settings.imap)
        replaceable = makeCheckers(settings, reactor)
        self._realm = makeRealm(settings.imap.realm or "")
        self._open(settings, replaceable)
        self._lastingCheckers = CheckerService(self._lasting)
        self._lastingCheckers.setServiceParent(self)
        self._listen(zip(listens, endpoints, strict=True))
        self._measure(metrics)
        ReloadSignal(self.reload, reactor).setServiceParent(self)
        seconds = watchdogSeconds()
        if seconds is not None:
            Watchdog(self._notifier, seconds, reactor).setServiceParent(self)

    def _open(self, settings: Settings, replaceable: Iterable[ICredentialsChecker]) -> None:
        certificate = self._certificates.creatorFor(None)
        self._asked = (*replaceable, *self._lasting)
        before = self._door
        self._door = makeConnectionSettings(settings, self._realm, self._asked, certificate, before)
        self._checkers = CheckerService(replaceable)
        self._checkers.setServiceParent(self)

    def _listen(self, places: Iterable[tuple[ListenEndpoint, Any]]) -> None:
        providers = capabilityProviders()
        self._listeners: list[Listener] = []
        pace = Pace(self._reactor)
        for listen, endpoint in places:
            factory = self._behindProxies(
                self._inTLS(
                    listen,
                    IMAPFactory(
                        self.connectionSettings, providers, listen.tls, self._connections, pace
                    ),
                )
            )
            listener = Listener(endpoint, factory, listen.description)
            listener.setServiceParent(self)
            self._listeners.append(listener)

    def _measure(self, places: Mapping[ListenEndpoint, Any]) -> None:
        for listen, endpoint in places.items():
            counting, site = makeMetrics(
                lambda: self.connectionSettings().counts.counters,
                lambda: self._asked,
                self._connections,
            )
            counting.setServiceParent(self)
            factory = self._inTLS(listen, site)
            listener = MetricsListener(endpoint, factory, listen.description)
            listener.setServiceParent(self)
            self._listeners.append(listener)

    def _inTLS(self, listen: ListenEndpoint, factory: IProtocolFactory) -> IProtocolFactory:
        creator = self._certificates.creatorFor(listen) if listen.tls else None
        return factory if creator is None else TLSMemoryBIOFactory(creator, False, factory)

    def _behindProxies(self, factory: IProtocolFactory) -> IProtocolFactory:
        return ProxyProtocolFactory(
            factory,
            lambda peer: self.connectionSettings().believes(peer),
            lambda: self.connectionSettings().proxiesEndTLS,
            self._reactor,
        )

    @property
    def logFormat(self) -> str:
        """
        C{[log] format}.
        """
        return self._settings.log.format

    def connectionSettings(self) -> ConnectionSettings:
        """
        @return: the current settings for new connections.
        """
        assert self._door is not None
        return self._door

    def bind(self) -> None:
        """
        Bind every port, before the service starts.

        @raise ConfigurationError: if one cannot be bound.
        """
        for listener in self._listeners:
            listener.bind()

    def startService(self) -> None:
        """
        Start, and log warnings about the settings.
        """
        super().startService()
        serving = "Serving " + ", ".join(self._settings.imap.listen)
        self._log.info("{serving}", serving=serving)
        self._whenServing(lambda: self._notifier.ready(serving))
        if self.connectionSettings().requireTLS and self.connectionSettings().certificate is None:
            self._log.warn(
                "[imap] certificate is not set and require_tls is true:"
                " only loopback clients can log in"
            )
        warnOfFiles(self.connectionSettings().limits.connections)

    def _whenServing(self, function: Callable[[], None]) -> None:
        listening = DeferredList([listener.listens for listener in self._listeners])
        listening.addCallback(lambda _: self._reactor.callWhenRunning(function))

    def stopService(self) -> Deferred[Any]:
        """
        Stop listening, let running commands finish, and close all other connections: at most
        L{farewell} seconds, or until a second signal.

        @return: a Deferred that fires when the service has ended.
        """
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        count = len(self._connections)
        self._log.info("Shutting down with {count} connections", count=count)
        self._notifier.stopping(f"Shutting down with {count} connections")
        with onSignals(self._reactor, self._hurry, signal.SIGTERM, signal.SIGINT):
            await DeferredList([maybeDeferred(each.stopService) for each in self._listeners])
            # Running logins still need the checkers.
            await self._connections.end(self._reactor, self.farewell)
        await super().stopService()

    def _hurry(self) -> None:
        self._connections.cutOff(self._reactor)

    def reload(self) -> None:
        """
        Read the settings, their files and the certificates again. Open connections keep their
        settings. After an error nothing changes, and the log says why.
        """
        if self._connections.areEnding:
            return
        self._notifier.reloading()
        outcome = "The settings have been reloaded"
        try:
            self._reload()
        except ConfigurationError as e:
            outcome = f"The settings were not reloaded: {e}"
            fields = {"event": "reload", "result": "refused", "reason": str(e)}
            self._log.error("{outcome}", outcome=outcome, **fields)
        except Exception:
            outcome = "The settings were not reloaded"
            self._log.failure("{outcome}", outcome=outcome, event="reload", result="refused")
        else:
            self._log.info("{outcome}", outcome=outcome, event="reload", result="accepted")
        self._notifier.ready(outcome)

    def _reload(self) -> None:
        settings = self._readSettings()
        # These need a restart. Check now that it would not fail.
        for description in settings.imap.listen:
            makeEndpoint(self._reactor, parseListen(description))
        readyForMetrics(self._reactor, settings.metrics.listen)
        findRealm(settings.imap.realm or "")
        contexts = self._certificates.read(settings.imap)
        replaceable = makeCheckers(settings, self._reactor)
        # Nothing can fail from here on.
        self._certificates.use(contexts)
        self._checkers.retire(self._reactor, self.retirement)
        self._open(settings, replaceable)
        self._lastingCheckers.tryOut()
        warnOfFiles(self.connectionSettings().limits.connections)
        for name in needRestart(self._settings, settings):
            self._log.warn("{name} has changed, which requires a restart", name=name)


def needRestart(running: Settings, read: Settings) -> list[str]:
    """
    @return: the changed settings that a reload cannot apply.
    """
    changed = {
        "[imap] listen": running.imap.listen != read.imap.listen,
        "[imap] realm": running.imap.realm != read.imap.realm,
        "[log] format": running.log != read.log,
        "[metrics] listen": running.metrics != read.metrics,
    }
    return [name for name, hasChanged in changed.items() if hasChanged]
