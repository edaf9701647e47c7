# -*- test-case-name: tests.maildir.test_messagepart -*-
"""
The parts of a message.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.mail.imap4 import collapseNestedLists, getBodyStructure
from twisted.mail.interfaces import IMessageIMAPPart
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txjmapaccess.maildir.messagepart import MessagePart
from txjmapaccess.message.structure import parseMessage

NESTED = (
    b"Subject: s\r\nContent-Type: multipart/mixed; boundary=Aa\r\n\r\npreamble\r\n"
    b"--Aa\r\n\r\none\r\n"
    b"--Aa  \r\nContent-Type: message/rfc822\r\n\r\n"
    b'Subject: inner\r\nContent-Type: multipart/alternative; boundary="Aa.1"\r\n\r\n'
    b"--Aa.1\r\nContent-Type: text/html\r\n\r\n<p>\r\n--Aa.1--\r\n"
    b"--Aa--\r\nepilogue\r\n"
)


def whole(data: bytes) -> MessagePart:
    """
    @return: the message.
    """
    return MessagePart(parseMessage(data))


class PartTests(SynchronousTestCase):
    """
    L{MessagePart}: RFC 2046, section 5.1.
    """

    def test_interface(self) -> None:
        """
        A part is what Twisted's IMAP server expects.
        """
        verifyObject(IMessageIMAPPart, whole(NESTED))

    def test_single(self) -> None:
        """
        A message without parts is its header and its body.
        """
        part = whole(b"Subject: s\r\n\r\nbody\r\n")
        self.assertFalse(part.isMultipart())
        self.assertEqual(part.getHeaders(True).items(), [("Subject", "s")])
        self.assertEqual(part.getBodyFile().read(), b"body\r\n")
        self.assertEqual(part.getSize(), 6)
        self.assertRaises(TypeError, part.getSubPart, 0)

    def test_nested(self) -> None:
        """
        Parts are what is between the lines with the boundary, without the line end before them;
        preamble and epilogue are nobody's, and a longer boundary that begins alike is another.
        """
        message = whole(NESTED)
        self.assertTrue(message.isMultipart())
        self.assertEqual(message.getSubPart(0).getBodyFile().read(), b"one")
        self.assertRaises(IndexError, message.getSubPart, 2)
        inner = message.getSubPart(1).getSubPart(0)
        self.assertEqual(inner.getHeaders(False, "subject")["subject"], "inner")
        html = inner.getSubPart(0)
        self.assertEqual(html.getBodyFile().read(), b"<p>")
        self.assertEqual(html.getHeaders(True).items(), [("Content-Type", "text/html")])

    def test_lineFeeds(self) -> None:
        """
        A message that has LF on disk has the same parts, of the same sizes, with CRLF.
        """

        def flat(part: MessagePart) -> list[object]:
            parts = []
            if part.isMultipart() or "rfc822" in part.getHeaders(True)["content-type"]:
                parts = [part.getSubPart(n) for n in range(len(part._parts))]
            own = (part.getHeaders(True).items(), part.getBodyFile().read(), part.getSize())
            return [own, *(flat(each) for each in parts)]

        self.assertEqual(flat(whole(NESTED.replace(b"\r\n", b"\n"))), flat(whole(NESTED)))

    def test_noEnd(self) -> None:
        """
        The last part goes to the end of a message that was cut off.
        """
        data = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo"
        self.assertEqual(whole(data).getSubPart(1).getBodyFile().read(), b"two")

    def test_digest(self) -> None:
        """
        In a digest, a part without a type is a message (RFC 2046, section 5.1.5).
        """
        data = (
            b"Content-Type: multipart/digest; boundary=b\r\n\r\n"
            b"--b\r\n\r\nSubject: in\r\n\r\ntext\r\n--b--\r\n"
        )
        part = whole(data).getSubPart(0)
        self.assertEqual(part.getHeaders(False, "content-type")["content-type"], "message/rfc822")
        self.assertEqual(part.getSubPart(0).getHeaders(True)["subject"], "in")

    def test_bodyStructure(self) -> None:
        """
        Twisted makes a BODYSTRUCTURE of it (RFC 3501, section 7.4.2).
        """
        structure = getBodyStructure(whole(NESTED), True)
        self.assertEqual(structure[0][:2], ["text", "plain"])
        self.assertEqual(structure[1][:2], ["message", "rfc822"])
        self.assertEqual(structure[2], "mixed")

    def test_emptyMultipart(self) -> None:
        """
        A multipart without parts, or without a boundary, still has a structure.
        """
        for data in [
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\nnothing\r\n",
            b"Content-Type: multipart/mixed\r\n\r\n--\r\n",
        ]:
            self.assertTrue(collapseNestedLists([getBodyStructure(whole(data), True)]))

    def test_deep(self) -> None:
        """
        A message nested without end does not exhaust the stack.
        """
        data = b"Content-Type: message/rfc822\r\n\r\n" * 5000
        part = whole(data)
        with self.assertRaises(TypeError):
            for _ in range(5001):
                part = part.getSubPart(0)

    @given(
        st.lists(
            st.sampled_from(
                [
                    b"--b\r\n",
                    b"--b--\r\n",
                    b"\r\n",
                    b"Content-Type: multipart/mixed; boundary=b\r\n",
                    b"Content-Type: message/rfc822\r\n",
                    b"Content-Disposition: attachment; x\r\n",
                    b"text\r\n",
                    b"\xff",
                ]
            ),
            max_size=30,
        ).map(b"".join)
    )
    def test_anything(self, data: bytes) -> None:
        """
        Whatever a message holds, its structure can be told.
        """
        self.assertTrue(collapseNestedLists([getBodyStructure(whole(data), True)]))
