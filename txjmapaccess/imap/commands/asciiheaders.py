# -*- test-case-name: tests.imap.test_fetchcommand -*-
"""
Headers for Twisted's ENVELOPE and BODYSTRUCTURE, which fail on what real messages contain: octets
above ASCII in a header, a semicolon at the end of a Content-Type, a parameter without a value.
"""

from __future__ import annotations

from typing import Any

from txjmapaccess.message.encodedwords import encodeWords
from txjmapaccess.message.headers import fieldOctets
from txjmapaccess.message.parameters import PLAIN_TEXT, plainContentType


class ASCIIHeaders:
    """
    A message or a part of one, with headers that Twisted can parse.

    @param part: the message or part itself.
    """

    def __init__(self, part: Any) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)

    def getHeaders(self, negate: bool, *names: str) -> dict[str, str]:
        """
        See L{twisted.mail.interfaces.IMessageIMAPPart.getHeaders}.
        """
        headers = {}
        for name, value in self._part.getHeaders(negate, *names).items():
            if value is not None:
                headers[name] = encodeWords(fieldOctets(value))
                if name.lower() == "content-type" and value:
                    headers[name] = plainContentType(fieldOctets(value), PLAIN_TEXT)
        return headers

    def getSubPart(self, part: int) -> ASCIIHeaders:
        """
        See L{twisted.mail.interfaces.IMessageIMAPPart.getSubPart}.
        """
        try:
            return ASCIIHeaders(self._part.getSubPart(part))
        except TypeError:
            # Allowed for a part that is no multipart, which a multipart without a boundary is not
            # to every parser. Twisted takes IndexError for the end of the parts.
            raise IndexError(part) from None
