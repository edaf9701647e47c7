# -*- test-case-name: tests.jmap.test_bodyparts -*-
"""
Tests for L{txjmapaccess.jmap.bodyparts} (RFC 8621, section 4.1.4).
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.jmap.bodyparts import BodyPart, bodyStructure, decompose, parseHeader


def _octets(text: str) -> bytes:
    return text.lstrip("\n").replace("\n", "\r\n").encode()


def _part(kind: str, content: str, disposition: str = "") -> str:
    field = f"Content-Disposition: {disposition}\n" if disposition else ""
    return f"Content-Type: {kind}\n{field}\n{content}"


def _multipart(kind: str, boundary: str, *parts: str) -> str:
    inner = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f"Content-Type: multipart/{kind}; boundary={boundary}\n\n{inner}--{boundary}--"


#: The example at the end of section 4.1.4.
_EXAMPLE = _multipart(
    "mixed",
    "o1",
    _part("text/plain", "A", "inline"),
    _multipart(
        "mixed",
        "o2",
        _multipart(
            "alternative",
            "o3",
            _multipart(
                "mixed",
                "o4",
                _part("text/plain", "B", "inline"),
                _part("image/jpeg", "C", "inline"),
                _part("text/plain", "D", "inline"),
            ),
            _multipart("related", "o5", _part("text/html", "E"), _part("image/jpeg", "F")),
        ),
        _part("image/jpeg", "G", "attachment"),
        _part("application/x-excel", "H"),
        _part("message/rfc822", "Subject: J\n\nJ"),
    ),
    _part("text/plain", "K", "inline"),
)


def _shown(parts: list[BodyPart]) -> str:
    return "".join(part.content.decode()[-1] for part in parts)


class StructureTests(SynchronousTestCase):
    """
    The parts of a message.
    """

    def test_example(self) -> None:
        """
        The example of section 4.1.4 is decomposed as it says there.
        """
        bodies = decompose(bodyStructure(_octets(_EXAMPLE)))
        self.assertEqual(
            (_shown(bodies.text), _shown(bodies.html), _shown(bodies.attachments)),
            ("ABCDK", "AEK", "CFGHJ"),
        )

    def test_partIDs(self) -> None:
        """
        Each part that is no C{multipart/*} has a partId of its own, and no message is entered.
        """
        parts = bodyStructure(_octets(_EXAMPLE)).walk()
        self.assertEqual([p.id for p in parts if not p.isMultipart], [*"123456789", "10"])
        self.assertEqual({p.id for p in parts if p.isMultipart}, {None})

    def test_onlyText(self) -> None:
        """
        A message without alternatives has one body for both.
        """
        bodies = decompose(bodyStructure(_octets("Subject: x\n\nHi\n")))
        self.assertEqual((bodies.text, bodies.attachments), (bodies.html, []))
        self.assertEqual(bodies.text[0].content, b"Hi\r\n")

    def test_onlyHTML(self) -> None:
        """
        So has one whose only alternative is HTML.
        """
        message = _multipart("alternative", "o", _part("text/html", "E"))
        bodies = decompose(bodyStructure(_octets(message)))
        self.assertEqual((_shown(bodies.text), _shown(bodies.html)), ("E", "E"))

    def test_hasAttachment(self) -> None:
        """
        There is something to download when not all attachments are inline.
        """
        for disposition, expected in (("inline", False), ("attachment", True)):
            message = _multipart(
                "mixed", "o", _part("text/plain", "A"), _part("application/x", "B", disposition)
            )
            self.assertIs(decompose(bodyStructure(_octets(message))).hasAttachment, expected)

    def test_message(self) -> None:
        """
        A message in a message is a part with its octets.
        """
        inner = "Subject: J\nX:  y\n\nJ\n"
        message = _multipart("mixed", "o", _part("text/plain", "A"), _part("message/rfc822", inner))
        part = bodyStructure(_octets(message)).walk()[-1]
        self.assertEqual((part.type, part.content), ("message/rfc822", _octets(inner)))
        self.assertIsNone(part.charset)

    def test_digest(self) -> None:
        """
        In a digest, parts without a type are messages (RFC 2046, section 5.1.5).
        """
        message = _multipart("digest", "o", "\nSubject: a\n\nb")
        self.assertEqual(bodyStructure(_octets(message)).walk()[1].type, "message/rfc822")

    def test_deep(self) -> None:
        """
        A message nested beyond all measure is one part.
        """
        message = "x"
        for number in range(3000):
            message = (
                f"Content-Type: multipart/mixed; boundary=b{number}\n\n--b{number}\n" + message
            )
        structure = bodyStructure(_octets(message))
        self.assertTrue(all(part.isMultipart or part.id for part in structure.walk()))

    def test_brokenMultipart(self) -> None:
        """
        A C{multipart/*} without a boundary or parts is shown somehow, and never lost.
        """
        for message in ("Content-Type: multipart/mixed\n\nx\n", _multipart("mixed", "o")):
            parts = bodyStructure(_octets(message)).walk()
            self.assertTrue(all((part.id is None) == part.isMultipart for part in parts))

    @given(st.binary() | st.text().map(str.encode))
    def test_anything(self, octets: bytes) -> None:
        """
        No octets make it fail.
        """
        prefix = b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"
        for message in (octets, prefix + octets):
            bodies = decompose(bodyStructure(message))
            for part in bodies.text + bodies.attachments:
                _ = part.text(), part.name, part.cid, part.language, part.location, part.fields

    @given(
        st.lists(
            st.sampled_from(
                [
                    *(b"Content-Type", b"Content-Disposition", b": ", b"multipart/mixed", b"text/"),
                    *(
                        b"plain",
                        b"; ",
                        b"charset=",
                        b"filename*0*=",
                        b"utf-8'",
                        b"'%FF",
                        b'"',
                        b"=",
                    ),
                    *(b"boundary=o", b"--o", b"--", b"\r\n", b"\r\n\r\n", b"\xff", b"base64", b"A"),
                    *(b"Content-Transfer-Encoding: ", b"message/rfc822", b"=?utf-8?Q?=FC?="),
                ]
            )
        ).map(b"".join)
    )
    def test_anyStructure(self, octets: bytes) -> None:
        """
        Nor does any structure.
        """
        for part in bodyStructure(octets).walk():
            _ = part.text(), part.name, part.cid, part.type, part.charset, part.size


class PartTests(SynchronousTestCase):
    """
    The properties of a part.
    """

    def part(self, header: str, content: bytes = b"") -> BodyPart:
        """
        @return: a message that is one part.
        """
        return bodyStructure(_octets(header) + b"\r\n" + content)

    def test_defaults(self) -> None:
        """
        Without a Content-Type a part is plain text in ASCII.
        """
        part = self.part("X: y\n")
        self.assertEqual((part.type, part.charset, part.name), ("text/plain", "us-ascii", None))
        self.assertEqual((part.disposition, part.cid, part.language), (None, None, None))

    def test_charset(self) -> None:
        """
        The charset is what it says, the implicit one for text, and C{null} for all others.
        """
        for kind, charset in (
            ("text/html; charset=ISO-8859-1", "ISO-8859-1"),
            ('text/html; charset="utf-8"', "utf-8"),
            ("text/html", "us-ascii"),
            ("image/png", None),
        ):
            self.assertEqual(self.part(f"Content-Type: {kind}\n").charset, charset)

    def test_names(self) -> None:
        """
        The name comes from either field, in either encoding (RFC 2231, RFC 2047).
        """
        for header, name in (
            ("Content-Disposition: attachment; filename=a.txt\n", "a.txt"),
            ("Content-Disposition: attachment; filename*=utf-8''%C3%BC.txt\n", "\xfc.txt"),
            ("Content-Type: text/plain; name=b.txt\n", "b.txt"),
            ('Content-Type: text/plain; name="=?utf-8?Q?=C3=BC?="\n', "\xfc"),
        ):
            self.assertEqual(self.part(header).name, name)

    def test_longParameters(self) -> None:
        """
        Parameters without end do not take time without end.
        """
        parameters = '; x="' + "; " * 100_000
        part = self.part(f"Content-Type: text/plain{parameters}\nX: y\n", b"Hi")
        self.assertEqual((part.type, part.text()), ("text/plain", ("Hi", False)))
        self.assertEqual(len(part.fields[0][1]), len(" text/plain" + parameters))

    def test_malformedParameters(self) -> None:
        """
        Parameters that the email package fails on are not there.
        """
        charset = "*=a\0'b'c"
        part = self.part(f"Content-Type: text/plain; charset{charset}; name{charset}\n")
        self.assertEqual((part.charset, part.name), ("us-ascii", None))

    def test_fields(self) -> None:
        """
        cid, location and language are without syntax.
        """
        part = self.part(
            "Content-Id: <a@b>\nContent-Location: http://a/\nContent-Language: de, en-GB\n"
        )
        self.assertEqual((part.cid, part.location), ("a@b", "http://a/"))
        self.assertEqual(part.language, ["de", "en-GB"])

    def test_rawFields(self) -> None:
        """
        Header fields are in Raw form, folding and all.
        """
        part = self.part("X:  a\n b\nY:c\n")
        self.assertEqual(part.fields, [("X", "  a\r\n b"), ("Y", "c")])

    def test_transferEncodings(self) -> None:
        """
        Content is decoded, except from an unknown transfer encoding.
        """
        for encoding, content, decoded in (
            ("base64", b"SGk=\r\n", b"Hi"),
            ("quoted-printable", b"a=3Db=\r\n", b"a=b"),
            ("8bit", b"\xfc\r\n", b"\xfc\r\n"),
            ("x-nothing", b"SGk=", b"SGk="),
        ):
            part = self.part(f"Content-Transfer-Encoding: {encoding}\n", content)
            self.assertEqual((part.content, part.size), (decoded, len(decoded)))

    def assertText(self, header: str, content: bytes, *expected: object) -> None:
        self.assertEqual(self.part(header, content).text(), expected)

    def test_text(self) -> None:
        """
        Text is decoded, with LF line ends.
        """
        header = "Content-Type: text/plain; charset=iso-8859-1\n"
        self.assertText(header, b"\xfc\r\nx\r\n", "\xfc\nx\n", False)

    def test_brokenText(self) -> None:
        """
        Malformed text and unknown charsets are reported, and decoded as well as possible.
        """
        utf8 = "Content-Type: text/plain; charset=utf-8\n"
        self.assertText(utf8, b"a\xff", "a\ufffd", True)
        for charset in ("x-nothing", "punycode", "undefined", "idna"):
            self.assertText(f"Content-Type: text/plain; charset={charset}\n", b"a", "a", True)
        self.assertText("Content-Type: text/plain\n", "\xfc".encode(), "\xfc", True)
        self.assertText(utf8 + "Content-Transfer-Encoding: x-nothing\n", b"a", "a", True)
        self.assertText(utf8 + "Content-Transfer-Encoding: base64\n", b"SGk", "Hi", True)


class HeaderTests(SynchronousTestCase):
    """
    The header alone.
    """

    def test_header(self) -> None:
        """
        It ends at the first empty line, however lines end.
        """
        for octets in (b"A: b\r\n\r\nC: d\r\n", b"A: b\n\nC: d\n", b"A: b\r\n", b"A: b"):
            self.assertEqual(parseHeader(octets), [("A", " b")])
        self.assertEqual(parseHeader(b"\r\nC: d\r\n"), [])
