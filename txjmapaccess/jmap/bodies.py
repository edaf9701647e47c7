# -*- test-case-name: tests.jmap.test_mime -*-
"""
Which parts of a message are for reading, and which are attachments (RFC 8621, section 4.1.4). Pure
functions.
"""

from __future__ import annotations

from dataclasses import dataclass

from txjmapaccess.jmap.mime import Part


@dataclass
class Bodies:
    """
    The parts that are for reading, and the others (RFC 8621, section 4.1.4).
    """

    text: list[Part]
    html: list[Part]
    attachments: list[Part]

    @property
    def hasAttachment(self) -> bool:
        """
        Whether there is something to offer for downloading.
        """
        return any(part.disposition != "inline" for part in self.attachments)


def decompose(structure: Part) -> Bodies:
    """
    The algorithm that RFC 8621, section 4.1.4 suggests.
    """
    bodies = Bodies([], [], [])
    _decompose([structure], "mixed", False, bodies.html, bodies.text, bodies.attachments)
    return bodies


def _isMedia(part: Part) -> bool:
    return part.type.startswith(("image/", "audio/", "video/"))


def _isInline(part: Part, isFirst: bool, multipart: str) -> bool:
    if part.disposition == "attachment":
        return False
    if part.type not in ("text/plain", "text/html") and not _isMedia(part):
        return False
    return isFirst or (multipart != "related" and (_isMedia(part) or not part.name))


def _decompose(
    parts: list[Part],
    multipart: str,
    inAlternative: bool,
    html: list[Part] | None,
    text: list[Part] | None,
    attachments: list[Part],
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
