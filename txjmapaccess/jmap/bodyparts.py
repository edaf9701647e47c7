# -*- test-case-name: tests.jmap.test_bodyparts -*-
"""
The body parts of a message (RFC 8621, section 4.1.4), and which of them are text and which are
attachments. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count

from txjmapaccess.jmap.headerproperties import RawField
from txjmapaccess.message.encodedwords import decodeWords
from txjmapaccess.message.headers import Field, endOfHeader, rawText, splitFields
from txjmapaccess.message.structure import Part, parseMessage
from txjmapaccess.message.text import wellFormed


class BodyPart:
    """
    A body part (EmailBodyPart). A C{multipart/*} without parts is a part like others, so that its
    content is shown.

    @param numbers: the partIds that are left.

    @ivar id: the partId, L{None} for C{multipart/*}.
    @ivar type: the media type, in lower case.
    @ivar subParts: the parts of a C{multipart/*}, L{None} for all others.
    """

    def __init__(self, part: Part, numbers: Iterator[int] | None = None) -> None:
        numbers = count(1) if numbers is None else numbers
        self._part = part
        self.type = part.type
        self.subParts = [BodyPart(inner, numbers) for inner in part.parts] or None
        self.id = None if self.subParts else str(next(numbers))

    @property
    def isMultipart(self) -> bool:
        """
        Whether it has parts, and no content of its own.
        """
        return self.subParts is not None

    @cached_property
    def fields(self) -> list[RawField]:
        """
        All header fields, in order.
        """
        return _rawFields(self._part.fields)

    @property
    def disposition(self) -> str | None:
        """
        The disposition, in lower case.
        """
        disposition = self._part.disposition
        return disposition.value.lower() or None if disposition else None

    @cached_property
    def name(self) -> str | None:
        """
        The file name.
        """
        disposition = self._part.disposition
        name = disposition.decoded().get("filename") if disposition else None
        name = name or self._part.parameters.get("name")
        return decodeWords(wellFormed(name)) if name else None

    @property
    def charset(self) -> str | None:
        """
        The charset, as RFC 8621 defines the property.
        """
        declared = self._part.parameters.get("charset")
        if declared:
            return wellFormed(declared)
        isText = self.type.startswith("text/") or self._part.value("content-type") is None
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
        value = self._part.value(name)
        return None if value is None else rawText(value).strip()

    @property
    def content(self) -> bytes:
        """
        The content without its transfer encoding.
        """
        return self._part.content

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
        return self._part.text

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
    return BodyPart(parseMessage(octets))


def parseHeader(octets: bytes) -> list[RawField]:
    """
    @return: the header fields of a message. The body is not parsed.
    """
    return _rawFields(splitFields(octets[: endOfHeader(octets)]))


@dataclass
class Bodies:
    """
    The parts to show, as text or HTML, and the others (RFC 8621, section 4.1.4).
    """

    text: list[BodyPart]
    html: list[BodyPart]
    attachments: list[BodyPart]

    @property
    def hasAttachment(self) -> bool:
        """
        Whether there is an attachment to download.
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
