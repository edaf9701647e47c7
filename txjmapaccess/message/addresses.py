# -*- test-case-name: tests.message.test_addresses -*-
"""
Address lists (RFC 5322, section 3.4), valid or not: every input has a result, in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from txjmapaccess.message.tokens import Token, tokens

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


def _clean(name: str) -> str | None:
    return _SPACE.sub(" ", name).strip() or None


class _AddressParser:
    """
    Collects tokens until a comma, colon or semicolon says what they were.
    """

    def __init__(self, decode: Callable[[str], str]) -> None:
        self.groups: list[Group] = []
        self._decode = decode
        self._inGroup = False
        self._reset()

    def _reset(self) -> None:
        self._words: list[Token] = []
        self._route: list[Token] | None = None
        self._inBrackets = False
        self._comment: str | None = None

    def feed(self, token: Token) -> None:
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

    def _bracketed(self, token: Token) -> None:
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


def _spec(parts: list[Token]) -> str:
    """
    @return: an addr-spec, or the text in its place.
    """
    quote = {"quoted": '"{}"', "literal": "[{}]"}
    joined = "".join(
        (" " if part.apart and part.kind == "word" and _needsSpace(parts, index) else "")
        + quote.get(part.kind, "{}").format(_escaped(part))
        for index, part in enumerate(parts)
    )
    return joined.strip()


def _needsSpace(parts: list[Token], index: int) -> bool:
    """
    Whether white space before a word is more than folding around C{.} and C{@}.
    """
    if index == 0:
        return False
    before, word = parts[index - 1].text, parts[index].text
    return before[-1:] not in (".", "@") and word[0] not in (".", "@")


def _escaped(part: Token) -> str:
    if part.kind != "quoted":
        return part.text
    return part.text.replace("\\", "\\\\").replace('"', '\\"')


def parseAddressList(text: str, decode: Callable[[str], str]) -> list[Group]:
    """
    @param text: an unfolded header field value.
    @param decode: decodes encoded words (RFC 2047).

    @return: its mailboxes, by group (RFC 8621, section 4.1.2.4).
    """
    parser = _AddressParser(decode)
    for token in tokens(text):
        parser.feed(token)
    parser.endMailbox()
    return parser.groups
