# -*- test-case-name: tests.message.test_encodedwords -*-
"""
Encoded words (RFC 2047), both ways. Where they are decoded: L{tests.jmap.test_headerproperties}.
"""

from __future__ import annotations

from email.header import decode_header, make_header

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.message.encodedwords import decodeWords, encodeWords


class EncodedWordTests(SynchronousTestCase):
    """
    L{encodeWords} and L{decodeWords}.
    """

    def test_encodedWords(self) -> None:
        """
        Raw UTF-8 in a header becomes encoded words (RFC 2047) that say the same.
        """
        text = encodeWords("Jörg <joerg@example.com>".encode())
        self.assertEqual(str(make_header(decode_header(text))), "Jörg <joerg@example.com>")
        self.assertEqual(encodeWords(b"J\xf6rg"), "=?unknown-8bit?b?SvZyZw==?=")

    def test_blanks(self) -> None:
        """
        Blanks between words survive (section 6.2), beside words that were encoded before, too.
        """
        for text in ("gr\xfcn \xfc \xe4", "a \xfc  \xe4 b", "\xfc, \xe4"):
            self.assertEqual(decodeWords(encodeWords(text.encode()), anywhere=True), text)
        self.assertEqual(decodeWords(encodeWords("=?utf-8?q?a?= \xfc".encode())), "a \xfc")

    @given(st.text(alphabet="a\xfc\u2600 =?,"))
    def test_bothWays(self, text: str) -> None:
        """
        What was encoded is decoded again.
        """
        encoded = encodeWords(text.encode())
        self.assertTrue(encoded.isascii())
        if "=?" not in text:
            self.assertEqual(decodeWords(encoded, anywhere=True), text)

    def test_anywhere(self) -> None:
        """
        For a search, words are decoded where they should not stand, too.
        """
        self.assertEqual(decodeWords('"=?utf-8?q?=C3=BC?="', anywhere=True), '"\xfc"')
        self.assertEqual(decodeWords('"=?utf-8?q?=C3=BC?="'), '"=?utf-8?q?=C3=BC?="')
