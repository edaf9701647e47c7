# -*- test-case-name: tests.jmap.test_emailobject -*-
"""
Tests for L{txjmapaccess.jmap.emailobject}, L{txjmapaccess.jmap.emailproperties} and
L{txjmapaccess.jmap.blobs} (RFC 8621, sections 4.1 and 4.2).
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.jmap.test_accountsnapshot import copy
from txjmapaccess.jmap.accountsnapshot import Email
from txjmapaccess.jmap.blobs import blobOctets, parseBlobID
from txjmapaccess.jmap.bodyparts import bodyStructure
from txjmapaccess.jmap.emailobject import emailObject, preview, truncated
from txjmapaccess.jmap.emailproperties import DEFAULT_PROPERTIES, parseEmailProperties
from txjmapaccess.jmap.errors import MethodError
from txjmapaccess.message.dates import formatUTCDate

_EMAIL = Email((copy("M1", "F1", "$seen", thread="T1", at=1_000_000_000, size=4711),))

_MESSAGE = b"\r\n".join(
    (
        b"From: Arnt <arnt@example.com>",
        b"To: a@example.com, b@example.com",
        b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=",
        b"Date: Sun, 9 Sep 2001 03:46:40 +0200",
        b"Message-ID: <1@example.com>",
        b"References: <a@b> <c@d>",
        b"X-Test: one",
        b"X-Test: two",
        b"Content-Type: multipart/mixed; boundary=o",
        b"",
        b"--o",
        b"Content-Type: multipart/alternative; boundary=i",
        b"",
        b"--i",
        b"Content-Type: text/plain; charset=utf-8",
        b"X-Part: yes",
        b"",
        b"> What was said.",
        b"Gr\xc3\xbc\xc3\x9fe",
        b"--i",
        b"Content-Type: text/html; charset=utf-8",
        b"",
        b"<p>Gr\xc3\xbc\xc3\x9fe</p>",
        b"--i--",
        b"--o",
        b"Content-Type: application/x-test; name=a.bin",
        b"Content-Disposition: attachment",
        b"Content-Transfer-Encoding: base64",
        b"",
        b"AAEC",
        b"--o--",
        b"",
    )
)


def made(*properties: str, **arguments: Any) -> dict[str, Any]:
    """
    @return: the Email object of the message above.
    """
    if properties:
        arguments["properties"] = list(properties)
    return emailObject(_EMAIL, _MESSAGE, parseEmailProperties(arguments))


class PropertyTests(SynchronousTestCase):
    """
    The properties of an Email.
    """

    def test_stored(self) -> None:
        """
        Those of the store need no octets.
        """
        names = ("blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt")
        wanted = parseEmailProperties({"properties": list(names)})
        self.assertFalse(wanted.needsOctets)
        self.assertEqual(
            emailObject(_EMAIL, b"", wanted),
            {
                "id": "M1",
                "blobId": "M-M1",
                "threadId": "T1",
                "mailboxIds": {"F1": True},
                "keywords": {"$seen": True},
                "size": 4711,
                "receivedAt": "2001-09-09T01:46:40Z",
            },
        )

    def test_convenience(self) -> None:
        """
        Those of the header (section 4.1.3).
        """
        names = ("messageId", "inReplyTo", "references", "sender", "from", "to", "cc")
        self.assertEqual(
            made(*names, "subject", "sentAt"),
            {
                "id": "M1",
                "messageId": ["1@example.com"],
                "inReplyTo": None,
                "references": ["a@b", "c@d"],
                "sender": None,
                "from": [{"name": "Arnt", "email": "arnt@example.com"}],
                "to": [
                    {"name": None, "email": "a@example.com"},
                    {"name": None, "email": "b@example.com"},
                ],
                "cc": None,
                "subject": "Gr\xfc\xdfe",
                "sentAt": "2001-09-09T03:46:40+02:00",
            },
        )

    def test_header(self) -> None:
        """
        Any field, in any form.
        """
        self.assertEqual(
            made("header:x-test", "header:X-Test:asText:all", "header:Nothing"),
            {
                "id": "M1",
                "header:x-test": " two",
                "header:X-Test:asText:all": ["one", "two"],
                "header:Nothing": None,
            },
        )

    def test_headers(self) -> None:
        """
        C{headers} has all fields in order.
        """
        headers = made("headers")["headers"]
        self.assertEqual(headers[0], {"name": "From", "value": " Arnt <arnt@example.com>"})
        self.assertEqual(len(headers), 9)

    def test_defaults(self) -> None:
        """
        Without C{properties} there are those of section 4.2, and no bodyValues but on request.
        """
        email = made()
        self.assertEqual(set(email), set(DEFAULT_PROPERTIES))
        self.assertEqual(email["bodyValues"], {})
        self.assertEqual(
            set(email["textBody"][0]),
            {
                *("partId", "blobId", "size", "name", "type", "charset", "disposition", "cid"),
                *("language", "location"),
            },
        )

    def test_bodies(self) -> None:
        """
        The text, its alternative, and the attachment.
        """
        email = made("textBody", "htmlBody", "attachments", "hasAttachment", "preview")
        self.assertEqual([part["type"] for part in email["textBody"]], ["text/plain"])
        self.assertEqual([part["type"] for part in email["htmlBody"]], ["text/html"])
        (attachment,) = email["attachments"]
        self.assertEqual(
            (attachment["name"], attachment["size"], attachment["disposition"]),
            ("a.bin", 3, "attachment"),
        )
        self.assertTrue(email["hasAttachment"])
        self.assertEqual(email["preview"], "Gr\xfc\xdfe")

    def test_structure(self) -> None:
        """
        bodyStructure is the tree, with the properties that are wanted.
        """
        structure = made("bodyStructure", bodyProperties=["type", "partId", "header:X-Part"])
        alternative, attachment = structure["bodyStructure"]["subParts"]
        self.assertEqual(
            alternative["subParts"][0],
            {"type": "text/plain", "partId": "1", "header:X-Part": " yes"},
        )
        self.assertEqual((alternative["partId"], attachment["partId"]), (None, "3"))

    def test_values(self) -> None:
        """
        bodyValues of the parts that are asked for.
        """
        for argument, partIDs in (
            ("fetchTextBodyValues", ["1"]),
            ("fetchHTMLBodyValues", ["2"]),
            ("fetchAllBodyValues", ["1", "2"]),
        ):
            self.assertEqual(sorted(made(**{argument: True})["bodyValues"]), partIDs)
        self.assertEqual(
            made("bodyValues", fetchHTMLBodyValues=True)["bodyValues"]["2"],
            {"value": "<p>Gr\xfc\xdfe</p>", "isEncodingProblem": False, "isTruncated": False},
        )

    def test_truncatedValue(self) -> None:
        """
        A value that is too long says that it was cut.
        """
        value = made("bodyValues", fetchHTMLBodyValues=True, maxBodyValueBytes=6)["bodyValues"]["2"]
        self.assertEqual((value["value"], value["isTruncated"]), ("<p>Gr", True))

    def test_invalid(self) -> None:
        """
        Unknown properties and wrong types are C{invalidArguments}.
        """
        for arguments in (
            {"properties": "id"},
            {"properties": [1]},
            {"properties": ["nothing"]},
            {"properties": ["header:a:b"]},
            {"bodyProperties": ["subject"]},
            {"fetchTextBodyValues": 1},
            {"maxBodyValueBytes": -1},
            {"maxBodyValueBytes": True},
        ):
            with self.assertRaises(MethodError) as caught:
                parseEmailProperties(arguments)
            self.assertEqual(caught.exception.asObject()["type"], "invalidArguments", arguments)

    def test_dates(self) -> None:
        """
        A UTCDate has no fraction and ends with Z (RFC 8620, section 1.4).
        """
        self.assertEqual(formatUTCDate(0), "1970-01-01T00:00:00Z")


class TruncationTests(SynchronousTestCase):
    """
    Where a value may be cut (section 4.2).
    """

    def test_characters(self) -> None:
        """
        Not within a character.
        """
        self.assertEqual(truncated("a\xfcb", 2, False), "a")
        self.assertEqual(truncated("a\xfcb", 3, False), "a\xfc")
        self.assertEqual(truncated("a\xfcb", 0, False), "a\xfcb")

    def test_tags(self) -> None:
        """
        In HTML, not within a tag.
        """
        self.assertEqual(truncated("<b>x</b>", 6, True), "<b>x")
        self.assertEqual(truncated("1 > 0 < 2", 5, True), "1 > 0")
        self.assertEqual(truncated("a < b c", 5, False), "a < b")


class PreviewTests(SynchronousTestCase):
    """
    The preview (section 4.1.4).
    """

    def preview(self, kind: str, text: str) -> str:
        """
        @return: the preview of a message that is one part.
        """
        octets = f"Content-Type: {kind}\r\n\r\n{text}".encode()
        return preview([bodyStructure(octets)])

    def test_text(self) -> None:
        """
        White space is collapsed, what was quoted is left out, and 256 characters are never
        exceeded.
        """
        self.assertEqual(self.preview("text/plain", "> a\r\n\r\nb\r\n  c"), "b c")
        self.assertLessEqual(len(self.preview("text/plain", "x" * 1000)), 256)

    def test_onlyQuoted(self) -> None:
        """
        When all is quoted, that is the preview.
        """
        self.assertEqual(self.preview("text/plain", "> a"), "> a")

    def test_html(self) -> None:
        """
        Of HTML, the text.
        """
        text = (
            "<head><title>t</title><style>s</style></head><p>a &amp; b<br>c</p><script>d</script>"
        )
        self.assertEqual(self.preview("text/html", text), "a & b c")

    def test_brokenHTML(self) -> None:
        """
        Of HTML that cannot be parsed, what comes before.
        """
        self.assertEqual(self.preview("text/html", "a <b>b</b> <![nonsense[ c"), "a b")

    def test_nothing(self) -> None:
        """
        Without text, there is none.
        """
        self.assertEqual(self.preview("image/png", "x"), "")


class BlobTests(SynchronousTestCase):
    """
    Blobs (RFC 8620, section 6.2).
    """

    def test_ids(self) -> None:
        """
        A blobId is that of a message or of a part.
        """
        self.assertEqual(parseBlobID("M-Ma-b_c"), ("Ma-b_c", None))
        self.assertEqual(parseBlobID("P12-Ma"), ("Ma", "12"))
        for blobID in ("", "M-", "Ma", "P-Ma", "P0-Ma", "M-a/b", "P1-M\n"):
            self.assertIsNone(parseBlobID(blobID))

    def test_octets(self) -> None:
        """
        The message is as it is, a part is decoded.
        """
        self.assertEqual(blobOctets(_MESSAGE, None), _MESSAGE)
        self.assertEqual(blobOctets(_MESSAGE, "3"), b"\0\1\2")
        self.assertIsNone(blobOctets(_MESSAGE, "4"))
