# -*- test-case-name: tests.twistd.test_endpoints -*-
"""
Endpoint strings, and a service that binds its port early.

C{ssl:} is parsed here, because Twisted's own endpoint neither reloads a certificate nor allows a
layer between TCP and TLS; so is C{systemd:}, see L{txjmapaccess.twistd.inheritedsockets}. All
others are Twisted's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.twistd.inheritedsockets import inherited

_PIECE = re.compile(r"((?:[^:\\]|\\.)*)(?::|\Z)", re.DOTALL)
#: The listen backlog. After a restart all clients reconnect at once; with Twisted's 50 most of them
#: would wait for seconds.
BACKLOG = 4096
_REFUSED = ("sslmethod", "extraCertChain", "dhParameters")


@dataclass(frozen=True)
class ListenEndpoint:
    """
    One parsed endpoint string.

    @ivar description: as the operator wrote it.
    @ivar transport: the endpoint string below TLS.
    @ivar tls: whether TLS begins with the connection.
    @ivar certificate: the endpoint's own certificate file, or L{None} for the common one.
    @ivar privateKey: the endpoint's own key file, or L{None}.
    """

    description: str
    transport: str
    tls: bool = False
    certificate: str | None = None
    privateKey: str | None = None


def parseListen(description: str) -> ListenEndpoint:
    """
    @raise ConfigurationError: for an unsupported argument of C{ssl:}.
    """
    kind, _, rest = description.partition(":")
    if kind != "ssl":
        return ListenEndpoint(description, description)
    files = {}
    kept = [] if rest.startswith("systemd:") else ["tcp"]
    for piece in splitArguments(rest):
        key, equals, value = piece.partition("=")
        if equals and key in _REFUSED:
            raise ConfigurationError(
                f"listen: {description} must not set {key}: certKey contains the chain,"
                " and the minimum is TLS 1.2"
            )
        if equals and key in ("certKey", "privateKey"):
            files[key] = value
        else:
            kept.append(key + equals + quoteStringArgument(value))
    privateKey = files.get("privateKey")
    certificate = files.get("certKey", privateKey)
    return ListenEndpoint(description, ":".join(kept), True, certificate, privateKey)


def splitArguments(arguments: str) -> list[str]:
    """
    @param arguments: an endpoint string, or a part of one.

    @return: the parts between its colons, unescaped.
    """
    pieces = [match.group(1) for match in _PIECE.finditer(arguments)]
    # The empty match at the end is no piece of its own.
    return [re.sub(r"\\(.)", r"\1", piece) for piece in pieces[:-1] or pieces]


def makeEndpoint(reactor: Any, listen: ListenEndpoint) -> Any:
    """
    @return: an L{twisted.internet.interfaces.IStreamServerEndpoint}.

    @raise ConfigurationError: if the endpoint string is invalid, or systemd did not pass the socket
        that it names.
    """
    kind, _, rest = listen.transport.partition(":")
    if kind == "systemd":
        return _makeInherited(reactor, listen, rest)
    try:
        return serverFromString(reactor, _withBacklog(listen.transport))
    except Exception:  # Parsers, plugins included, can raise anything.
        raise ConfigurationError(
            f'listen: "{listen.description}" is not a Twisted endpoint string,'
            " such as tcp:143 or ssl:993"
        ) from None


def _withBacklog(transport: str) -> str:
    kind, *pieces = splitArguments(transport)
    plain = [piece for piece in pieces if "=" not in piece]
    isGiven = len(plain) > 2 or any(piece.startswith("backlog=") for piece in pieces)
    return transport if kind not in ("tcp", "tcp6") or isGiven else f"{transport}:backlog={BACKLOG}"


def _makeInherited(reactor: Any, listen: ListenEndpoint, arguments: str) -> Any:
    pairs = (piece.partition("=") for piece in splitArguments(arguments))
    try:
        return inherited.endpoint(reactor, {key: value for key, _, value in pairs})
    except ConfigurationError as e:
        raise ConfigurationError(f"listen: {listen.description} cannot be used: {e}") from None


class Listener(Service):
    """
    A port that L{bind} binds before the service starts, so that a port in use is one sentence on
    the terminal: C{twistd} is in the background when it starts a service. Without L{bind}, it is
    bound at startup.

    @param description: the name of the endpoint in messages.

    @ivar listens: a Deferred that fires when it listens, and never if it cannot.
    """

    _log = Logger()

    def __init__(self, endpoint: Any, factory: IProtocolFactory, description: str) -> None:
        self._endpoint = endpoint
        self._factory = factory
        self._description = description
        self._bound: Deferred[IListeningPort | None] | None = None
        self._trouble: str | None = None
        self.listens: Deferred[None] = Deferred()

    def bind(self) -> None:
        """
        @raise ConfigurationError: if binding fails at once.
        """
        self._bound = self._endpoint.listen(self._factory)
        self._bound.addCallbacks(self._succeeded, self._failed)
        if self._trouble is not None:
            raise ConfigurationError(
                f"listen: cannot listen on {self._description}: {self._trouble}"
            )

    def _succeeded(self, port: IListeningPort) -> IListeningPort:
        self.listens.callback(None)
        return port

    def _failed(self, failure: Failure) -> None:
        self._trouble = _why(failure)
        if failure.check(CancelledError):
            return
        self._log.error(
            "Cannot listen on {endpoint}: {why}",
            endpoint=self._description,
            why=self._trouble,
        )

    def privilegedStartService(self) -> None:
        """
        Bind the port while the process still has its privileges.
        """
        super().privilegedStartService()
        if self._bound is None:
            self.bind()

    def startService(self) -> None:
        """
        Bind the port, unless it is bound.
        """
        super().startService()
        if self._bound is None:
            self.bind()

    def stopService(self) -> Deferred[Any] | None:
        """
        @return: a Deferred that fires when the port is closed.
        """
        super().stopService()
        bound, self._bound = self._bound, None
        if bound is not None:
            bound.cancel()
        return bound.addCallback(lambda port: port and port.stopListening()) if bound else None


def _why(failure: Failure) -> str:
    value: Any = failure.value
    error = value.socketError if isinstance(value, CannotListenError) else value
    return getattr(error, "strerror", None) or str(error)
