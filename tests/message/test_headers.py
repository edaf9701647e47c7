# -*- test-case-name: tests.message.test_headers -*-
"""
Header fields, as they stand in a message.
"""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.message.headers import endOfHeader, firstValue, splitFields, unfolded

BLOCK = (
    b"Received: from b\r\n\tby c\r\nReceived: from a\r\nSubject: x\r\n y\r\nTo:z\r\n"
    b"From nobody\r\n of consequence\r\nX-Empty:\r\n\r\n"
)


class FieldTests(SynchronousTestCase):
    """
    L{splitFields}.
    """

    def test_split(self) -> None:
        """
        Every field in order, folded as it stands, whatever the line ends; what is no field is
        left out (RFC 5322, section 2.2).
        """
        expected = [
            ("Received", b"from b\r\n\tby c"),
            ("Received", b"from a"),
            ("Subject", b"x\r\n y"),
            ("To", b"z"),
            ("X-Empty", b""),
        ]
        self.assertEqual([(f.name, f.value) for f in splitFields(BLOCK)], expected)
        lines = splitFields(BLOCK.replace(b"\r\n", b"\n"))
        self.assertEqual([(f.name, f.value) for f in lines], expected)

    def test_first(self) -> None:
        """
        The first value counts; names are the same in any case of letters.
        """
        self.assertEqual(firstValue(splitFields(BLOCK), "received"), b"from b\r\n\tby c")
        self.assertIsNone(firstValue([], "received"))

    def test_raw(self) -> None:
        """
        What follows the colon is kept as it is, folding and all (RFC 8621, section 4.1.2.1).
        """
        self.assertEqual(splitFields(b"X:  a\r\n b\r\nY:c\r\n"), [("X", b"  a\r\n b"), ("Y", b"c")])

    def test_obsolete(self) -> None:
        """
        There may be blanks before the colon (RFC 5322, section 4.5), and a byte order mark.
        """
        self.assertEqual(splitFields(b"\xef\xbb\xbfSubject \t: x\r\n"), [("Subject", b" x")])

    def test_unfolded(self) -> None:
        """
        Only line ends go (RFC 5322, section 2.2.3).
        """
        self.assertEqual(unfolded("a\r\n b\n\tc\r\n"), "a b\tc")

    @given(st.binary())
    def test_anything(self, data: bytes) -> None:
        """
        The header and the body are the message; no octets make it fail.
        """
        end = endOfHeader(data)
        self.assertTrue(end is None or data[:end].endswith(b"\n"))
        for field in splitFields(data):
            self.assertIsInstance(field.value, bytes)

    def test_linear(self) -> None:
        """
        A field of very many lines takes no time to speak of.
        """
        started = time.process_time()
        splitFields(b"X: y\r\n" + b" z\r\n" * 200_000)
        self.assertLess(time.process_time() - started, 1)
