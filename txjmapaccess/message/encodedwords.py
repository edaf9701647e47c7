# -*- test-case-name: tests.message.test_encodedwords -*-
"""
Encoded words (RFC 2047), both ways.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Sequence

from txjmapaccess.message.text import knownCharset, wellFormed

_WORD = r"=\?[!-<>@-~]+\?[bBqQ]\?[!->@-~]*\?="
#: Encoded words with nothing but white space between them, as tokens of their own.
_RUN = re.compile(rf"(?<!\S){_WORD}(?:\s+{_WORD})*(?!\S)")
_RUN_ANYWHERE = re.compile(rf"{_WORD}(?:\s*{_WORD})*")
_ONE = re.compile(_WORD)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: What has a meaning in addresses, and white space.
_BETWEEN = re.compile(rb'([\s<>(),;:"@\\]+)')
#: For an unknown charset (RFC 1428, section 3). UTF-8 is the best guess.
_UNKNOWN = "unknown-8bit"


def decodeWords(text: str, anywhere: bool = False) -> str:
    """
    Decode encoded words.

    @param text: a value, unfolded.
    @param anywhere: whether to decode also words where RFC 2047, section 5 does not allow them: in
        quotes, beside a parenthesis, within words. Many programs write such.
    """
    if "=?" not in text:
        return text
    run = _RUN_ANYWHERE if anywhere else _RUN
    return run.sub(lambda match: _decodeRun(_ONE.findall(match.group())), text)


def _decodeRun(words: Sequence[str]) -> str:
    """
    Adjacent encoded words. Their octets are joined first, because some senders cut characters in
    two.
    """
    runs: list[tuple[str, list[bytes]]] = []
    for word in words:
        _, charset, encoding, encoded, _ = word.split("?")
        charset = charset.partition("*")[0].lower()
        octets = _decodeWord(encoding, encoded)
        known = "utf-8" if charset == _UNKNOWN else knownCharset(charset)
        if octets is None or known is None:
            # As it stands: better than nothing.
            known, octets = "ascii", word.encode("ascii")
        if runs and runs[-1][0] == known:
            runs[-1][1].append(octets)
        else:
            runs.append((known, [octets]))
    text = "".join(b"".join(octets).decode(charset, "replace") for charset, octets in runs)
    return _CONTROL.sub("", wellFormed(text))


def _decodeWord(encoding: str, encoded: str) -> bytes | None:
    if encoding in "qQ":
        return quopri.decodestring(encoded.encode("ascii"), header=True)
    try:
        return binascii.a2b_base64(encoded + "=" * (-len(encoded) % 4))
    except binascii.Error:
        return None


def encodeWords(value: bytes) -> str:
    """
    @param value: the value of a field, as it is in a message.

    @return: the value in which each word that is not ASCII is an encoded word. Blanks between two
        encoded words, which do not count (RFC 2047, section 6.2), are put into one of them.
    """
    if value.isascii():
        return value.decode("ascii")
    pieces: list[str] = []
    ours: list[bytes] = []  # What goes into one encoded word.
    between, followsWord = b"", False
    for number, piece in enumerate(_BETWEEN.split(value)):
        if number % 2:
            between = piece
        elif piece.isascii():
            pieces += [_encodedWord(ours), between.decode("ascii"), piece.decode("ascii")]
            ours = []
            followsWord = _ONE.fullmatch(pieces[-1]) is not None
        elif between.isspace() and (ours or followsWord):
            if not ours:
                pieces.append(between.decode("ascii"))
            ours += [between.replace(b"\r", b"").replace(b"\n", b""), piece]
        else:
            pieces += [_encodedWord(ours), between.decode("ascii")]
            ours = [piece]
    return "".join([*pieces, _encodedWord(ours)])


def _encodedWord(pieces: list[bytes]) -> str:
    if not pieces:
        return ""
    word = b"".join(pieces)
    try:
        word.decode("utf-8")
        charset = "utf-8"
    except UnicodeDecodeError:
        charset = _UNKNOWN
    return f"=?{charset}?b?{base64.b64encode(word).decode('ascii')}?="
