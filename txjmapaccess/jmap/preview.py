# -*- test-case-name: tests.jmap.test_emailobject -*-
"""
Parts of texts: the preview of a message, and values that are cut (RFC 8621, sections 4.1.4 and
4.2). Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable

from txjmapaccess.jmap.bodyparts import BodyPart
from txjmapaccess.message.html import textOfHTML

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


def preview(parts: Iterable[BodyPart]) -> str:
    """
    @return: how the first text among C{parts} begins, without quoted lines.
    """
    part = next((part for part in parts if part.type.startswith("text/")), None)
    if part is None:
        return ""
    text = part.text()[0][:20_000]
    if part.type == "text/html":
        text = textOfHTML(text)
    own = "\n".join(line for line in text.splitlines() if not line.startswith(">"))
    return " ".join((own.strip() or text).split())[:_PREVIEW]
