# -*- test-case-name: tests.oauth.test_http -*-
"""
HTTP requests (RFC 9112, section 3): values, no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from txjmapaccess.hosts import checkedHost

_PORTS = {"http": 80, "https": 443}


class Server(NamedTuple):
    """
    Where to connect to.
    """

    scheme: str
    host: str
    port: int


class Request(NamedTuple):
    """
    A request, to be sent once or many times.

    @ivar url: for the log.
    @ivar server: where it goes.
    @ivar head: the request line and the header, but for what depends on the body.
    """

    url: str
    server: Server
    head: bytes

    def withBody(self, body: bytes | None) -> bytes:
        """
        @return: all that is to be sent.
        """
        if body is None:
            return self.head + b"\r\n"
        return b"%bContent-Length: %d\r\n\r\n%b" % (self.head, len(body), body)


def makeRequest(method: str, url: str, header: Mapping[str, str]) -> Request:
    """
    @param url: an http or https URL that has been checked: visible ASCII.
    @param header: names and values, ASCII without line breaks.
    """
    parts = urlsplit(url)
    target = (parts.path or "/") + (parts.query and "?" + parts.query)
    fields = {"Host": parts.netloc, **header}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {fields[name]}" for name in fields)]
    head = "".join(line + "\r\n" for line in lines).encode("ascii")
    return Request(url, _server(parts), head)


def _server(parts: SplitResult) -> Server:
    host = checkedHost(parts.hostname or "", "[" in parts.netloc)
    return Server(parts.scheme, host, parts.port or _PORTS[parts.scheme])
