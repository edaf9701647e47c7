# -*- test-case-name: tests.twistd.test_inheritedsockets -*-
"""
Sockets that systemd opens for the service (socket activation, sd_listen_fds(3)):
C{systemd:index=0} by their order in the socket unit, C{systemd:name=imap} by C{FileDescriptorName}.

Twisted's own C{systemd:} has no names in 22.4; no version detects the address family or reports
useful errors. Its endpoint is used below this one.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

from twisted.internet.endpoints import serverFromString

from txjmapaccess.errors import ConfigurationError


class InheritedSockets:
    """
    The sockets of one process. Each can be used once.

    @param environment: has their names; Twisted has removed their number.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._endpoints: dict[int, Any] = {}

    def endpoint(self, reactor: Any, arguments: Mapping[str, str]) -> Any:
        """
        @param arguments: C{name} or C{index}; C{domain}, which Twisted's own needs, is ignored.

        @return: an L{twisted.internet.interfaces.IStreamServerEndpoint}, always the same one for
            one socket.

        @raise ConfigurationError: with the end of a sentence, if there is no such socket.
        """
        if len({"name", "index"} & arguments.keys()) != 1 or arguments.keys() - _KNOWN:
            raise ConfigurationError("it requires either name= or index=, and nothing else")
        index = self._index(arguments)
        if index not in self._endpoints:
            self._endpoints[index] = _endpoint(reactor, index)
        return self._endpoints[index]

    def _index(self, arguments: Mapping[str, str]) -> int:
        if "index" in arguments:
            if not arguments["index"].isdecimal():
                raise ConfigurationError("index= must be a number")
            return int(arguments["index"])
        name = arguments["name"]
        names = self._environment.get("LISTEN_FDNAMES", "").split(":")
        if names.count(name) > 1:
            raise ConfigurationError(f"systemd passed several sockets named {name}: use index=")
        if name not in names:
            raise ConfigurationError(f"systemd passed no socket named {name}")
        return names.index(name)


_KNOWN = {"name", "index", "domain"}


def _endpoint(reactor: Any, index: int) -> Any:
    try:
        endpoint: Any = serverFromString(reactor, f"systemd:domain=INET:index={index}")
    except IndexError:
        raise ConfigurationError(f"systemd passed no socket with index {index}") from None
    endpoint.addressFamily = _family(endpoint.fileno)
    return endpoint


def _family(fileno: int) -> int:
    try:
        # On a duplicate, because the socket object closes its descriptor.
        with socket.socket(fileno=os.dup(fileno)) as found:
            if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return found.family
    except OSError as e:
        raise ConfigurationError(
            f"the file descriptor from systemd is not a socket: {e.strerror}"
        ) from None
    raise ConfigurationError("the socket from systemd does not accept connections: set Accept=no")


#: Those of this process.
inherited = InheritedSockets()
