# -*- test-case-name: tests.imap.test_fetchcommand -*-
"""
The message data items of FETCH (RFC 3501, sections 6.4.5 and 9; RFC 8474, section 7).

Items are those of Twisted's own parser, so that a FETCH which another server overrides finds what
it expects; sections and object identifiers are added to them.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.mail.imap4 import _FetchParser

from txjmapaccess.imap.grammar import SyntaxProblem

_NAME = re.compile(rb"[A-Za-z0-9.]+")
_SECTION = re.compile(
    rb"\[(?P<part>[1-9]\d{0,4}(?:\.[1-9]\d{0,4})*)?(?P<dot>\.)?"
    rb"(?:(?P<text>HEADER|TEXT|MIME)|HEADER\.FIELDS(?P<not>\.NOT)? \((?P<fields>[^()]+)\))?\]"
    rb"(?:<(?P<begin>\d{1,10})\.(?P<length>[1-9]\d{0,9})>)?",
    re.IGNORECASE,
)
_FIELD = re.compile(rb'"([^"\\\x00-\x1f\x7f-\xff]+)"|([^\x00-\x20\x7f-\xff(){%*"\\]+)')

_TwistedParser: Any = _FetchParser


class EmailID:
    """
    EMAILID.
    """

    type = "emailid"


class ThreadID:
    """
    THREADID.
    """

    type = "threadid"


class Section(_TwistedParser.Body):  # type: ignore[misc]
    """
    BODY[section] or BODY.PEEK[section].

    @ivar label: how the response names it, without C{<origin>}.
    @ivar fields: of C{HEADER.FIELDS}, L{str} in lower case.
    """

    def __init__(self, match: re.Match[bytes], peek: bool) -> None:
        self.peek = peek
        self.part = tuple(int(n) - 1 for n in (match["part"] or b"").split(b".") if n)
        word = (match["text"] or b"").upper()
        self.fields = _parseFields(match["fields"]) if match["fields"] else []
        self.label = b"BODY[" + b".".join(self._labels(match, word)) + b"]"
        if match["dot"] and (not self.part or not (word or self.fields)):
            raise SyntaxProblem("Malformed section")
        if self.part and (word or self.fields) and not match["dot"]:
            raise SyntaxProblem("Malformed section")
        if word == b"MIME" and not self.part:
            raise SyntaxProblem("MIME requires a part number")
        if word == b"HEADER" or self.fields:
            self.header = _TwistedParser.Header()
            self.header.negate = not self.fields or bool(match["not"])
            self.header.fields = [field.upper().encode("ascii") for field in self.fields]
        self.text = _TwistedParser.Text() if word == b"TEXT" else None
        self.mime = _TwistedParser.MIME() if word == b"MIME" else None
        self.empty = not word and not self.fields
        if match["begin"] is not None:
            self.partialBegin = int(match["begin"])
            self.partialLength = int(match["length"])

    def _labels(self, match: re.Match[bytes], word: bytes) -> list[bytes]:
        labels = [match["part"]] if match["part"] else []
        if word:
            labels.append(word)
        elif match["fields"]:
            name = b"HEADER.FIELDS" + (match["not"] or b"").upper()
            labels.append(name + b" (" + match["fields"].strip() + b")")
        return labels


def _parseFields(text: bytes) -> list[str]:
    fields = []
    for field in text.split(b" "):
        match = _FIELD.fullmatch(field)
        if match is None:
            raise SyntaxProblem("Malformed list of header fields")
        fields.append((match[1] or match[2]).decode("ascii").lower())
    return fields


_ITEMS: dict[bytes, Any] = {
    b"ENVELOPE": _TwistedParser.Envelope,
    b"FLAGS": _TwistedParser.Flags,
    b"INTERNALDATE": _TwistedParser.InternalDate,
    b"RFC822": _TwistedParser.RFC822,
    b"RFC822.HEADER": _TwistedParser.RFC822Header,
    b"RFC822.SIZE": _TwistedParser.RFC822Size,
    b"RFC822.TEXT": _TwistedParser.RFC822Text,
    b"UID": _TwistedParser.UID,
    b"BODY": _TwistedParser.Body,
    b"BODYSTRUCTURE": _TwistedParser.BodyStructure,
    b"EMAILID": EmailID,
    b"THREADID": ThreadID,
}
_FAST = (b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE")
_MACROS = {
    b"FAST": _FAST,
    b"ALL": (*_FAST, b"ENVELOPE"),
    b"FULL": (*_FAST, b"ENVELOPE", b"BODY"),
}


def parseFetchItems(text: bytes) -> list[Any]:
    """
    @return: the items, each with a C{type} for C{spew_TYPE}.

    @raise SyntaxProblem: for what is no item, or none that is known.
    """
    text = text.rstrip(b" ")
    macro = _MACROS.get(text.upper())
    if macro is not None:
        return [_ITEMS[name]() for name in macro]
    isList = text[:1] == b"("
    if isList:
        if text[-1:] != b")":
            raise SyntaxProblem("Missing parenthesis")
        text = text[1:-1]
    items = []
    while True:
        item, text = _parseItem(text)
        items.append(item)
        if not text:
            return items
        if not isList or text[:1] != b" ":
            raise SyntaxProblem("Malformed list of data items")
        text = text[1:]


def _parseItem(text: bytes) -> tuple[Any, bytes]:
    name = _NAME.match(text)
    if name is None:
        raise SyntaxProblem("Missing data item")
    word, rest = name[0].upper(), text[name.end() :]
    if rest[:1] == b"[" and word in (b"BODY", b"BODY.PEEK"):
        match = _SECTION.match(rest)
        if match is None:
            raise SyntaxProblem("Malformed section")
        return Section(match, peek=word == b"BODY.PEEK"), rest[match.end() :]
    if word not in _ITEMS:
        raise SyntaxProblem("Unknown data item")
    return _ITEMS[word](), rest


def fetchItems(connection: Any, line: bytes) -> tuple[list[Any], bytes]:
    """
    The last argument of FETCH.
    """
    items = parseFetchItems(line)
    if b"OBJECTID" not in connection._jmaSettings.offered and any(
        isinstance(item, (EmailID, ThreadID)) for item in items
    ):
        raise SyntaxProblem("Unknown data item")
    return items, b""
