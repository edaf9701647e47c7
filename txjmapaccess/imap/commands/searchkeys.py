# -*- test-case-name: tests.imap.test_searchcommand -*-
"""
The keys of SEARCH (RFC 3501, section 6.4.4; RFC 8474, section 6): from tokens to a tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

from txjmapaccess.imap.grammar import SyntaxProblem
from txjmapaccess.imap.literals import CLOSE, OPEN, Parenthesis, String
from txjmapaccess.imap.sequenceset import parseSequenceSet
from txjmapaccess.message.dates import parseIMAPDate
from txjmapaccess.message.text import comparable
from txjmapaccess.store.objectids import isObjectID

_DEEPEST = 40


class Key(NamedTuple):
    """
    A search key.

    @ivar name: C{AND}, C{OR} and C{NOT}, with a tuple of keys; C{ALL}; C{FLAG}, with a flag;
        C{SEQUENCE} and C{UID}, with a sequence set; C{HEADER}, with a field's name in lower case
        and a text; C{BODY} and C{TEXT}, with a text; C{LARGER} and C{SMALLER}, with octets;
        C{BEFORE}, C{ON}, C{SINCE} and the same with C{SENT}, with a date; C{EMAILID} and
        C{THREADID}; C{AMONG}, with a set of UIDs, which no client sends.
    """

    name: str
    value: Any = None


class Query(list):  # type: ignore[type-arg]
    """
    The keys as Twisted has them, nested lists of L{bytes}, for those who search by themselves
    (L{twisted.mail.interfaces.ISearchableIMAPMailbox}).

    @ivar tokens: what they were made from.
    """

    def __init__(self, tokens: Sequence[bytes]) -> None:
        super().__init__(_nested(iter(tokens)))
        self.tokens = tokens


def _nested(tokens: Iterator[bytes]) -> list[Any]:
    stack: list[list[Any]] = [[]]
    for token in tokens:
        if token is OPEN:
            stack.append([])
        elif token is not CLOSE:
            stack[-1].append(bytes(token))
        elif len(stack) > 1:
            inner = stack.pop()
            stack[-1].append(inner)
        else:
            raise SyntaxProblem("Parentheses do not match")
    if len(stack) != 1:
        raise SyntaxProblem("Parentheses do not match")
    return stack[0]


def both(*keys: Key) -> Key:
    """
    @return: what all of C{keys} match.
    """
    return keys[0] if len(keys) == 1 else Key("AND", keys)


def no(key: Key) -> Key:
    """
    @return: what C{key} does not match.
    """
    return Key("NOT", (key,))


_SIMPLE = {
    "ALL": Key("ALL"),
    "ANSWERED": Key("FLAG", "\\answered"),
    "DELETED": Key("FLAG", "\\deleted"),
    "DRAFT": Key("FLAG", "\\draft"),
    "FLAGGED": Key("FLAG", "\\flagged"),
    "RECENT": Key("FLAG", "\\recent"),
    "SEEN": Key("FLAG", "\\seen"),
}
_SIMPLE.update({"UN" + name: no(key) for name, key in _SIMPLE.items() if name != "ALL"})
del _SIMPLE["UNRECENT"]
_SIMPLE["OLD"] = no(_SIMPLE["RECENT"])
_SIMPLE["NEW"] = both(_SIMPLE["RECENT"], _SIMPLE["UNSEEN"])

_FIELDS = ("BCC", "CC", "FROM", "SUBJECT", "TO")
_TEXTS = ("BODY", "TEXT")
_NUMBERS = ("LARGER", "SMALLER")
_DATES = ("BEFORE", "ON", "SINCE", "SENTBEFORE", "SENTON", "SENTSINCE")
_IDENTIFIERS = ("EMAILID", "THREADID")


class _SearchKeyParser:
    def __init__(self, tokens: Sequence[bytes], decode: Callable[[bytes], str]) -> None:
        self._tokens = list(tokens)
        self._position = 0
        self._depth = 0
        self._decode = decode

    def all(self) -> Key:
        keys = [self._key()]
        while self._position < len(self._tokens):
            keys.append(self._key())
        return both(*keys)

    def _next(self) -> bytes:
        if self._position == len(self._tokens):
            raise SyntaxProblem("Missing search key")
        self._position += 1
        return self._tokens[self._position - 1]

    def _key(self) -> Key:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise SyntaxProblem("Search keys are nested too deeply")
        token = self._next()
        if token is OPEN:
            key = self._group()
        elif isinstance(token, (String, Parenthesis)):
            raise SyntaxProblem("Malformed search key")
        elif token[:1].isdigit() or token[:1] == b"*":
            parseSequenceSet(token)
            key = Key("SEQUENCE", token)
        else:
            key = self._named(token.decode("ascii").upper())
        self._depth -= 1
        return key

    def _group(self) -> Key:
        keys = [self._key()]
        while self._position < len(self._tokens) and self._tokens[self._position] is not CLOSE:
            keys.append(self._key())
        if self._next() is not CLOSE:
            raise SyntaxProblem("Parentheses do not match")
        return both(*keys)

    def _named(self, name: str) -> Key:
        if name in _SIMPLE:
            return _SIMPLE[name]
        if name == "NOT":
            return no(self._key())
        if name == "OR":
            return Key("OR", (self._key(), self._key()))
        if name in _FIELDS:
            return Key("HEADER", (name.lower(), self._text()))
        if name == "HEADER":
            return Key("HEADER", (self._text(), self._text()))
        if name in _TEXTS:
            return Key(name, self._text())
        if name in ("KEYWORD", "UNKEYWORD"):
            flag = Key("FLAG", self._atom().lower())
            return flag if name == "KEYWORD" else no(flag)
        return self._withWord(name)

    def _withWord(self, name: str) -> Key:
        if name in _NUMBERS:
            word = self._atom()
            if not word.isdigit() or len(word) > 20:
                raise SyntaxProblem("Malformed number")
            return Key(name, int(word))
        if name in _DATES:
            return Key(name, _day(self._word()))
        if name in _IDENTIFIERS:
            word = self._word()
            if not isObjectID(word):
                raise SyntaxProblem("Invalid object identifier")
            return Key(name, word)
        if name == "UID":
            uids = self._atom().encode("ascii")
            parseSequenceSet(uids)
            return Key(name, uids)
        raise SyntaxProblem("Unknown search key")

    def _atom(self) -> str:
        token = self._next()
        if isinstance(token, (String, Parenthesis)):
            raise SyntaxProblem("Malformed argument of a search key")
        return token.decode("ascii")

    def _word(self) -> str:
        token = self._next()
        if isinstance(token, Parenthesis) or not token.isascii():
            raise SyntaxProblem("Malformed argument of a search key")
        return token.decode("ascii")

    def _text(self) -> str:
        token = self._next()
        if isinstance(token, Parenthesis):
            raise SyntaxProblem("Malformed argument of a search key")
        try:
            return comparable(self._decode(token))
        except UnicodeDecodeError:
            raise SyntaxProblem("A string is not valid in the charset") from None


def _day(text: str) -> date:
    try:
        return parseIMAPDate(text)
    except ValueError:
        raise SyntaxProblem("Malformed date") from None


def parseKeys(tokens: Sequence[bytes], charset: str = "utf-8") -> Key:
    """
    @param charset: of the texts in the keys.

    @raise SyntaxProblem: for what is no search program.
    """
    return _SearchKeyParser(tokens, lambda text: text.decode(charset)).all()
