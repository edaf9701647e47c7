# -*- test-case-name: tests.maildir.test_mime -*-
"""
The parts of a message (RFC 2046), cut out of it without a copy of the rest.

Nothing is decoded: IMAP sends parts as they are in the message, but for the ends of lines.
"""

from __future__ import annotations

import io
import re
from functools import cached_property
from typing import BinaryIO

from twisted.mail.interfaces import IMessageIMAPPart
from zope.interface import implementer

from txjmapaccess.maildir.content import countLoneFeeds, endOfHeader, withCRLF
from txjmapaccess.maildir.headers import (
    Field,
    Headers,
    contentParameter,
    firstValue,
    selectFields,
    splitFields,
)

_PLAIN = "text/plain; charset=us-ascii"
_DEEPEST = 50
_MOST_PARTS = 1000


@implementer(IMessageIMAPPart)
class Part:
    """
    A message, or a part of one.

    @param data: the whole message, with any line ends.
    @param start: where this part begins, with its header.
    @param end: where it ends.
    @param defaultType: its Content-Type when it has none.
    """

    def __init__(
        self,
        data: bytes,
        start: int,
        end: int,
        defaultType: str = _PLAIN,
        depth: int = 0,
    ) -> None:
        self._data = data
        self._end = end
        self._defaultType = defaultType
        self._depth = depth
        body = endOfHeader(data, start, end)
        self._body = end if body is None else body
        self.fields: list[Field] = splitFields(data[start : self._body])

    def getHeaders(self, negate: bool, *names: str | bytes) -> Headers:
        """
        See L{IMessageIMAPPart.getHeaders}, and L{Headers}.
        """
        wantsType = (b"content-type" in names or "content-type" in names) is not negate
        fields = selectFields(self.fields, negate, names)
        return Headers(fields, self._defaultType if wantsType else None)

    def getBodyFile(self) -> BinaryIO:
        """
        @return: the part without its header, with CRLF line ends.
        """
        return io.BytesIO(withCRLF(self._data[self._body : self._end]))

    def getSize(self) -> int:
        """
        @return: octets without the header, with CRLF line ends.
        """
        body = self._data[self._body : self._end]
        return len(body) + countLoneFeeds(body, b"")

    @cached_property
    def _contentType(self) -> str:
        return Headers(self.fields, self._defaultType)["content-type"].lower()

    def isMultipart(self) -> bool:
        """
        @return: whether L{getSubPart} gives the parts of a multipart.
        """
        return self._contentType.startswith("multipart/")

    def getSubPart(self, part: int) -> Part:
        """
        @param part: from 0; a message/rfc822 has one, the message in it.

        @raise TypeError: when this has no parts.
        @raise IndexError: when it has not so many.
        """
        isMessage = self._contentType.startswith("message/rfc822")
        if not isMessage and not self.isMultipart():
            raise TypeError("Requested subpart of non-multipart message")
        return self._parts[part]

    @cached_property
    def _parts(self) -> list[Part]:
        if not self.isMultipart() or self._depth >= _DEEPEST:
            return [Part(self._data, self._body, self._end, depth=self._depth + 1)]
        isDigest = self._contentType.startswith("multipart/digest")
        default = "message/rfc822" if isDigest else _PLAIN  # RFC 2046, section 5.1.5
        return [
            Part(self._data, start, end, default, self._depth + 1) for start, end in self._cuts()
        ] or [Part(b"\n", 0, 1)]

    def _cuts(self) -> list[tuple[int, int]]:
        """
        @return: where the parts begin and end, between the lines with the boundary.
        """
        value = (firstValue(self.fields, "content-type") or b"").decode("latin-1")
        boundary = (contentParameter(value, "boundary") or "").encode("latin-1", "replace")
        line = re.compile(rb"(?:\A|\r?\n|(?<=\n))--%b(--)?[ \t]*(\r?\n|\Z)" % re.escape(boundary))
        cuts: list[tuple[int, int]] = []
        begin: int | None = None
        for found in line.finditer(self._data, self._body, self._end) if boundary else ():
            if begin is not None:
                cuts.append((begin, max(begin, found.start())))
            begin = found.end()
            if found.group(1) or len(cuts) == _MOST_PARTS:
                return cuts
        return [*cuts, (begin, self._end)] if begin is not None else cuts
