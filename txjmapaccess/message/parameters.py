# -*- test-case-name: tests.message.test_parameters -*-
"""
Values with parameters: Content-Type, Content-Disposition (RFC 2045, section 5.1; RFC 2183), and
parameters in pieces and in other charsets (RFC 2231).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from txjmapaccess.message.encodedwords import encodeWords
from txjmapaccess.message.headers import unfolded
from txjmapaccess.message.text import knownCharset
from txjmapaccess.message.tokens import enclosed

_VALUE = re.compile(r"[^\s/;\"()=]+(?:\s*/\s*[^\s/;\"()=]+)*")
_TYPE = re.compile(r"([^\s/]+)\s*/\s*([^\s/]+)")
_NAME = re.compile(r"[^\s;=\"()\\]+")
_UNQUOTED = re.compile(r"[^;\"]*")
_SPACE = re.compile(r"\s*")
_END = re.compile(r"[^;]*")
#: A comment behind a value; file names have parentheses that are none.
_COMMENT = re.compile(r"\s\(.*", re.DOTALL)
_PIECE = re.compile(r"(.+?)(?:\*([0-9]{1,9}))?(\*)?\Z", re.DOTALL)
_PLAIN_NAME = re.compile(r"[!#-'*+.0-9A-Z^-~-]+")
_NOT_PLAIN = re.compile(r"[^!#-:<-\[\]-~ ]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

#: The type of a part without a valid Content-Type (RFC 2045, section 5.2).
PLAIN_TEXT = "text/plain; charset=us-ascii"


class Parameterized(NamedTuple):
    """
    A value with parameters.

    @ivar value: as it is written, but without comments.
    @ivar parameters: names and values in order, quoted pairs decoded, as RFC 2231 cuts them.
    """

    value: str
    parameters: list[tuple[str, str]]

    def decoded(self) -> dict[str, str]:
        """
        @return: the parameters by name in lower case, joined and decoded. The first of a name
            counts; what is encoded counts more than what is not (RFC 6266, section 4.3).
        """
        plain: dict[str, str] = {}
        pieces: dict[str, dict[int, tuple[str, bool]]] = {}
        for written, value in self.parameters:
            match = _PIECE.match(written.lower())
            assert match is not None
            name, number, isEncoded = match.groups()
            if number is None and not isEncoded:
                plain.setdefault(name, value)
            else:
                index = int(number or 0)
                pieces.setdefault(name, {}).setdefault(index, (value, bool(isEncoded)))
        joined = ((name, _joined(found)) for name, found in pieces.items())
        return {**plain, **{name: value for name, value in joined if value is not None}}


def _joined(pieces: dict[int, tuple[str, bool]]) -> str | None:
    """
    @return: the value of a parameter in pieces (RFC 2231, section 3), or L{None} when it has none.
    """
    first, isEncoded = pieces[min(pieces)]
    charset = "utf-8"
    if isEncoded and first.count("'") >= 2:
        charset, _, first = first.split("'", 2)
    if _CONTROL.search(charset):
        return None
    octets = b""
    values = [(first, isEncoded), *(pieces[number] for number in sorted(pieces)[1:])]
    octets = b"".join(
        unquote_to_bytes(value) if isEncoded else value.encode("utf-8", "surrogateescape")
        for value, isEncoded in values
    )
    return octets.decode(knownCharset(charset) or "utf-8", "replace")


def parseParameters(raw: bytes) -> Parameterized:
    """
    @param raw: the value of a field. No value fails, and each takes linear time. Octets above ASCII
        that are not UTF-8 become surrogates (C{surrogateescape}).
    """
    text = unfolded(raw.decode("utf-8", "surrogateescape"))
    position = _blanks(text, 0)
    match = _VALUE.match(text, position)
    value = "".join(match.group().split()) if match else ""
    position = match.end() if match else position
    parameters: list[tuple[str, str]] = []
    while (position := _blanks(text, position)) < len(text):
        if text[position] == ";":
            position += 1
            continue
        name = _NAME.match(text, position)
        after = _blanks(text, name.end()) if name else position
        if name is None or text[after : after + 1] != "=":
            # What is no parameter, or has no value.
            end = _END.match(text, position)
            position = end.end() if end and name is None else max(after, position + 1)
            continue
        found, position = _parameterValue(text, _blanks(text, after + 1), name.group())
        if found is not None:
            parameters.append((name.group(), found))
    return Parameterized(value, parameters)


def _parameterValue(text: str, position: int, name: str) -> tuple[str | None, int]:
    if text[position : position + 1] == '"':
        value, end = enclosed(text, position, '"')
        behind = _blanks(text, end)
        isClosed = text[end - 1] == '"' and end - position > 1 and text[behind : behind + 1] in ";"
        return (value if isClosed else None), max(behind, position + 1)
    match = _UNQUOTED.match(text, position)
    assert match is not None
    value = match.group().strip()
    if not name.lower().startswith(("name", "filename")):
        value = value.partition("(")[0].strip()
    if text[match.end() : match.end() + 1] == '"':
        return None, match.end() + 1
    return _COMMENT.sub("", value), match.end()


def _blanks(text: str, position: int) -> int:
    """
    @return: where white space and comments end.
    """
    while True:
        match = _SPACE.match(text, position)
        assert match is not None
        position = match.end()
        if text[position : position + 1] != "(":
            return position
        position = enclosed(text, position, ")", "(")[1]


def mediaType(value: str) -> str | None:
    """
    @return: C{main/sub} in lower case, or L{None} for what is no media type.
    """
    match = _TYPE.fullmatch(value)
    return f"{match.group(1)}/{match.group(2)}".lower() if match else None


def plainContentType(raw: bytes | None, default: str) -> str:
    """
    A Content-Type for simple parsers, like that of Twisted, which knows no quoted C{;}.

    @param raw: a Content-Type as it is in a message.
    @param default: the type when it is missing or invalid (RFC 2045, section 5.2).

    @return: the type and its parameters in the form C{main/sub; name="value"}, in ASCII.
    """
    made = _plainContentType if raw is None or len(raw) < 200 else _plainContentType.__wrapped__
    return made(raw, default)


@lru_cache(256)
def _plainContentType(raw: bytes | None, default: str) -> str:
    # Most messages share a few of them.
    parsed = parseParameters(encodeWords(raw or default.encode("ascii")).encode("ascii"))
    main = mediaType(parsed.value)
    fields = [main if main and main.isprintable() else default.partition(";")[0]]
    for name, value in parsed.parameters:
        if value and _PLAIN_NAME.fullmatch(name):
            fields.append(f'{name}="{_NOT_PLAIN.sub("_", value)}"')
    return "; ".join(fields)
