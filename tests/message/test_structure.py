# -*- test-case-name: tests.message.test_structure -*-
"""
The parts of a message. More of them is in L{tests.maildir.test_messagepart} and
L{tests.jmap.test_bodyparts}.
"""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.message.structure import Part, parseMessage


def _mixed(boundary: str, *parts: bytes) -> bytes:
    head = f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n".encode()
    delimiter = f"--{boundary}\r\n".encode()
    return head + b"".join(delimiter + part + b"\r\n" for part in parts)


class StructureTests(SynchronousTestCase):
    """
    L{parseMessage}.
    """

    def assertParts(self, data: bytes, *octets: bytes) -> Part:
        part = parseMessage(data)
        self.assertEqual(tuple(each.octets for each in part.parts), octets)
        return part

    def test_ranges(self) -> None:
        """
        Header and body of a part are ranges of the message.
        """
        data = _mixed("b", b"X: y\r\n\r\none", b"\r\ntwo") + b"--b--\r\nepilogue"
        part = self.assertParts(data, b"one", b"two").parts[0]
        self.assertEqual(data[part.start : part.body], b"X: y\r\n\r\n")
        self.assertEqual(data[part.body : part.end], b"one")

    def test_noBlankLine(self) -> None:
        """
        Where no blank line ends the header, the body begins with what can be no field.
        """
        self.assertParts(_mixed("b", b"Hello: x\r\nHello", b"Hello") + b"--b--", b"Hello", b"Hello")
        part = parseMessage(b"From a\r\nX: y\r\n z\r\n")
        self.assertEqual((part.octets, [name for name, _ in part.fields]), (b"", ["X"]))

    def test_delimiters(self) -> None:
        """
        A line with more than the boundary is none, blanks behind it are nothing, and bare line
        feeds are line ends.
        """
        self.assertParts(_mixed("b", b"\r\n--bb\r\nx--b"), b"--bb\r\nx--b\r\n")
        self.assertParts(_mixed("b", b"\r\n1\r\n--b \t\r\n\r\n2\n--b--"), b"1", b"2")
        self.assertParts(_mixed("b") + b"--b--\r\n")

    def test_bounds(self) -> None:
        """
        There are so many parts and no more; what is behind is in the last one.
        """
        data = _mixed("b", *([b"\r\nx"] * 20))
        self.assertEqual(len(parseMessage(data, mostParts=5).parts), 5)
        inner = _mixed("c", *([b"\r\nx"] * 20))
        parts = list(parseMessage(_mixed("b", inner, inner, inner), mostParts=10).walk())
        self.assertLessEqual(len(parts), 11)
        self.assertTrue(parts[-1].data.endswith(b"x\r\n\r\n"))

    def test_depth(self) -> None:
        """
        What stands too deep is not taken apart.
        """
        part = parseMessage(_mixed("a", _mixed("b", _mixed("c", b"\r\nx"))), deepest=2)
        inner = part.parts[0].parts[0]
        self.assertTrue(inner.isTooDeep)
        self.assertEqual((inner.type, inner.parts), ("application/octet-stream", ()))
        message = parseMessage(b"Content-Type: message/rfc822\r\n\r\n" * 200)
        depth = 0
        while message.message is not None:
            message, depth = message.message, depth + 1
        self.assertEqual(depth, 50)

    def test_linear(self) -> None:
        """
        No message takes time without end.
        """
        started = time.process_time()
        for data in (
            _mixed("b", *([b""] * 100_000)),
            _mixed("b") + b"--b" + b" " * 1_000_000,
            _mixed("b") + b"--b" * 500_000,
            b"".join(_mixed(f"b{n}") + f"--b{n}\r\n".encode() for n in range(3000)),
            b"Content-Type: message/rfc822\r\n\r\n" * 20_000,
        ):
            for part in parseMessage(data).walk():
                _ = part.message, part.type
        self.assertLess(time.process_time() - started, 10)
