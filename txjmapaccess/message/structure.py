# -*- test-case-name: tests.message.test_structure -*-
"""
The parts of a message (RFC 2045, RFC 2046), as ranges of its octets. Nothing is copied or decoded
until it is needed, no input makes it fail, and it takes linear time.

IMAP's part numbers and RFC 8621's body parts are two views of this one tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from txjmapaccess.message.headers import Field, endOfFields, endOfHeader, firstValue, splitFields
from txjmapaccess.message.parameters import (
    PLAIN_TEXT,
    Parameterized,
    mediaType,
    parseParameters,
)
from txjmapaccess.message.text import decodeText, decodeTransfer

#: How deeply parts may be nested, and how many a message may have.
DEEPEST, MOST_PARTS = 50, 1000

_UNKNOWN_TYPE = "application/octet-stream"


@dataclass
class _Bounds:
    deepest: int
    mostParts: int


class Part:
    """
    A message, or a part of one.

    @ivar data: the whole message, with any line ends.
    @ivar start: where this part begins, with its header.
    @ivar body: where its body begins.
    @ivar end: where it ends.
    """

    def __init__(
        self,
        data: bytes,
        start: int,
        end: int,
        defaultType: str,
        bounds: _Bounds,
        depth: int,
    ) -> None:
        self.data = data
        self.start = start
        self.end = end
        self.defaultType = defaultType
        self._bounds = bounds
        self._depth = depth
        body = endOfHeader(data, start, end)
        self.body = endOfFields(data, start, end) if body is None else body
        self.fields: list[Field] = splitFields(data[start : self.body])

    def value(self, name: str) -> bytes | None:
        """
        @param name: in lower case.

        @return: the first value of a header field, folded as it stands.
        """
        return firstValue(self.fields, name)

    @cached_property
    def contentType(self) -> Parameterized:
        """
        The Content-Type, or what stands for one.
        """
        return parseParameters(self.value("content-type") or self.defaultType.encode("ascii"))

    @cached_property
    def parameters(self) -> dict[str, str]:
        """
        The parameters of the Content-Type by name in lower case (RFC 2231).
        """
        return self.contentType.decoded()

    @cached_property
    def _declaredType(self) -> str:
        return mediaType(self.contentType.value) or PLAIN_TEXT.partition(";")[0]

    @property
    def isTooDeep(self) -> bool:
        """
        Whether it is nested too deeply; then its type is C{application/octet-stream}.
        """
        kind = self._declaredType
        isContainer = kind.startswith("multipart/") or kind == "message/rfc822"
        return isContainer and self._depth >= self._bounds.deepest

    @cached_property
    def type(self) -> str:
        """
        The media type, in lower case.
        """
        return _UNKNOWN_TYPE if self.isTooDeep else self._declaredType

    @property
    def isMultipart(self) -> bool:
        """
        Whether it is a C{multipart/*}, which may be one without parts.
        """
        return self.type.startswith("multipart/")

    @cached_property
    def disposition(self) -> Parameterized | None:
        """
        The Content-Disposition (RFC 2183).
        """
        value = self.value("content-disposition")
        return None if value is None else parseParameters(value)

    @cached_property
    def transferEncoding(self) -> str:
        """
        The Content-Transfer-Encoding, in lower case; empty when there is none.
        """
        value = self.value("content-transfer-encoding")
        return "" if value is None else parseParameters(value).value.lower()

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """
        The parts of a C{multipart/*}.
        """
        if not self.isMultipart:
            return ()
        # In a digest, what has no type is a message (RFC 2046, section 5.1.5).
        default = "message/rfc822" if self.type == "multipart/digest" else PLAIN_TEXT
        cuts = self._cuts()
        self._bounds.mostParts -= len(cuts)
        parts = tuple(self._part(start, end, default) for start, end in cuts)
        # At once: what is bounded must not depend on who asks for what first.
        for part in parts:
            _ = part.parts
        for part in parts:
            _ = part.message and part.message.parts
        return parts

    def _part(self, start: int, end: int, defaultType: str) -> Part:
        return Part(self.data, start, end, defaultType, self._bounds, self._depth + 1)

    def _cuts(self) -> list[tuple[int, int]]:
        """
        @return: where the parts begin and end, between the lines with the boundary. What is behind
            the last part that may be is in that part.
        """
        cuts: list[tuple[int, int]] = []
        begin: int | None = None
        for lineStart, lineEnd, isLast in self._delimiters():
            if begin is not None:
                cuts.append((begin, max(begin, lineStart)))
            begin = lineEnd
            if isLast:
                return cuts
            if len(cuts) >= self._bounds.mostParts - 1:
                break
        return [*cuts, (begin, self.end)] if begin is not None and self._bounds.mostParts else cuts

    def _delimiters(self) -> Iterator[tuple[int, int, bool]]:
        """
        @return: the lines with the boundary: where each begins, with the line end before it, which
            belongs to it (RFC 2046, section 5.1.1), where it ends, and whether it is the last.
        """
        boundary = self.parameters.get("boundary", "").encode("utf-8", "surrogateescape")
        if not boundary:
            return
        data, delimiter, position = self.data, b"--" + boundary, self.body
        while (found := data.find(delimiter, position, self.end)) >= 0:
            position = found + len(delimiter)
            if found != self.body and data[found - 1 : found] != b"\n":
                continue
            isLast = data.startswith(b"--", position, self.end)
            position = position + 2 if isLast else position
            while position < self.end and data[position] in b" \t":
                position += 1
            if data.startswith(b"\r\n", position, self.end):
                position += 2
            elif data.startswith(b"\n", position, self.end):
                position += 1
            elif position != self.end:
                continue
            start = found - 1 if found > self.body else found
            if start > self.body and data[start - 1 : start] == b"\r":
                start -= 1
            yield start, position, isLast

    @cached_property
    def message(self) -> Part | None:
        """
        The message in a C{message/rfc822}, as its octets stand in this one.
        """
        if self.type != "message/rfc822":
            return None
        return self._part(self.body, self.end, PLAIN_TEXT)

    @cached_property
    def decodedMessage(self) -> Part | None:
        """
        The message in a C{message/rfc822}, also in one with a transfer encoding that no standard
        allows there.
        """
        if self.message is None or self.content == self.octets:
            return self.message
        content = self.content
        return Part(content, 0, len(content), PLAIN_TEXT, self._bounds, self._depth + 1)

    def walk(self) -> Iterator[Part]:
        """
        @return: this part and all below it, depth first. Messages are not entered.
        """
        yield self
        for part in self.parts:
            yield from part.walk()

    @property
    def octets(self) -> bytes:
        """
        The body as it stands.
        """
        return self.data[self.body : self.end]

    @cached_property
    def _decoded(self) -> tuple[bytes, bool]:
        return decodeTransfer(self.octets, self.transferEncoding)

    @property
    def content(self) -> bytes:
        """
        The body without its transfer encoding.
        """
        return self._decoded[0]

    @property
    def text(self) -> tuple[str, bool]:
        """
        The content of a C{text/*} part with LF line ends, and whether anything in it was malformed
        or unknown.
        """
        text, isBroken = decodeText(self.content, self.parameters.get("charset") or "us-ascii")
        return text, isBroken or self._decoded[1]


def parseMessage(data: bytes, deepest: int = DEEPEST, mostParts: int = MOST_PARTS) -> Part:
    """
    @param deepest: how deeply parts may be nested.
    @param mostParts: how many parts there may be.
    """
    return Part(data, 0, len(data), PLAIN_TEXT, _Bounds(deepest, mostParts), 0)
