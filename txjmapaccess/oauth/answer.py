# -*- test-case-name: tests.oauth.test_http -*-
"""
HTTP responses (RFC 9112): octets in, an answer out, no I/O. The parser is llhttp, which is node's,
as httptools has it.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

#: A body that is longer is none that a provider would give.
LONGEST_ANSWER = 65_536

#: What may come around it: the head, the sizes of chunks, interim responses.
_LONGEST_HEAD = 16_384

_LENGTHS = (b"content-length", b"transfer-encoding")


class BrokenAnswer(Exception):
    """
    What came is not one HTTP response, or is too long. The text is fixed.
    """


class Answer(NamedTuple):
    """
    An HTTP status and the body that came with it.
    """

    status: int
    body: bytes

    def jsonObject(self) -> dict[str, object] | None:
        """
        @return: the body, or L{None} when it is not a JSON object.
        """
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None


class AnswerReader:
    """
    Reads the responses of one connection. What is named C{on_...} is for the parser.

    @ivar answer: the answer to the last request, when it is complete.
    @ivar hasBegun: whether anything has come.
    @ivar keepAlive: when it is complete: whether the connection can be used again.
    """

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self.expect()

    def expect(self) -> None:
        """
        Forget the answer: there will be another request.
        """
        self._octets = 0
        self._body = b""
        self._endsWithConnection = False
        self._hasLength = False
        self._isMoreThanOne = False
        self.answer: Answer | None = None
        self.hasBegun = False
        self.keepAlive = False

    def feed(self, data: bytes) -> Answer | None:
        """
        @return: L{answer}.

        @raise BrokenAnswer: when it cannot become one.
        """
        self.hasBegun = True
        self._octets += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            # Not "from": its text may quote what came.
            raise BrokenAnswer("what came is not an HTTP response") from None
        if self._isMoreThanOne:
            raise BrokenAnswer("there is something behind the HTTP response")
        tooMuch = self._octets > LONGEST_ANSWER + _LONGEST_HEAD
        if tooMuch or len(self._body) > LONGEST_ANSWER:
            raise BrokenAnswer(f"the answer is longer than {LONGEST_ANSWER} octets")
        return self.answer

    def end(self) -> Answer | None:
        """
        Take note that the other side has closed the connection in order.

        @return: the answer, if it is one that ends so (RFC 9112, section 6.3).
        """
        if self.answer is None and self._endsWithConnection:
            self.answer = Answer(self._parser.get_status_code(), self._body)
        return self.answer

    def on_message_begin(self) -> None:
        self._isMoreThanOne = self.answer is not None

    def on_header(self, name: bytes, value: bytes) -> None:
        self._hasLength = self._hasLength or name.lower() in _LENGTHS

    def on_headers_complete(self) -> None:
        self._endsWithConnection = not self._hasLength and self._isFinal()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        # An interim response (RFC 9110, section 15.2) is followed by the one that counts.
        if self._isFinal() and self.answer is None:
            self.answer = Answer(self._parser.get_status_code(), self._body)
            self.keepAlive = self._parser.should_keep_alive()

    def _isFinal(self) -> bool:
        return self._parser.get_status_code() >= 200
