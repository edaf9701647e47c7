"""
A directory server for tests that answers whatever a test says, on a real socket or in memory.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from txjmapaccess.ldap import codec
from txjmapaccess.ldap.ber import (
    ENUMERATED,
    OCTETS,
    SEQUENCE,
    SET,
    bounds,
    element,
    integer,
    messageSize,
)
from txjmapaccess.ldap.counters import LDAPCounters


def serversUp(counters: LDAPCounters) -> int:
    """
    @return: how many servers are not known to be down.
    """
    return sum(state != "down" for state in counters.serverStates.values())


def message(messageID: int, operation: bytes, controls: bytes = b"") -> bytes:
    """
    @param controls: encoded controls, without the [0] around them.

    @return: an LDAPMessage.
    """
    rest = operation + (element(0xA0, controls) if controls else b"")
    return element(SEQUENCE, integer(messageID) + rest)


def result(
    messageID: int,
    code: int,
    tag: int = codec.BIND_RESPONSE,
    diagnostic: str = "",
    more: bytes = b"",
    controls: bytes = b"",
) -> bytes:
    """
    @return: a response with a result.
    """
    content = integer(code, ENUMERATED) + element(OCTETS, b"")
    content += element(OCTETS, diagnostic.encode()) + more
    return message(messageID, element(tag, content), controls)


def found(messageID: int, dn: str, **attributes: str) -> bytes:
    """
    @return: a search result entry.
    """
    listed = b"".join(
        element(
            SEQUENCE,
            element(OCTETS, name.encode()) + element(SET, element(OCTETS, value.encode())),
        )
        for name, value in attributes.items()
    )
    content = element(OCTETS, dn.encode()) + element(SEQUENCE, listed)
    return message(messageID, element(codec.SEARCH_ENTRY, content))


def done(messageID: int, code: int = 0) -> bytes:
    """
    @return: the end of a search.
    """
    return result(messageID, code, codec.SEARCH_DONE)


def requests(data: bytes) -> list[tuple[int, int, bytes]]:
    """
    @return: message ID, tag and content of each whole request in C{data}.
    """
    parsed = []
    while (size := messageSize(data)) is not None and size <= len(data):
        begin, _ = bounds(data, 0, size)
        idBegin, idEnd = bounds(data, begin, size)
        opBegin, opEnd = bounds(data, idEnd, size)
        messageID = int.from_bytes(data[idBegin:idEnd], "big")
        parsed.append((messageID, data[idEnd], data[opBegin:opEnd]))
        data = data[size:]
    return parsed


#: Gets the connection, a message ID, the tag and the content of a request.
Handler = Callable[[Any, int, int, bytes], None]


class FakeDirectory:
    """
    @param handler: answers requests by writing to the connection's C{transport}.
    @param listening: a socket to listen on; L{None} for a new one.
    @param interface: the address to listen on with a new one.
    @param contextFactory: for ldaps; L{None} for ldap.

    @ivar uri: where it listens.
    @ivar connections: those that were made, in order; each has C{number} and C{isLost}.
    @ivar requests: the tags of the requests that came.
    """

    def __init__(
        self,
        handler: Handler,
        listening: socket.socket | None = None,
        interface: str = "127.0.0.1",
        contextFactory: Any = None,
    ) -> None:
        self.handler = handler
        self.connections: list[Any] = []
        self.requests: list[int] = []
        factory = Factory()
        factory.noisy = False
        factory.buildProtocol = lambda address: _Connection(self)  # type: ignore[method-assign]
        if contextFactory is not None:
            self._port = reactor.listenSSL(0, factory, contextFactory, interface=interface)
        elif listening is None:
            self._port = reactor.listenTCP(0, factory, interface=interface)
        else:
            listening.setblocking(False)
            self._port = reactor.adoptStreamPort(listening.fileno(), socket.AF_INET, factory)
            listening.close()
        scheme = "ldap" if contextFactory is None else "ldaps"
        host = f"[{interface}]" if ":" in interface else interface
        self.uri = f"{scheme}://{host}:{self._port.getHost().port}"

    def close(self) -> Deferred[Any]:
        """
        Stop.
        """
        for connection in self.connections:
            if not connection.isLost:
                connection.transport.abortConnection()
        return maybeDeferred(self._port.stopListening)


class DeafPort:
    """
    A port of 127.0.0.1 where attempts to connect get lost, as those to a host that is gone: the
    kernel drops what does not fit into the queue of a socket that accepts nothing.

    @ivar uri: where it is.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._fillers = [socket.socket() for _ in range(3)]
        self.uri = f"ldap://127.0.0.1:{self._socket.getsockname()[1]}"

    def listen(self) -> None:
        """
        Begin to be deaf. Before that connections are refused.
        """
        self._socket.listen(0)
        for filler in self._fillers:
            filler.setblocking(False)
            filler.connect_ex(self._socket.getsockname())

    def hear(self, handler: Handler) -> FakeDirectory:
        """
        @return: the server that is there from now on.
        """
        for filler in self._fillers:
            filler.close()
        return FakeDirectory(handler, self._socket)


class _Connection(Protocol):
    def __init__(self, directory: FakeDirectory) -> None:
        self._directory = directory
        self._data = b""
        self.number = len(directory.connections)
        self.isLost = False
        directory.connections.append(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.isLost = True

    def dataReceived(self, data: bytes) -> None:
        if data[0] != SEQUENCE and not self._data:
            return  # TLS: it falls on deaf ears.
        self._data += data
        while (size := messageSize(self._data)) is not None and size <= len(self._data):
            whole, self._data = self._data[:size], self._data[size:]
            ((messageID, tag, content),) = requests(whole)
            self._directory.requests.append(tag)
            self._directory.handler(self, messageID, tag, content)
