# -*- test-case-name: tests.message.test_addresses -*-
"""
The tokens of a structured header field (RFC 5322, section 3.2), in linear time for any input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_ATOM = re.compile(r"[^\s()<>,:;\"\\\[\]]+|.", re.DOTALL)
_SPACE = re.compile(r"\s+")
_PLAIN = re.compile(r'[^\\"()\]\[]+')
_OPENING = re.compile(r'["(]')


class Token(NamedTuple):
    """
    @ivar kind: C{"word"}, C{"quoted"}, C{"comment"}, C{"literal"}, or the character itself.
    @ivar apart: whether white space or a comment stands before it.
    """

    kind: str
    text: str
    apart: bool


def enclosed(text: str, start: int, closing: str, opening: str = "") -> tuple[str, int]:
    """
    @return: the text between the character at C{start} and the one that closes it, with quoted
        pairs decoded, and where it ends. If nothing closes it, it ends with the text.
    """
    collected: list[str] = []
    depth, position = 1, start + 1
    while position < len(text):
        plain = _PLAIN.match(text, position)
        if plain:
            collected.append(plain.group())
            position = plain.end()
            continue
        character = text[position]
        if character == "\\" and position + 1 < len(text):
            position += 1
            character = text[position]
        elif character == closing:
            depth -= 1
            if not depth:
                return "".join(collected), position + 1
        elif character == opening:
            depth += 1
        collected.append(character)
        position += 1
    return "".join(collected), position


def tokens(text: str) -> Iterator[Token]:
    """
    @param text: the value of a field, unfolded.

    @return: its tokens in order.
    """
    enclosing = {'"': ("quoted", '"', ""), "(": ("comment", ")", "("), "[": ("literal", "]", "")}
    position, apart = 0, False
    while position < len(text):
        match = _SPACE.match(text, position)
        if match:
            position, apart = match.end(), True
        elif text[position] in enclosing:
            kind, closing, opening = enclosing[text[position]]
            inner, position = enclosed(text, position, closing, opening)
            yield Token(kind, inner, apart)
            apart = kind == "comment"
        else:
            match = _ATOM.match(text, position)
            assert match is not None
            position = match.end()
            word = match.group()
            yield Token(word if word in "<>,:;" else "word", word, apart)
            apart = False


def withoutComments(text: str) -> str:
    """
    @return: C{text} with a space in the place of each comment (RFC 5322, section 3.2.2).
    """
    pieces: list[str] = []
    position = 0
    while found := _OPENING.search(text, position):
        isComment = found.group() == "("
        pieces.append(text[position : found.start()])
        closing = (")", "(") if isComment else ('"', "")
        position = enclosed(text, found.start(), *closing)[1]
        pieces.append(" " if isComment else text[found.start() : position])
    return "".join([*pieces, text[position:]])
