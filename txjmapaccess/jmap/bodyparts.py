# -*- test-case-name: tests.jmap.test_bodyparts -*-
"""
The parts of a message as RFC 8621, section 4.1.4 has them, and which of them are for reading. Pure
functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count

from txjmapaccess.jmap.headerforms import RawField
from txjmapaccess.message.encodedwords import decodeWords
from txjmapaccess.message.headers import Field, endOfHeader, rawText, splitFields
from txjmapaccess.message.structure import Part, parseMessage
from txjmapaccess.message.text import wellFormed


@dataclass(eq=False)
class BodyPart:
    """
    A body part (EmailBodyPart).

    @ivar id: the partId, L{None} for C{multipart/*}.
    @ivar subParts: the parts of a C{multipart/*}, L{None} for all others.
    """

    id: str | None
    part: Part
    subParts: list[BodyPart] | None

    @cached_property
    def fields(self) -> list[RawField]:
        """
        All header fields, in order.
        """
        return _rawFields(self.part.fields)

    @property
    def type(self) -> str:
        """
        The media type, in lower case.
        """
        return self.part.type

    @property
    def isMultipart(self) -> bool:
        """
        Whether it has no content of its own.
        """
        return self.subParts is not None

    @property
    def disposition(self) -> str | None:
        """
        The disposition, in lower case.
        """
        disposition = self.part.disposition
        return disposition.value.lower() or None if disposition else None

    @cached_property
    def name(self) -> str | None:
        """
        The file name.
        """
        disposition = self.part.disposition
        name = disposition.decoded().get("filename") if disposition else None
        name = name or self.part.parameters.get("name")
        return decodeWords(wellFormed(name)) if name else None

    @property
    def charset(self) -> str | None:
        """
        The charset, as RFC 8621 defines the property.
        """
        declared = self.part.parameters.get("charset")
        if declared:
            return wellFormed(declared)
        isText = self.type.startswith("text/") or self.part.value("content-type") is None
        return "us-ascii" if isText and self.type != "message/rfc822" else None

    @property
    def cid(self) -> str | None:
        """
        The Content-Id without its angle brackets.
        """
        value = self._field("content-id")
        return value.strip("<>") if value else None

    @property
    def location(self) -> str | None:
        """
        The Content-Location.
        """
        return self._field("content-location")

    @property
    def language(self) -> list[str] | None:
        """
        The language tags of the Content-Language.
        """
        value = self._field("content-language")
        return [tag.strip() for tag in value.split(",") if tag.strip()] if value else None

    def _field(self, name: str) -> str | None:
        value = self.part.value(name)
        return None if value is None else rawText(value).strip()

    @property
    def content(self) -> bytes:
        """
        The octets, with the transfer encoding undone.
        """
        return self.part.content

    @property
    def size(self) -> int:
        """
        The size of the content in octets.
        """
        return len(self.content)

    def text(self) -> tuple[str, bool]:
        """
        @return: see L{Part.text}.
        """
        return self.part.text

    def walk(self) -> list[BodyPart]:
        """
        @return: this part and all below it, depth first.
        """
        return [self, *(below for part in self.subParts or () for below in part.walk())]


def _rawFields(fields: Iterable[Field]) -> list[RawField]:
    return [(name, rawText(raw)) for name, raw in fields]


def bodyStructure(octets: bytes) -> BodyPart:
    """
    @return: the C{bodyStructure} of a message.
    """
    return bodyPart(parseMessage(octets))


def bodyPart(part: Part) -> BodyPart:
    """
    @return: a part and those below it, numbered. A C{multipart/*} without parts is a part like
        others: what is in it is shown somehow, and never lost.
    """
    return _bodyPart(part, count(1))


def _bodyPart(part: Part, numbers: Iterator[int]) -> BodyPart:
    if part.parts:
        return BodyPart(None, part, [_bodyPart(inner, numbers) for inner in part.parts])
    return BodyPart(str(next(numbers)), part, None)


def parseHeader(octets: bytes) -> list[RawField]:
    """
    @return: the header fields of a message; its body is not looked at.
    """
    return _rawFields(splitFields(octets[: endOfHeader(octets)]))


@dataclass
class Bodies:
    """
    The parts that are for reading, and the others (RFC 8621, section 4.1.4).
    """

    text: list[BodyPart]
    html: list[BodyPart]
    attachments: list[BodyPart]

    @property
    def hasAttachment(self) -> bool:
        """
        Whether there is something to offer for downloading.
        """
        return any(part.disposition != "inline" for part in self.attachments)


def decompose(structure: BodyPart) -> Bodies:
    """
    The algorithm that RFC 8621, section 4.1.4 suggests.
    """
    bodies = Bodies([], [], [])
    _decompose([structure], "mixed", False, bodies.html, bodies.text, bodies.attachments)
    return bodies


def _isMedia(part: BodyPart) -> bool:
    return part.type.startswith(("image/", "audio/", "video/"))


def _isInline(part: BodyPart, isFirst: bool, multipart: str) -> bool:
    if part.disposition == "attachment":
        return False
    if part.type not in ("text/plain", "text/html") and not _isMedia(part):
        return False
    return isFirst or (multipart != "related" and (_isMedia(part) or not part.name))


def _decompose(
    parts: list[BodyPart],
    multipart: str,
    inAlternative: bool,
    html: list[BodyPart] | None,
    text: list[BodyPart] | None,
    attachments: list[BodyPart],
) -> None:
    textLength = -1 if text is None else len(text)
    htmlLength = -1 if html is None else len(html)
    for index, part in enumerate(parts):
        if part.subParts is not None:
            kind = part.type.partition("/")[2]
            within = inAlternative or kind == "alternative"
            _decompose(part.subParts, kind, within, html, text, attachments)
        elif not _isInline(part, index == 0, multipart):
            attachments.append(part)
        elif multipart == "alternative":
            chosen = {"text/plain": text, "text/html": html}.get(part.type)
            (attachments if chosen is None else chosen).append(part)
        else:
            if inAlternative and part.type == "text/plain":
                html = None
            elif inAlternative and part.type == "text/html":
                text = None
            for body in (text, html):
                if body is not None:
                    body.append(part)
            if _isMedia(part) and (text is None or html is None):
                attachments.append(part)
    if multipart == "alternative" and text is not None and html is not None:
        if len(text) == textLength and len(html) != htmlLength:
            text.extend(html[htmlLength:])
        elif len(html) == htmlLength and len(text) != textLength:
            html.extend(text[textLength:])
