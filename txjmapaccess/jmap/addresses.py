# -*- test-case-name: tests.jmap.test_headers -*-
"""
Address lists (RFC 5322, section 3.4), as they are found and not only as they should be: every input
gives something, in linear time. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_ATOM = re.compile(r"[^\s()<>,:;\"\\\[\]]+|.", re.DOTALL)
_SPACE = re.compile(r"\s+")


class Address(NamedTuple):
    """
    A mailbox of an address list.
    """

    name: str | None
    email: str


class Group(NamedTuple):
    """
    Consecutive mailboxes: of the group C{name}, or of none.
    """

    name: str | None
    addresses: list[Address]


class _Token(NamedTuple):
    #: C{"word"}, C{"quoted"}, C{"comment"}, C{"literal"}, or the character itself.
    kind: str
    text: str
    #: Whether white space or a comment stands before it.
    apart: bool


def _enclosed(text: str, start: int, closing: str, opening: str = "") -> tuple[str, int]:
    """
    @return: what is between the character at C{start} and the one that closes it, quoted pairs
        decoded, and where it ends. What is never closed ends with the text.
    """
    collected: list[str] = []
    depth, position = 1, start + 1
    while position < len(text):
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


def tokens(text: str) -> Iterator[_Token]:
    """
    The tokens of a structured header field (RFC 5322, section 3.2).
    """
    enclosing = {'"': ("quoted", '"', ""), "(": ("comment", ")", "("), "[": ("literal", "]", "")}
    position, apart = 0, False
    while position < len(text):
        match = _SPACE.match(text, position)
        if match:
            position, apart = match.end(), True
        elif text[position] in enclosing:
            kind, closing, opening = enclosing[text[position]]
            inner, position = _enclosed(text, position, closing, opening)
            yield _Token(kind, inner, apart)
            apart = kind == "comment"
        else:
            match = _ATOM.match(text, position)
            assert match is not None
            position = match.end()
            word = match.group()
            yield _Token(word if word in "<>,:;" else "word", word, apart)
            apart = False


def _clean(name: str) -> str | None:
    return _SPACE.sub(" ", name).strip() or None


class _Parser:
    """
    Collects tokens until a comma, colon or semicolon says what they were.
    """

    def __init__(self, decode: Callable[[str], str]) -> None:
        self.groups: list[Group] = []
        self._decode = decode
        self._inGroup = False
        self._reset()

    def _reset(self) -> None:
        self._words: list[_Token] = []
        self._route: list[_Token] | None = None
        self._inBrackets = False
        self._comment: str | None = None

    def feed(self, token: _Token) -> None:
        if token.kind == "comment":
            self._comment = token.text
        elif token.kind == "<":
            self._route, self._inBrackets = [], True
        elif token.kind == ">":
            self._inBrackets = False
        elif self._inBrackets and self._route is not None:
            self._bracketed(token)
        elif token.kind == ",":
            self.endMailbox()
        elif token.kind == ":":
            self._beginGroup()
        elif token.kind == ";":
            self.endMailbox()
            self._inGroup = False
        else:
            self._words.append(token)

    def _bracketed(self, token: _Token) -> None:
        assert self._route is not None
        if token.kind == ":":
            # The obsolete route of RFC 5322, section 4.4.
            self._route.clear()
        else:
            self._route.append(token)

    def _beginGroup(self) -> None:
        self.groups.append(Group(self._phrase(), []))
        self._inGroup = True
        self._reset()

    def endMailbox(self) -> None:
        address = self._address()
        if address is not None:
            if not self._inGroup and (not self.groups or self.groups[-1].name is not None):
                self.groups.append(Group(None, []))
            self.groups[-1].addresses.append(address)
        self._reset()

    def _address(self) -> Address | None:
        comment = None if self._comment is None else _clean(self._decode(self._comment))
        if self._route is not None:
            return Address(self._phrase() or comment, _spec(self._route))
        spec = _spec(self._words)
        return Address(comment, spec) if spec else None

    def _phrase(self) -> str | None:
        """
        The display name. Encoded words are decoded outside of quotes only (RFC 2047, section 5).
        """
        pieces: list[str] = []
        unquoted: list[str] = []
        for token in self._words:
            space = " " if token.apart and (pieces or unquoted) else ""
            if token.kind == "quoted":
                pieces.append(self._decode("".join(unquoted)))
                unquoted = []
                pieces.append(space + token.text)
            else:
                unquoted.append(space + token.text)
        pieces.append(self._decode("".join(unquoted)))
        return _clean("".join(pieces))


def _spec(parts: list[_Token]) -> str:
    """
    @return: an addr-spec, or whatever stands in its place.
    """
    quote = {"quoted": '"{}"', "literal": "[{}]"}
    joined = "".join(
        (" " if part.apart and part.kind == "word" and _needsSpace(parts, index) else "")
        + quote.get(part.kind, "{}").format(_escaped(part))
        for index, part in enumerate(parts)
    )
    return joined.strip()


def _needsSpace(parts: list[_Token], index: int) -> bool:
    """
    Whether white space before a word is more than folding around C{.} and C{@}.
    """
    if index == 0:
        return False
    before, word = parts[index - 1].text, parts[index].text
    return before[-1:] not in (".", "@") and word[0] not in (".", "@")


def _escaped(part: _Token) -> str:
    if part.kind != "quoted":
        return part.text
    return part.text.replace("\\", "\\\\").replace('"', '\\"')


def parseAddressList(text: str, decode: Callable[[str], str]) -> list[Group]:
    """
    @param text: an unfolded header field value.
    @param decode: decodes encoded words (RFC 2047).

    @return: its mailboxes, by group (RFC 8621, section 4.1.2.4).
    """
    parser = _Parser(decode)
    for token in tokens(text):
        parser.feed(token)
    parser.endMailbox()
    return parser.groups
