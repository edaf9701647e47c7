# -*- test-case-name: tests.message.test_parameters -*-
"""
Values with parameters (RFC 2045, RFC 2183, RFC 2231).
"""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.message.parameters import parseParameters, plainContentType


class ParameterTests(SynchronousTestCase):
    """
    L{parseParameters}.
    """

    def assertParameters(self, raw: bytes, value: str, **parameters: str) -> None:
        parsed = parseParameters(raw)
        self.assertEqual((parsed.value, parsed.decoded()), (value, parameters), raw)

    def test_boundary(self) -> None:
        """
        A boundary keeps its case of letters (RFC 2046, section 5.1.1), and is unfolded.
        """
        self.assertParameters(
            b'multipart/mixed; Boundary="aB c"', "multipart/mixed", boundary="aB c"
        )
        self.assertParameters(b'a/b; boundary="foo\r\n bar"', "a/b", boundary="foo bar")
        self.assertParameters(b"text/plain", "text/plain")

    def test_quoted(self) -> None:
        """
        What is within quotes is one value.
        """
        self.assertParameters(b'a/b; x="charset=c; \\"d\\""; y=z', "a/b", x='charset=c; "d"', y="z")

    def test_comments(self) -> None:
        """
        Comments may stand anywhere (RFC 2045, section 5.1), but not in file names.
        """
        self.assertParameters(b"(a) a/b (b;c) ; (d) x (e) = (f) y (g)", "a/b", x="y")
        self.assertParameters(b"attachment; filename=a(1).pdf", "attachment", filename="a(1).pdf")

    def test_malformed(self) -> None:
        """
        A semicolon that is missing, and one too many.
        """
        self.assertParameters(b'application/pdf name="i.pdf"', "application/pdf", name="i.pdf")
        self.assertParameters(b"attachment;; filename=a b.pdf;", "attachment", filename="a b.pdf")

    def test_extended(self) -> None:
        """
        Values in another charset and in pieces (RFC 2231, sections 3 and 4).
        """
        self.assertParameters(b"a; filename*=iso-8859-1'de'%FC.txt", "a", filename="\xfc.txt")
        self.assertParameters(b"a; x*1*=%BC; x*0*=utf-8''%C3; x*2=%BC; x=plain", "a", x="\xfc%BC")
        self.assertParameters(b"a; x*=x-nothing''%C3%BC", "a", x="\xfc")

    @given(st.binary() | st.text(alphabet="a/;= \"\\'*%0(", max_size=30).map(str.encode))
    def test_anything(self, raw: bytes) -> None:
        """
        No value makes it fail.
        """
        parseParameters(raw).decoded()

    def test_linear(self) -> None:
        """
        None takes time without end.
        """
        started = time.process_time()
        for piece in (
            b'"',
            b"(",
            b"\\",
            b";",
            b'; x="',
            b'; x="\\"',
            b"; x*0=",
            b" x",
            b"()",
            b"x=",
        ):
            parseParameters(b"a/b; c=" + piece * 100_000).decoded()
        self.assertLess(time.process_time() - started, 10)


class ContentTypeTests(SynchronousTestCase):
    """
    What Twisted takes apart for BODYSTRUCTURE.
    """

    def test_repaired(self) -> None:
        """
        What cannot be a Content-Type becomes one; parameters without a value go.
        """
        for value, expected in [
            ("text/html; charset=utf-8;", 'text/html; charset="utf-8"'),
            ("TEXT/html; flowed; a=b", 'text/html; a="b"'),
            ("nonsense", "text/plain"),
            ("text/html; a*=utf-8'en'x; b=c", 'text/html; a*="utf-8\'en\'x"; b="c"'),
            ('text/html; a="b;c"; d="e=f"', 'text/html; a="b_c"; d="e=f"'),
            ('text/html; a="b', "text/html"),
            ('text/html; ";x"=y; a=""', "text/html"),
            ("", 'text/plain; charset="us-ascii"'),
            (";", "text/plain"),
        ]:
            repaired = plainContentType(value.encode(), "text/plain; charset=us-ascii")
            self.assertEqual(repaired, expected)
