# -*- test-case-name: tests.message.test_text -*-
"""
Text, from octets to the form in which texts are compared.
"""

from __future__ import annotations

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.message.text import comparable, decodeText, decodeTransfer


class ComparableTests(SynchronousTestCase):
    """
    L{comparable}.
    """

    def test_normalForms(self) -> None:
        """
        Whatever the normal form and the case of letters, a character is compared as the same.
        """
        for number in range(0, sys.maxunicode, 7):
            character = chr(number)
            expected = comparable(character)
            for form in ("NFC", "NFD", "NFKC", "NFKD"):
                self.assertEqual(comparable(unicodedata.normalize(form, character)), expected)
            self.assertEqual(comparable(expected), expected, hex(number))

    @given(st.text())
    def test_again(self, text: str) -> None:
        """
        What can be compared stays as it is.
        """
        self.assertEqual(comparable(comparable(text)), comparable(text))

    def test_lineEnds(self) -> None:
        """
        Line ends are the same, however they are written.
        """
        self.assertEqual(comparable("A\r\nB"), "a\nb")


class TransferTests(SynchronousTestCase):
    """
    L{decodeTransfer}.
    """

    def test_base64(self) -> None:
        """
        What is not in the alphabet is nothing (RFC 2045, section 6.8), and reported.
        """
        for octets, decoded, isBroken in (
            (b"SGk=\r\n", b"Hi", False),
            (b"S*Gk=", b"Hi", True),
            (b"SGk", b"Hi", True),
            (b"SGkgY", b"Hi ", True),
            (b"", b"", False),
        ):
            self.assertEqual(decodeTransfer(octets, "base64"), (decoded, isBroken), octets)

    def test_quotedPrintable(self) -> None:
        """
        Soft line breaks and blanks at the end of a line are nothing (RFC 2045, section 6.7).
        """
        for octets, decoded in (
            (b"a=3Db=\r\n", b"a=b"),
            (b"a= \t\r\nb \nc\t", b"ab\nc"),
            (b"a=XYb=", b"a=XYb"),
        ):
            self.assertEqual(decodeTransfer(octets, "quoted-printable"), (decoded, False), octets)

    @given(st.binary(), st.sampled_from(["base64", "quoted-printable", "", "x"]))
    def test_anything(self, octets: bytes, encoding: str) -> None:
        """
        No octets make it fail, in any charset.
        """
        content, _ = decodeTransfer(octets, encoding)
        for charset in ("utf-8", "utf-7", "utf-16", "iso-2022-jp", "hz", "big5", "x", "a\0"):
            decodeText(content, charset)[0].encode("utf-8")
