# -*- test-case-name: tests.imap.test_fetchcommand -*-
"""
Messages as Twisted's ENVELOPE and BODYSTRUCTURE can take them. Those fail on what is in many
messages that were never checked by anybody: octets above ASCII in a header, a semicolon at the end
of a Content-Type, a parameter without a value.
"""

from __future__ import annotations

from typing import Any

from txjmapaccess.message.encodedwords import encodeWords
from txjmapaccess.message.headers import fieldOctets
from txjmapaccess.message.parameters import PLAIN_TEXT, plainContentType


class Tidied:
    """
    A message or a part of one, whose headers are as Twisted takes them.

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
        tidied = {}
        for name, value in self._part.getHeaders(negate, *names).items():
            if value is not None:
                tidied[name] = encodeWords(fieldOctets(value))
                if name.lower() == "content-type" and value:
                    tidied[name] = plainContentType(fieldOctets(value), PLAIN_TEXT)
        return tidied

    def getSubPart(self, part: int) -> Tidied:
        """
        See L{twisted.mail.interfaces.IMessageIMAPPart.getSubPart}.
        """
        return Tidied(self._part.getSubPart(part))
