# -*- test-case-name: tests.message.test_agreement -*-
"""
IMAP's SEARCH (RFC 3501, section 6.4.4) and JMAP's Email/query (RFC 8621, section 4.4.1) find the
same messages: one account, the same texts, both protocols.
"""

from __future__ import annotations

import unicodedata
from base64 import b64encode
from functools import lru_cache
from typing import Any

from tests.support.imap import Connection, RecordingRealm, makePortal
from tests.support.jmap import Server
from tests.support.maildir import MaildirTestCase

_KEYS = {"subject": b"SUBJECT", "from": b"FROM", "body": b"BODY", "text": b"TEXT"}


def _message(header: str | bytes, body: str | bytes = b"Hello\n") -> bytes:
    octets = b"\n\n".join(
        part.encode() if isinstance(part, str) else part for part in (header, body)
    )
    return octets.replace(b"\n", b"\r\n")


def _text(parameters: str, body: bytes, encoding: str = "8bit") -> bytes:
    header = f"Content-Type: text/plain{parameters}\nContent-Transfer-Encoding: {encoding}"
    return _message(header, body)


def _attached(encoding: str, inner: bytes) -> bytes:
    return _message(
        "Content-Type: multipart/mixed; boundary=o",
        b"--o\n\nHello\n--o\nContent-Type: message/rfc822\n"
        b"Content-Transfer-Encoding: %b\n\n%b\n--o--\n" % (encoding.encode(), inner),
    )


_INNER = (
    b"Subject: =?utf-8?q?caf=C3=A9?=\nContent-Type: text/plain; charset=iso-8859-1\n"
    b"Content-Transfer-Encoding: quoted-printable\n\nthe th=E9=\n=E2tre\n"
)
_NESTED = (
    b"--o\nContent-Type: multipart/alternative; boundary=i\n\n"
    b"--i\nContent-Type: text/plain; charset=utf-8\n\nplain caf\xc3\xa9\n"
    b"--i\nContent-Type: text/html; charset=utf-8\n\n<p>rich caf&eacute; <b>fish</b> market\n"
    b"--i--\n--o\nContent-Type: image/png\n\npixels\n--o--\n"
)
_LATIN_1 = "café".encode("latin-1")

#: What is tried, the message, where it is looked for, what is looked for, whether it is there.
CASES: list[tuple[str, bytes, str, str, bool]] = [
    ("composed header", _message("Subject: café"), "subject", "café", True),
    (
        "decomposed header",
        _message(unicodedata.normalize("NFD", "Subject: café")),
        "subject",
        "café",
        True,
    ),
    ("decomposed word", _message("Subject: =?utf-8?q?cafe=CC=81?="), "subject", "CAFÉ", True),
    ("a mark is no letter", _message("Subject: =?utf-8?q?cafe=CC=81?="), "subject", "cafe", False),
    ("composed body", _text("; charset=utf-8", "café".encode()), "body", "CAFÉ", True),
    ("decomposed body", _text("; charset=utf-8", b"cafe\xcc\x81"), "body", "café", True),
    ("two marks", _text("; charset=utf-8", b"q\xcc\x87\xcc\xa3"), "body", "q\u0323\u0307", True),
    ("sharp s", _text("; charset=utf-8", "Straße".encode()), "body", "STRASSE", True),
    ("dotted I", _text("; charset=utf-8", "İZMİR".encode()), "body", "i\u0307zmi\u0307r", True),
    ("final sigma", _message("Subject: ΟΔΟΣ"), "subject", "οδος", True),
    (
        "raw text behind a word",
        _message(b"Subject: =?utf-8?q?caf=C3=A9?=\xc3\xbcber"),
        "subject",
        "caf\xe9",
        True,
    ),
    (
        "raw text, folded by a tab",
        _message("Subject: Grüße\n\tStraße"),
        "subject",
        "grüße\tstraße",
        True,
    ),
    ("wide letters", _message("Subject: \uff2a\uff2d\uff21\uff30"), "subject", "jmap", True),
    ("ligature", _text("; charset=utf-8", "oﬃce".encode()), "text", "office", True),
    (
        "charset within another parameter",
        _text('; x="charset=foo"; charset=iso-8859-1', _LATIN_1),
        "body",
        "café",
        True,
    ),
    ("parameters in capitals", _text("; CHARSET=ISO-8859-1", _LATIN_1), "body", "café", True),
    ("quoted charset", _text('; charset="iso-8859-1"', _LATIN_1), "body", "café", True),
    ("charset in apostrophes", _text("; charset='iso-8859-1'", _LATIN_1), "body", "café", True),
    ("comment", _text("; charset=iso-8859-1 (Latin; 1)", _LATIN_1), "body", "café", True),
    ("comments", _text(" (a) ; (b) charset = (c) iso-8859-1", _LATIN_1), "body", "café", True),
    ("folded", _text(";\n\tcharset=\n iso-8859-1", _LATIN_1), "body", "café", True),
    (
        "extended charset",
        _text("; charset*=us-ascii'en'iso-8859-1", _LATIN_1),
        "body",
        "café",
        True,
    ),
    (
        "charset in pieces",
        _text("; charset*0=iso-; charset*1=8859-1", _LATIN_1),
        "body",
        "café",
        True,
    ),
    ("other charset", _text("; charset=koi8-r", "кафе".encode("koi8-r")), "body", "КАФЕ", True),
    ("unknown charset", _text("; charset=x-nothing", "café".encode()), "body", "café", True),
    ("no charset of mail", _text("; charset=rot13", b"Hello"), "body", "hello", True),
    ("no charset", _text("", "café".encode()), "body", "café", True),
    ("ASCII that is none", _text("; charset=us-ascii", "café".encode()), "body", "café", True),
    ("no Content-Type", _message("X: y", "café"), "body", "CAFÉ", True),
    ("no such type", _message("Content-Type: nonsense", "café"), "body", "café", True),
    (
        "stateful charset",
        _text("; charset=iso-2022-jp", "日本".encode("iso-2022-jp")),
        "body",
        "日本",
        True,
    ),
    (
        "soft break",
        _text("; charset=utf-8", b"caf=C3=\n=A9", "quoted-printable"),
        "body",
        "café",
        True,
    ),
    (
        "blanks behind it",
        _text("; charset=utf-8", b"cafe= \t\nteria", "Quoted-Printable"),
        "body",
        "cafeteria",
        True,
    ),
    (
        "no hexadecimal",
        _text("; charset=utf-8", b"a=XY=b", "quoted-printable"),
        "body",
        "a=xy=b",
        True,
    ),
    ("base64", _text("; charset=utf-8", b"Y2Fm\nw6k=", "base64"), "body", "café", True),
    (
        "garbage in base64",
        _text("; charset=utf-8", b"Y2*F-m\n!w6k=", "BASE64"),
        "body",
        "café",
        True,
    ),
    ("no padding", _text("; charset=utf-8", b"Y2Fmw6k", "base64"), "body", "café", True),
    ("an octet too much", _text("; charset=utf-8", b"Y2Fmw6kgY", "base64"), "body", "café", True),
    (
        "encoding with a comment",
        _text("; charset=utf-8", b"Y2Fmw6k=", "base64 (x)"),
        "body",
        "café",
        True,
    ),
    ("unknown encoding", _text("; charset=utf-8", b"Y2Fm", "x-nothing"), "body", "Y2FM", True),
    (
        "a character cut in two",
        _message("Subject: =?utf-8?q?caf=C3?=\n =?utf-8?q?=A9?="),
        "subject",
        "café",
        True,
    ),
    (
        "blanks between encoded words",
        _message("Subject: =?utf-8?q?caf?= \t =?iso-8859-1?q?=E9?= x"),
        "subject",
        "café x",
        True,
    ),
    (
        "blanks between words as they are",
        _message("Subject: =?utf-8?q?a?= é ü"),
        "subject",
        "a é ü",
        True,
    ),
    ("language", _message("Subject: =?utf-8*fr?q?caf=C3=A9?="), "subject", "café", True),
    ("unknown word", _message("Subject: =?x-nothing?q?a?="), "subject", "=?x-nothing?q?a?=", True),
    ("quoted word", _message('From: "=?utf-8?q?J=C3=B6rg?=" <j@a.example>'), "from", "jörg", True),
    (
        "word in a comment",
        _message("From: j@a.example (=?utf-8?q?J=C3=B6rg?=)"),
        "from",
        "jörg",
        True,
    ),
    ("octets in a name", _message("From: Jörg <j@a.example>"), "from", "jörg <j@", True),
    ("no text at all", _message(b"Subject: a\xffb c"), "subject", "\ufffdb c", True),
    ("NUL", _message(b"Subject: ca\0f\xc3\xa9"), "subject", "café", True),
    ("folded field", _message("Subject: good\n morning"), "subject", "good morning", True),
    ("line separator", _message("Subject: good\u2028day"), "subject", "good\u2028day", True),
    ("blank before the colon", _message("Subject : café"), "subject", "café", True),
    ("stray line", _message("From nobody\nSubject: café"), "subject", "café", True),
    ("second field", _message("Subject: a\nSubject: café"), "subject", "café", True),
    (
        "nested",
        _message("Content-Type: multipart/mixed; boundary=o", _NESTED),
        "body",
        "plain café",
        True,
    ),
    (
        "HTML",
        _message("Content-Type: multipart/mixed; boundary=o", _NESTED),
        "body",
        "rich café fish market",
        True,
    ),
    ("tag", _message("Content-Type: multipart/mixed; boundary=o", _NESTED), "body", "<b>", False),
    (
        "no text",
        _message("Content-Type: multipart/mixed; boundary=o", _NESTED),
        "body",
        "pixels",
        False,
    ),
    (
        "folded boundary",
        _message('Content-Type: multipart/mixed; boundary="o\n i"', "--o i\n\nfish\n--o i--"),
        "body",
        "fish",
        True,
    ),
    ("inner subject", _attached("8bit", _INNER), "body", "café", True),
    ("inner body", _attached("8bit", _INNER), "body", "théâtre", True),
    ("encoded message", _attached("base64", b64encode(_INNER)), "body", "théâtre", True),
    ("not in the header", _message("Subject: café"), "body", "café", False),
    ("text", _message("Subject: café"), "text", "café", True),
]


class AgreementTests(MaildirTestCase):
    """
    What one protocol finds, so does the other.
    """

    def setUp(self) -> None:
        super().setUp()
        account = self.account()
        account.getAccountID = lambda: "u1"
        self.emailIDs = []
        for _, octets, *_ in CASES:
            self.append(account, octets)
        self.emailIDs = [message.getEmailID() for message in self.messages(self.open(account))]
        self.jmap = Server(account)
        self.imap = Connection(portal=makePortal(RecordingRealm(lambda name: account)))
        self.imap.send(b"a LOGIN arnt trondheim")
        self.imap.send(b"a SELECT INBOX")

    def byIMAP(self, where: str, text: str) -> set[int]:
        """
        @return: the numbers of the messages that SEARCH finds.
        """
        octets = text.encode()
        line = b"a SEARCH CHARSET UTF-8 %b {%d+}" % (_KEYS[where], len(octets))
        lines = self.imap.sendRaw(line + b"\r\n" + octets + b"\r\n")
        self.assertEqual(lines[-1], b"a OK SEARCH completed", lines)
        self.imap.clock.advance(0)
        return {int(number) for number in lines[0].removeprefix(b"* SEARCH").split()}

    def byJMAP(self, where: str, text: str) -> set[int]:
        """
        @return: the same of Email/query; the text is one phrase.
        """
        phrase = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        ((name, response),) = self.jmap.call(("Email/query", {"filter": {where: phrase}}))
        self.assertEqual(name, "Email/query", response)
        return {self.emailIDs.index(emailID) + 1 for emailID in response["ids"]}

    def test_both(self) -> None:
        """
        Each text, composed and decomposed, in each message.
        """
        wrong: list[Any] = []
        byIMAP, byJMAP = lru_cache(None)(self.byIMAP), lru_cache(None)(self.byJMAP)
        for number, (case, _, where, text, isThere) in enumerate(CASES, 1):
            for form in ("NFC", "NFD"):
                query = unicodedata.normalize(form, text)
                imap, jmap = byIMAP(where, query), byJMAP(where, query)
                if imap != jmap or (number in imap) is not isThere:
                    wrong.append((case, form, number in imap, number in jmap, imap ^ jmap))
        self.assertEqual(wrong, [], "\n".join(map(str, wrong)))
