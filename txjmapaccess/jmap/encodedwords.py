# -*- test-case-name: tests.jmap.test_headers -*-
"""
Encoded words (RFC 2047), and the charsets that Python knows. Pure functions.
"""

from __future__ import annotations

import binascii
import codecs
import quopri
import re
from collections.abc import Sequence

_ENCODED = r"=\?[!-<>@-~]+\?[bBqQ]\?[!->@-~]*\?="
#: Encoded words with nothing but white space between them, as tokens of their own.
_ENCODED_RUN = re.compile(rf"(?<!\S){_ENCODED}(?:\s+{_ENCODED})*(?!\S)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: Codecs of Python that make text of octets and are no charsets of mail.
_NO_CHARSETS = frozenset(
    ("idna", "punycode", "unicode_escape", "unicode-escape", "raw_unicode_escape", "undefined")
) | {"raw-unicode-escape", "mbcs", "oem"}


def decodeWords(text: str) -> str:
    """
    Decode encoded words where RFC 2047, section 5 allows them.
    """
    return _ENCODED_RUN.sub(lambda match: _decodeRun(match.group().split()), text)


def _decodeRun(words: Sequence[str]) -> str:
    """
    Adjacent encoded words. Their octets are joined first, because there are senders that cut
    through characters.
    """
    runs: list[tuple[str, bytes]] = []
    for word in words:
        _, charset, encoding, encoded, _ = word.split("?")
        charset = charset.partition("*")[0].lower()
        octets = _decodeWord(encoding, encoded)
        if octets is None or knownCharset(charset) is None:
            # As it stands: better than nothing.
            charset, octets = "ascii", word.encode("ascii")
        if runs and runs[-1][0] == charset:
            octets = runs.pop()[1] + octets
        runs.append((charset, octets))
    text = "".join(octets.decode(charset, "replace") for charset, octets in runs)
    return _CONTROL.sub("", text)


def _decodeWord(encoding: str, encoded: str) -> bytes | None:
    if encoding in "qQ":
        return quopri.decodestring(encoded.encode("ascii"), header=True)
    try:
        return binascii.a2b_base64(encoded + "=" * (-len(encoded) % 4))
    except binascii.Error:
        return None


def knownCharset(charset: str) -> str | None:
    """
    @return: Python's name of a charset, or L{None} for one that it does not have. (Not all of its
        codecs are charsets.)
    """
    try:
        found = codecs.lookup(charset)
    except (LookupError, ValueError):
        return None
    isCharset = getattr(found, "_is_text_encoding", True) and found.name not in _NO_CHARSETS
    return found.name if isCharset else None
