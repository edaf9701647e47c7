# -*- test-case-name: tests.http.test_client -*-
"""
HTTP requests (RFC 9112, section 3): values, no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from txjmapaccess.hosts import checkedHost

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """
    Scheme, host and port of a URL (RFC 6454).
    """

    scheme: str
    host: str
    port: int


class Request(NamedTuple):
    """
    A request without its body; it can be sent many times.

    @ivar url: for the log.
    @ivar origin: where it goes.
    @ivar head: the request line and the header, without C{Content-Length}.
    """

    url: str
    origin: Origin
    head: bytes

    def withBody(self, body: bytes | None) -> bytes:
        """
        @return: the whole request.
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
    return Request(url, _origin(parts), head)


def _origin(parts: SplitResult) -> Origin:
    host = checkedHost(parts.hostname or "", "[" in parts.netloc)
    return Origin(parts.scheme, host, parts.port or _PORTS[parts.scheme])
