# -*- test-case-name: tests.maildir.test_messagepart -*-
"""
The parts of a message as Twisted's IMAP server asks for them. Nothing is decoded: IMAP sends parts
as they are in the message, but for the ends of lines.
"""

from __future__ import annotations

import io
from functools import cached_property
from typing import BinaryIO

from twisted.mail.interfaces import IMessageIMAPPart
from zope.interface import implementer

from txjmapaccess.message.headerdict import HeaderDict, selectFields
from txjmapaccess.message.lineends import countLoneFeeds, withCRLF
from txjmapaccess.message.structure import Part, parseMessage


@implementer(IMessageIMAPPart)
class MessagePart:
    """
    A message, or a part of one.
    """

    def __init__(self, part: Part) -> None:
        self._part = part

    def getHeaders(self, negate: bool, *names: str | bytes) -> HeaderDict:
        """
        See L{IMessageIMAPPart.getHeaders}, and L{HeaderDict}.
        """
        part = self._part
        wantsType = (b"content-type" in names or "content-type" in names) is not negate
        headers = HeaderDict(
            selectFields(part.fields, negate, names), part.defaultType if wantsType else None
        )
        if wantsType and part.isTooDeep:
            headers["content-type"] = part.type
        return headers

    def getBodyFile(self) -> BinaryIO:
        """
        @return: the part without its header, with CRLF line ends.
        """
        return io.BytesIO(withCRLF(self._part.octets))

    def getSize(self) -> int:
        """
        @return: octets without the header, with CRLF line ends.
        """
        body = self._part.octets
        return len(body) + countLoneFeeds(body, b"")

    def isMultipart(self) -> bool:
        """
        @return: whether L{getSubPart} gives the parts of a multipart.
        """
        return self._part.isMultipart

    def getSubPart(self, part: int) -> MessagePart:
        """
        @param part: from 0; a message/rfc822 has one, the message in it.

        @raise TypeError: when this has no parts.
        @raise IndexError: when it has not so many.
        """
        if not self._part.isMultipart and self._part.message is None:
            raise TypeError("Requested subpart of non-multipart message")
        return self._parts[part]

    @cached_property
    def _parts(self) -> list[MessagePart]:
        if self._part.message is not None:
            return [MessagePart(self._part.message)]
        # A multipart has a part at least (RFC 3501, section 9, body-type-mpart).
        return [MessagePart(part) for part in self._part.parts or (parseMessage(b"\n"),)]
