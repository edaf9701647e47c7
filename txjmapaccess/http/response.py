# -*- test-case-name: tests.http.test_client -*-
"""
HTTP responses (RFC 9112): octets in, a response out, no I/O. The parser is llhttp (of node), in
httptools.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

#: Octets of a body, by default.
LONGEST_RESPONSE = 65_536

#: Octets of everything else: the head, the sizes of chunks, interim responses.
_LONGEST_HEAD = 16_384

_LENGTHS = (b"content-length", b"transfer-encoding")


class BrokenResponse(Exception):
    """
    The data is not one HTTP response, or too long. The text is fixed.
    """


@dataclass(frozen=True)
class Response:
    """
    @ivar status: the HTTP status.
    @ivar body: what came with it.
    @ivar headers: names and values, as they came.
    """

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = field(default=(), compare=False, repr=False)

    def header(self, name: str) -> list[str]:
        """
        @return: the values of all header fields with this name, which is in lower case.
        """
        own = name.encode("ascii")
        return [value.decode("latin-1") for field, value in self.headers if field.lower() == own]

    def jsonObject(self) -> dict[str, object] | None:
        """
        @return: the body, or L{None} when it is not a JSON object.
        """
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None


class ResponseReader:
    """
    Reads the responses of one connection. The parser calls the C{on_...} methods.

    @param longest: most octets of a body.

    @ivar response: the response to the last request, once it is complete.
    @ivar hasBegun: whether any of it arrived.
    @ivar keepAlive: once it is complete: whether the connection can be used again.
    """

    def __init__(self, longest: int = LONGEST_RESPONSE) -> None:
        self._longest = longest
        self._parser = HttpResponseParser(self)
        self.expect()

    def expect(self) -> None:
        """
        Prepare for the response to another request.
        """
        self._octets = 0
        self._body = b""
        self._endsWithConnection = False
        self._fields: list[tuple[bytes, bytes]] = []
        self._headers: tuple[tuple[bytes, bytes], ...] = ()
        self._isMoreThanOne = False
        self.response: Response | None = None
        self.hasBegun = False
        self.keepAlive = False

    def feed(self, data: bytes) -> Response | None:
        """
        @return: L{response}.

        @raise BrokenResponse: if the data is invalid.
        """
        self.hasBegun = True
        self._octets += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            # Not "from": its text may quote the data.
            raise BrokenResponse("the data received is not an HTTP response") from None
        if self._isMoreThanOne:
            raise BrokenResponse("there is extra data after the HTTP response")
        tooMuch = self._octets > self._longest + _LONGEST_HEAD
        if tooMuch or len(self._body) > self._longest:
            raise BrokenResponse(f"the response is longer than {self._longest} octets")
        return self.response

    def end(self) -> Response | None:
        """
        The other side has closed the connection gracefully.

        @return: the response, if that ends it (RFC 9112, section 6.3).
        """
        if self.response is None and self._endsWithConnection:
            self.response = self._made()
        return self.response

    def on_message_begin(self) -> None:
        self._isMoreThanOne = self.response is not None
        self._fields = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        # Later fields are trailers, not headers (RFC 9110, section 6.5.1).
        self._headers = tuple(self._fields)
        hasLength = any(name.lower() in _LENGTHS for name, _ in self._headers)
        self._endsWithConnection = not hasLength and self._isFinal()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        # An interim response (RFC 9110, section 15.2) is followed by the one that counts.
        if self._isFinal() and self.response is None:
            self.response = self._made()
            self.keepAlive = self._parser.should_keep_alive()

    def _made(self) -> Response:
        return Response(self._parser.get_status_code(), self._body, self._headers)

    def _isFinal(self) -> bool:
        return self._parser.get_status_code() >= 200
