# -*- test-case-name: tests.message.test_agreement -*-
"""
The searchable texts of a message, for every protocol, in the form in which texts are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from txjmapaccess.message.encodedwords import decodeWords
from txjmapaccess.message.headers import rawText, unfolded
from txjmapaccess.message.html import textOfHTML
from txjmapaccess.message.structure import Part, parseMessage
from txjmapaccess.message.text import comparable


def fieldText(raw: bytes) -> str:
    """
    @return: the value of a header field, for comparison.
    """
    return comparable(decodeWords(unfolded(rawText(raw)), anywhere=True).strip())


def readable(part: Part) -> str:
    """
    @return: what a person can read of a C{text/*} part.
    """
    text = part.text[0]
    # White space in HTML is one space, however much of it there is.
    return " ".join(textOfHTML(text).split()) if part.type == "text/html" else text


class SearchableMessage:
    """
    A message, as far as it is looked at.

    @param octets: all of it.
    """

    def __init__(self, octets: bytes) -> None:
        self.structure = parseMessage(octets)

    def field(self, name: str) -> list[str]:
        """
        @param name: in lower case.

        @return: the values of all header fields of that name.
        """
        return [fieldText(raw) for found, raw in self.structure.fields if found.lower() == name]

    @cached_property
    def header(self) -> str:
        """
        The whole header: a line for each field.
        """
        return _header(self.structure)

    @cached_property
    def body(self) -> str:
        """
        What a person can read of the body, with the messages that are attached.
        """
        return "\n".join(_texts(self.structure))


def _header(part: Part) -> str:
    return "\n".join(f"{name.lower()}: {fieldText(raw)}" for name, raw in part.fields)


def _texts(structure: Part) -> Iterator[str]:
    for part in structure.walk():
        if part.type.startswith("text/"):
            yield comparable(readable(part))
        elif part.type.startswith("message/"):
            message = part.decodedMessage
            if message is None:
                yield comparable(part.text[0])
            else:
                yield _header(message)
                yield from _texts(message)
