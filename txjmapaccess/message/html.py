# -*- test-case-name: tests.message.test_html -*-
"""
What a person can read of HTML, in linear time.
"""

from __future__ import annotations

import html
import re

#: Elements that do not end a word.
_WITHIN_WORDS = re.compile(
    r"(?:a|abbr|b|bd[io]|big|cite|code|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|small|span|strong|sub"
    r"|sup|tt|u|var|wbr)\Z",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Za-z][^\s/>]*")
_MARKUP = re.compile(r"<(?:(!--)|(style|script|title)\b|[A-Za-z/!?])", re.IGNORECASE)


def textOfHTML(text: str) -> str:
    """
    @return: the text, with a space where a block begins. What is never closed is not there.
    """
    pieces: list[str] = []
    position = 0
    while found := _MARKUP.search(text, position):
        pieces.append(text[position : found.start()])
        position = found.end()
        if found.group(1):
            end, closing = text.find("-->", position), 3
        elif found.group(2):
            pieces.append(" ")
            end, closing = _endOf(found.group(2), text, position), 0
        else:
            name = _NAME.match(text, position - 1)
            if name and not _WITHIN_WORDS.match(name.group()):
                pieces.append(" ")
            end, closing = text.find(">", position), 1
        if end < 0:
            return html.unescape("".join(pieces))
        position = end + closing
    return html.unescape("".join([*pieces, text[position:]]))


def _endOf(name: str, text: str, position: int) -> int:
    closing = re.compile(rf"</{name}\b", re.IGNORECASE).search(text, position)
    return closing.start() if closing else -1
