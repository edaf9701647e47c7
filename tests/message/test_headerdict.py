# -*- test-case-name: tests.message.test_headerdict -*-
"""
Header fields in the form that Twisted's IMAP server takes them.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.mail.imap4 import _formatHeaders, _getContentType
from twisted.trial.unittest import SynchronousTestCase

from tests.message.test_headers import BLOCK
from txjmapaccess.message.headerdict import HeaderDict, selectFields
from txjmapaccess.message.headers import Field, splitFields


class SelectTests(SynchronousTestCase):
    """
    L{selectFields}.
    """

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
    L{HeaderDict}.
    """

    def test_wire(self) -> None:
        """
        On the wire there is every field, repeated ones too, named and folded as in the message.
        """
        self.assertEqual(
            HeaderDict(splitFields(b"MIME-Version: 1.0\r\n")).items(), [("MIME-Version", "1.0")]
        )
        self.assertEqual(
            _formatHeaders(HeaderDict(splitFields(BLOCK))),
            b"Received: from b\r\n\tby c\r\nReceived: from a\r\nSubject: x\r\n y\r\nTo: z\r\n"
            b"X-Empty: \r\n",
        )

    def test_lookUp(self) -> None:
        """
        A field that is looked up is the first of its name, unfolded.
        """
        headers = HeaderDict(splitFields(BLOCK))
        self.assertEqual(headers["received"], "from b\tby c")
        self.assertEqual(headers.get("subject"), "x y")
        self.assertEqual(headers.get("cc", ""), "")

    @given(st.binary())
    def test_alwaysASCII(self, value: bytes) -> None:
        """
        Whatever a message holds, the server can write its header.
        """
        headers = HeaderDict(splitFields(b"Subject: " + value), "text/plain")
        self.assertIsInstance(_formatHeaders(headers), bytes)
        self.assertTrue(headers.get("subject", "").isascii())
        self.assertNotIn("\n", headers.get("subject", ""))

    def test_default(self) -> None:
        """
        A message without a Content-Type is plain text (RFC 2045, section 5.2), but its header
        does not say so.
        """
        headers = HeaderDict([], "text/plain; charset=us-ascii")
        self.assertEqual(headers["content-type"], 'text/plain; charset="us-ascii"')
        self.assertEqual(headers.items(), [])

    @given(st.text(alphabet="a/;= \"\\'*%0(", max_size=30))
    def test_alwaysParsed(self, value: str) -> None:
        """
        Twisted can take any value apart that a message can hold.
        """
        headers = HeaderDict([Field("Content-Type", value.encode())], "text/plain")

        class Part:
            def getHeaders(self, negate: bool, *names: str) -> HeaderDict:
                return headers

        main, sub, _ = _getContentType(Part())
        self.assertTrue(main)
        self.assertIsNotNone(sub)
