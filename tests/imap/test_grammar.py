# -*- test-case-name: tests.imap.test_grammar -*-
"""
Tests for L{txjmapaccess.imap.grammar}.
"""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.imap.grammar import (
    Literal,
    SyntaxProblem,
    announcedLiteral,
    parseLiteral,
    parseString,
    quote,
    tagOf,
)


class StringTests(SynchronousTestCase):
    """
    Strings and atoms (RFC 3501, sections 4.1, 4.3 and 9).
    """

    def test_quoted(self):
        """
        The escapes of a quoted string are undone.
        """
        self.assertEqual(parseString(rb'"pa\"ss\\word" rest'), (rb'pa"ss\word', b"rest"))
        self.assertEqual(parseString(b'""'), (b"", b""))

    def test_malformedQuoted(self):
        """
        An open string, another escape, or something right behind the closing quote is BAD, and the
        text holds nothing of it.
        """
        for text in (b'"abc', rb'"a\bc"', b'"abc"def', b'"a\0b"', rb'"abc\"'):
            problem = self.assertRaises(SyntaxProblem, parseString, text)
            self.assertNotIn("ab", str(problem))

    def test_atom(self):
        """
        An atom ends at a space; parentheses, quotes, braces, controls and 8-bit octets are no part
        of it.
        """
        self.assertEqual(parseString(b"INBOX rest of it"), (b"INBOX", b"rest of it"))
        self.assertEqual(parseString(b"a]b"), (b"a]b", b""))
        for text in (b"", b"a(b", b'a"b', b"a{b", b"a\x7fb", b"\xff", rb"a\b"):
            self.assertRaises(SyntaxProblem, parseString, text)

    def test_literal(self):
        """
        A literal is announced with or without waiting (RFC 7888); negative and malformed ones are
        not.
        """
        self.assertIsNone(parseString(b"{5}"))
        self.assertEqual(parseLiteral(b"{5}"), Literal(5, True))
        self.assertEqual(parseLiteral(b"{5+}"), Literal(5, False))
        for text in (b"{-1}", b"{}", b"{5", b"{5} x", b"{a}", b"{5-}", b"{99999999999}"):
            self.assertRaises(SyntaxProblem, parseLiteral, text)
        self.assertEqual(announcedLiteral(b"a LOGIN {5+}"), 5)
        self.assertIsNone(announcedLiteral(b"a LOGIN {5}"))

    def test_tag(self):
        """
        RFC 3501, section 9: tags are astring characters other than C{+}.
        """
        for tag in (b"a1", b"A.1-_", b"]"):
            self.assertEqual(tagOf(tag + b" NOOP"), tag)
        for tag in (b"", b"*", b"+", b"a+", b"a(b", b'"x"', b"\xe4", b"a\x01", b"a{", b"%", b"\\"):
            self.assertIsNone(tagOf(tag + b" NOOP"))

    @given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
    def test_quoteRoundTrip(self, text):
        """
        What is quoted can be parsed.
        """
        self.assertEqual(parseString(quote(text.encode())), (text.encode(), b""))

    @given(st.binary())
    def test_anyOctets(self, octets):
        """
        Any octets are parsed, or refused as a syntax problem; nothing else happens.
        """
        with contextlib.suppress(SyntaxProblem):
            parseString(octets)
