# -*- test-case-name: tests.message.test_text -*-
"""
Text: from octets with a transfer encoding (RFC 2045, section 6) and a charset to characters, and to
the form in which texts are compared.
"""

from __future__ import annotations

import binascii
import codecs
import re
import unicodedata

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BLANKS = b" \t\r\n"
_BLANKS_AT_END = (b" \n", b"\t\n", b" \r\n", b"\t\r\n")
_SURROGATE = re.compile("[\ud800-\udfff]")
_IDENTITY = frozenset(("", "7bit", "8bit", "binary"))
#: Codecs of Python that make text of octets and are no charsets of mail.
_NO_CHARSETS = frozenset(
    ("idna", "punycode", "unicode_escape", "unicode-escape", "raw_unicode_escape", "undefined")
) | {"raw-unicode-escape", "mbcs", "oem"}


def comparable(text: str) -> str:
    """
    The form in which a search over any protocol compares texts: without case, compatible
    characters being the same (like C{i;unicode-casemap}, RFC 5051), but composed, so that a letter
    is not found in the same letter with a mark.
    """
    if text.isascii():
        folded = text.lower()
    else:
        # Decomposed first: what is folded depends on the order of marks.
        folded = unicodedata.normalize("NFKD", text).casefold()
        folded = unicodedata.normalize("NFKC", folded)
    return folded.replace("\r\n", "\n") if "\r" in folded else folded


def decodeTransfer(octets: bytes, encoding: str) -> tuple[bytes, bool]:
    """
    @param encoding: the transfer encoding, in lower case. An unknown one changes nothing.

    @return: the octets without it, and whether there was anything malformed or unknown.
    """
    if encoding == "base64":
        return _decodeBase64(octets)
    if encoding == "quoted-printable":
        return _decodeQuotedPrintable(octets), False
    return octets, encoding not in _IDENTITY


def _decodeBase64(octets: bytes) -> tuple[bytes, bool]:
    # What is not in the alphabet is nothing (RFC 2045, section 6.8); padding ends it.
    isBroken = bool(octets.translate(None, _BASE64 + b"=" + _BLANKS))
    try:
        return binascii.a2b_base64(octets), isBroken
    except binascii.Error:
        letters = octets.translate(None, _NOT_BASE64)
        letters = letters[: len(letters) - (len(letters) % 4 == 1)]
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4)), True


_NOT_BASE64 = bytes(sorted(set(range(256)) - set(_BASE64)))


def _decodeQuotedPrintable(octets: bytes) -> bytes:
    if any(blank in octets for blank in _BLANKS_AT_END) or octets[-1:] in (b" ", b"\t"):
        # Blanks at the end of a line are nothing (RFC 2045, section 6.7, rule 3).
        lines = octets.split(b"\n")
        octets = b"\n".join(
            line[:-1].rstrip(b" \t") + b"\r" if line[-1:] == b"\r" else line.rstrip(b" \t")
            for line in lines
        )
    return binascii.a2b_qp(octets)


def knownCharset(charset: str) -> str | None:
    """
    @return: Python's name of a charset, or L{None} for an unknown one. (Not all of Python's codecs
        are charsets.)
    """
    try:
        found = codecs.lookup(charset.strip(" \t'\""))
    except (LookupError, ValueError):
        return None
    isCharset = getattr(found, "_is_text_encoding", True) and found.name not in _NO_CHARSETS
    return found.name if isCharset else None


def decodeText(octets: bytes, charset: str) -> tuple[str, bool]:
    """
    @param charset: as a message says it.

    @return: the text, with LF line ends, and whether anything in it was malformed or the charset
        unknown. Then it is taken for UTF-8, and so is what says that it is ASCII and is not.
    """
    known = knownCharset(charset)
    isBroken = known is None
    try:
        text = octets.decode(known or "ascii")
    except (UnicodeError, ValueError):
        isBroken = True
        text = octets.decode("utf-8" if known in (None, "ascii") else known, "replace")
    return wellFormed(text.replace("\r\n", "\n") if "\r" in text else text), isBroken


def wellFormed(text: str) -> str:
    """
    @return: C{text} without surrogates, which cannot be sent (UTF-7 has them): U+FFFD stands for
        them.
    """
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text


def normalForm(text: str) -> str:
    """
    @return: C{text} in Normalization Form C, as it is shown (RFC 8621, section 4.1.2.2).
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)
