# -*- test-case-name: tests.twistd.test_metricsservice -*-
"""
C{[metrics] listen}: an HTTP server for the metrics of the service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.application.service import Service
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.logger import globalLogPublisher

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.limits import LimitCounters
from txjmapaccess.sessionurl import isLoopback
from txjmapaccess.twistd.endpoints import ListenEndpoint, Listener, makeEndpoint, parseListen
from txjmapaccess.twistd.shutdown import Connections
from txjmapaccess.twistd.website import StoppableSite


def readyForMetrics(reactor: Any, description: str | None) -> dict[ListenEndpoint, Any]:
    """
    @param description: C{[metrics] listen}.

    @return: the parsed endpoint string and its endpoint, if there is one.

    @raise ConfigurationError: see L{makeEndpoint}; and if prometheus-client is not installed.
    """
    if description is None:
        return {}
    if not hasPrometheus():
        raise ConfigurationError(
            "[metrics] listen requires prometheus-client: pip install 'txjmapaccess[metrics]'"
        )
    try:
        listen = parseListen(description)
        return {listen: makeEndpoint(reactor, listen)}
    except ConfigurationError as e:
        raise ConfigurationError(f"[metrics] {e}") from None


def hasPrometheus() -> bool:
    """
    @return: whether prometheus-client is installed.
    """
    try:
        import txjmapaccess.metrics.registry  # noqa: F401
    except ImportError as e:
        if (e.name or "").partition(".")[0] != "prometheus_client":
            raise
        return False
    return True


class LoginObserver(Service):
    """
    Adds C{observer} to the log while the service runs.

    @param observer: an L{twisted.logger.ILogObserver}.
    """

    def __init__(self, observer: Any) -> None:
        self._observer = observer

    def startService(self) -> None:
        """
        Begin.
        """
        super().startService()
        globalLogPublisher.addObserver(self._observer)

    def stopService(self) -> None:
        """
        End.
        """
        super().stopService()
        globalLogPublisher.removeObserver(self._observer)


def makeMetrics(
    counters: Callable[[], LimitCounters],
    checkers: Callable[[], Iterable[object]],
    connections: Connections,
) -> tuple[LoginObserver, IProtocolFactory]:
    """
    @param counters: returns the current counters of connections.
    @param checkers: returns the current credentials checkers.
    @param connections: registers the connections of the web server.

    @return: a service that counts logins, and the factory of the web server.
    """
    from txjmapaccess.jmap import BoundedRequest
    from txjmapaccess.metrics.backends import BackEndMetrics
    from txjmapaccess.metrics.connections import ConnectionMetrics
    from txjmapaccess.metrics.logins import LoginMetrics
    from txjmapaccess.metrics.registry import makeRegistry, makeSite

    logins = LoginMetrics()
    registry = makeRegistry([logins, ConnectionMetrics(counters), BackEndMetrics(checkers)])
    site = StoppableSite(makeSite(registry), connections, requestFactory=BoundedRequest)
    return LoginObserver(logins), site


class MetricsListener(Listener):
    """
    The listener for metrics. There is no password, so it warns if it is not on loopback.
    """

    def bind(self) -> None:
        """
        See L{Listener.bind}.
        """
        try:
            super().bind()
        except ConfigurationError as e:
            raise ConfigurationError(f"[metrics] {e}") from None

    def _succeeded(self, port: IListeningPort) -> IListeningPort:
        # A UNIX socket has no host, and permissions of its own.
        host = getattr(port.getHost(), "host", None)
        if host is not None and not isLoopback(host):
            self._log.warn(
                "[metrics] listen: anyone who can reach {endpoint} can read the metrics",
                endpoint=self._description,
            )
        return super()._succeeded(port)
