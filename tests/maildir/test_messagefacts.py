# -*- test-case-name: tests.maildir.test_messagefacts -*-
"""
Message files in the form that IMAP sends them.
"""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.maildir.crlffile import openWithCRLF
from txjmapaccess.maildir.messagefacts import examine
from txjmapaccess.message.headers import endOfHeader
from txjmapaccess.message.lineends import countLoneFeeds, withCRLF

LINES = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"bc"]), max_size=60).map(b"".join)


class LineEndTests(SynchronousTestCase):
    """
    CRLF at the end of every line (RFC 3501, section 2.2), the rest as it is.
    """

    def write(self, content: bytes) -> bytes:
        path = os.fsencode(os.path.join(self.path, "message"))
        with open(path, "wb") as file:
            file.write(content)
        return path

    def setUp(self) -> None:
        self.path = self.mktemp()
        os.mkdir(self.path)

    def test_crlfIsKept(self) -> None:
        """
        A message with CRLF is what it was, byte for byte.
        """
        for content in [b"", b"a", b"a: b\r\n\r\nc\r\n", b"\r\r\n\r", b"\r\n" * 5]:
            self.assertEqual(withCRLF(content), content)

    @given(LINES)
    def test_sizeAgrees(self, content: bytes) -> None:
        """
        RFC822.SIZE, known without reading, is what is sent, also when it is read in small pieces.
        """
        path = self.write(content)
        facts = examine(path, b"base")
        self.assertEqual(facts.size, len(withCRLF(content)))
        with openWithCRLF(path) as file:
            self.assertEqual(b"".join(iter(lambda: file.read(3), b"")), withCRLF(content))

    @given(LINES, st.lists(st.tuples(st.integers(0, 150), st.integers(0, 20)), max_size=5))
    def test_seek(self, content: bytes, moves: list[tuple[int, int]]) -> None:
        """
        The file can be read from anywhere, as a partial FETCH and Twisted's FileProducer do.
        """
        path = self.write(content)
        expected = withCRLF(content)
        with openWithCRLF(path) as file:
            self.assertEqual(file.seek(0, 2), len(expected))
            for position, length in moves:
                position = min(position, len(expected))
                self.assertEqual(file.seek(position), position)
                self.assertEqual(file.tell(), position)
                self.assertEqual(file.read(length), expected[position : position + length])

    @settings(max_examples=20, deadline=None)
    @given(st.integers(65530, 65545), st.sampled_from([b"\n", b"\r\n", b"\r\r\n", b"\n\n"]))
    def test_lineEndOnTheEdge(self, length: int, end: bytes) -> None:
        """
        A line end that two reads cut apart is counted and converted once.
        """
        content = b"a" * length + end + b"b" * 10 + b"\n"
        path = self.write(content)
        size = examine(path, b"base").size
        self.assertEqual(size, len(withCRLF(content)))
        with openWithCRLF(path) as file:
            self.assertEqual(file.read(), withCRLF(content))

    def test_countAfterReturn(self) -> None:
        """
        A line feed at the start of a chunk belongs to a carriage return before it.
        """
        self.assertEqual(countLoneFeeds(b"\na\n", b"\r"), 1)
        self.assertEqual(countLoneFeeds(b"\na\n", b"x"), 2)


class FactsTests(SynchronousTestCase):
    """
    L{examine}.
    """

    def examined(self, content: bytes, base: bytes = b"base") -> object:
        path = os.fsencode(self.mktemp())
        with open(path, "wb") as file:
            file.write(content)
        os.utime(path, (1e9, 1e9))
        return examine(path, base)

    def test_date(self) -> None:
        """
        The INTERNALDATE is the file's time, as other Maildir servers have it.
        """
        self.assertEqual(self.examined(b"").date, 1_000_000_000)

    def test_thread(self) -> None:
        """
        A reply has the THREADID of what it answers, wherever its header ends.
        """
        first = self.examined(b"Message-ID: <1@x>\r\n\r\n").threadID
        self.assertEqual(self.examined(b"References: <1@x> <2@x>\n\nb").threadID, first)
        long = b"X: " + b"y" * 70_000 + b"\r\nIn-Reply-To: <1@x>\r\n\r\n"
        self.assertEqual(self.examined(long).threadID, first)
        self.assertNotEqual(self.examined(b"\r\nReferences: <1@x>\r\n").threadID, first)

    def test_endOfHeader(self) -> None:
        """
        The body begins behind the first blank line, which may be the first line.
        """
        self.assertEqual(endOfHeader(b"a: b\r\n\r\nc\n\nd"), 8)
        self.assertEqual(endOfHeader(b"a: b\n\nc"), 6)
        self.assertEqual(endOfHeader(b"\r\nc"), 2)
        self.assertIsNone(endOfHeader(b"a: b\r\n"))
        self.assertIsNone(endOfHeader(b"a: b\r\n\r\n", 0, 6))
