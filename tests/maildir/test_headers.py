# -*- test-case-name: tests.maildir.test_headers -*-
"""
Headers in the form that Twisted's IMAP server takes them.
"""

from __future__ import annotations

from email.header import decode_header, make_header

from hypothesis import given
from hypothesis import strategies as st
from twisted.mail.imap4 import _formatHeaders, _getContentType
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.maildir.headers import (
    Headers,
    asciiText,
    contentParameter,
    firstValue,
    selectFields,
    splitFields,
    wellFormedType,
)

BLOCK = (
    b"Received: from b\r\n\tby c\r\nReceived: from a\r\nSubject: x\r\n y\r\nTo:z\r\n"
    b"From nobody\r\nX-Empty:\r\n\r\n"
)


class FieldTests(SynchronousTestCase):
    """
    L{splitFields} and L{selectFields}.
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
        self.assertEqual(splitFields(BLOCK), expected)
        self.assertEqual(splitFields(BLOCK.replace(b"\r\n", b"\n")), expected)

    def test_first(self) -> None:
        """
        The first value counts; names are the same in any case of letters.
        """
        self.assertEqual(firstValue(splitFields(BLOCK), "received"), b"from b\r\n\tby c")
        self.assertIsNone(firstValue([], "received"))

    def test_select(self) -> None:
        """
        C{getHeaders(negate, *names)}: these fields, or all others; names as L{str} or L{bytes}.
        """
        fields = splitFields(BLOCK)
        only = [name for name, _ in selectFields(fields, False, [b"SUBJECT", "to"])]
        self.assertEqual(only, ["Subject", "To"])
        others = [name for name, _ in selectFields(fields, True, [b"SUBJECT", "to"])]
        self.assertEqual(others, ["Received", "Received", "X-Empty"])
        self.assertEqual(selectFields(fields, True, []), fields)
        self.assertEqual(selectFields(fields, False, []), [])


class HeadersTests(SynchronousTestCase):
    """
    L{Headers}.
    """

    def test_wire(self) -> None:
        """
        On the wire there is every field, repeated ones too, named and folded as in the message.
        """
        self.assertEqual(
            Headers(splitFields(b"MIME-Version: 1.0\r\n")).items(), [("MIME-Version", "1.0")]
        )
        self.assertEqual(
            _formatHeaders(Headers(splitFields(BLOCK))),
            b"Received: from b\r\n\tby c\r\nReceived: from a\r\nSubject: x\r\n y\r\nTo: z\r\n"
            b"X-Empty: \r\n",
        )

    def test_lookUp(self) -> None:
        """
        A field that is looked up is the first of its name, unfolded.
        """
        headers = Headers(splitFields(BLOCK))
        self.assertEqual(headers["received"], "from b\tby c")
        self.assertEqual(headers.get("subject"), "x y")
        self.assertEqual(headers.get("cc", ""), "")

    @given(st.binary())
    def test_alwaysASCII(self, value: bytes) -> None:
        """
        Whatever a message holds, the server can write its header.
        """
        headers = Headers(splitFields(b"Subject: " + value), "text/plain")
        self.assertIsInstance(_formatHeaders(headers), bytes)
        self.assertTrue(headers.get("subject", "").isascii())
        self.assertNotIn("\n", headers.get("subject", ""))

    def test_encodedWords(self) -> None:
        """
        Raw UTF-8 in a header becomes encoded words (RFC 2047) that say the same.
        """
        text = asciiText("Jörg <joerg@example.com>".encode())
        self.assertEqual(str(make_header(decode_header(text))), "Jörg <joerg@example.com>")
        self.assertEqual(asciiText(b"J\xf6rg"), "=?unknown-8bit?b?SvZyZw==?=")


class ContentTypeTests(SynchronousTestCase):
    """
    What Twisted takes apart for BODYSTRUCTURE.
    """

    def test_default(self) -> None:
        """
        A message without a Content-Type is plain text (RFC 2045, section 5.2), but its header
        does not say so.
        """
        headers = Headers([], "text/plain; charset=us-ascii")
        self.assertEqual(headers["content-type"], 'text/plain; charset="us-ascii"')
        self.assertEqual(headers.items(), [])

    def test_repaired(self) -> None:
        """
        What cannot be a Content-Type becomes one; parameters without a value go.
        """
        for value, expected in [
            ("text/html; charset=utf-8;", 'text/html; charset="utf-8"'),
            ("TEXT/html; flowed; a=b", 'text/html; a="b"'),
            ("nonsense", "text/plain"),
            ("text/html; a*=utf-8'en'x; b=c", 'text/html; a*="utf-8\'en\'x"; b="c"'),
            ('text/html; a="b;c"; d="e=f"', 'text/html; d="e=f"'),
            ('text/html; a="b', "text/html"),
            ('text/html; ";x"=y; a=""', "text/html"),
            ("", 'text/plain; charset="us-ascii"'),
            (";", "text/plain"),
        ]:
            repaired = wellFormedType(value, "text/plain; charset=us-ascii")
            self.assertEqual(repaired, expected)

    @given(st.text(alphabet="a/;= \"\\'*%0(", max_size=30))
    def test_alwaysParsed(self, value: str) -> None:
        """
        Twisted can take any value apart that a message can hold.
        """
        headers = Headers([("Content-Type", value.encode())], "text/plain")

        class Part:
            def getHeaders(self, negate: bool, *names: str) -> Headers:
                return headers

        main, sub, _ = _getContentType(Part())
        self.assertTrue(main)
        self.assertIsNotNone(sub)

    def test_boundary(self) -> None:
        """
        A boundary keeps its case of letters (RFC 2046, section 5.1.1).
        """
        value = 'multipart/mixed; Boundary="aB c"'
        self.assertEqual(contentParameter(value, "boundary"), "aB c")
        self.assertIsNone(contentParameter("text/plain", "boundary"))
