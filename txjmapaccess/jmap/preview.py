# -*- test-case-name: tests.jmap.test_emailobject -*-
"""
Parts of texts: the preview of a message, and values that are cut (RFC 8621, sections 4.1.4 and
4.2). Pure functions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Any

from txjmapaccess.jmap.mime import Part

#: Characters; RFC 8621 allows 256.
_PREVIEW = 200


def truncated(text: str, longest: int, isHTML: bool) -> str:
    """
    @param longest: in octets of UTF-8; 0 for any.

    @return: C{text}, not longer than that, not ending within a character or an HTML tag.
    """
    encoded = text.encode("utf-8")
    if not longest or len(encoded) <= longest:
        return text
    cut = encoded[:longest].decode("utf-8", "ignore")
    if isHTML and cut.rfind("<") > cut.rfind(">"):
        return cut[: cut.rfind("<")]
    return cut


class _TextOfHTML(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag in ("style", "script", "title"):
            self._hidden += 1
        self.pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script", "title") and self._hidden:
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)


def _textOfHTML(html: str) -> str:
    """
    @return: the text up to the end, or to where the parser gives up.
    """
    parser = _TextOfHTML()
    with contextlib.suppress(AssertionError, ValueError):
        parser.feed(html)
    return "".join(parser.pieces)


def readable(part: Part) -> str:
    """
    @return: what a person can read of a C{text/*} part.
    """
    text = part.text()[0]
    return _textOfHTML(text) if part.type == "text/html" else text


def preview(parts: Iterable[Part]) -> str:
    """
    @return: how the first text among C{parts} begins, without quoted lines.
    """
    part = next((part for part in parts if part.type.startswith("text/")), None)
    if part is None:
        return ""
    text = part.text()[0][:20_000]
    if part.type == "text/html":
        text = _textOfHTML(text)
    own = "\n".join(line for line in text.splitlines() if not line.startswith(">"))
    return " ".join((own.strip() or text).split())[:_PREVIEW]
