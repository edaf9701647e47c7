# -*- test-case-name: tests.imap.test_fetchcommand -*-
"""
Messages as Twisted's ENVELOPE and BODYSTRUCTURE can take them. Those fail on what is in many
messages that were never checked by anybody: octets above ASCII in a header, a semicolon at the end
of a Content-Type, a parameter without a value.
"""

from __future__ import annotations

import base64
import re
from email.message import Message
from typing import Any

from txjmapaccess.message.fieldvalue import fieldOctets

#: What has a meaning in addresses, and white space.
_BETWEEN = re.compile(r'([\s<>(),;:"@\\]+)')
_NOT_PLAIN = re.compile(r"[^!#-:<-\[\]-~ ]")


def asciiText(value: Any) -> str:
    """
    @return: the value of a header field, with what is not ASCII in encoded words (RFC 2047).
    """
    text = fieldOctets(value).decode("utf-8", "replace")
    if text.isascii():
        return text
    pieces = _BETWEEN.split(text)
    for n in range(2, len(pieces), 2):
        # The space between two encoded words is none, so it goes into one of them.
        if pieces[n - 1].isspace() and not (pieces[n - 2].isascii() or pieces[n].isascii()):
            pieces[n] = pieces[n - 2] + " " + pieces[n]
            pieces[n - 2] = pieces[n - 1] = ""
    return "".join(piece if piece.isascii() else _encodedWord(piece) for piece in pieces)


def _encodedWord(text: str) -> str:
    return f"=?utf-8?b?{base64.b64encode(text.encode('utf-8')).decode('ascii')}?="


def plainContentType(value: str) -> str:
    """
    @return: a Content-Type with a type, a subtype, and no parameters but those that have a value,
        in which there is nothing that could be mistaken.
    """
    parsed = Message()
    parsed["content-type"] = " ".join(value.split())
    fields = [parsed.get_content_type()]
    for name, text in parsed.get_params([])[1:]:
        plain = _NOT_PLAIN.sub("_", text)
        if plain and re.fullmatch(r"[A-Za-z0-9*._-]+", name):
            fields.append(f'{name}="{plain}"')
    return "; ".join(fields)


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
                tidied[name] = asciiText(value)
                if name.lower() == "content-type" and value:
                    tidied[name] = plainContentType(tidied[name])
        return tidied

    def getSubPart(self, part: int) -> Tidied:
        """
        See L{twisted.mail.interfaces.IMessageIMAPPart.getSubPart}.
        """
        return Tidied(self._part.getSubPart(part))
