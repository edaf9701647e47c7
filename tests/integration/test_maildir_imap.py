# -*- test-case-name: tests.integration.test_maildir_imap -*-
"""
The embedded store behind Twisted's own, unmodified IMAP server, read with imaplib.
"""

from __future__ import annotations

import imaplib
from typing import Any

from twisted.internet.defer import Deferred

from tests.support.maildir_server import MaildirServerTestCase

ONE = (
    b"Received: from b\r\nReceived: from a\r\nFrom: Ada <ada@example.com>\r\n"
    b"Subject: one\r\nMessage-ID: <1@example.com>\r\n\r\nHello.\r\n"
)
TWO = (
    b"Subject: two\r\nReferences: <1@example.com>\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\n\r\ntext\r\n--b\r\nContent-Type: image/png\r\n\r\nimage\r\n--b--\r\n"
)
DATE = '"17-Jul-1996 02:44:25 -0700"'


def ok(answer: tuple[str, list[Any]]) -> list[Any]:
    """
    @return: the data of an answer that must be OK.
    """
    status, data = answer
    if status != "OK":
        raise AssertionError(answer)
    return data


class IMAPTests(MaildirServerTestCase):
    """
    Every command that touches messages.
    """

    def fill(self, client: imaplib.IMAP4) -> None:
        """
        Append both messages and select the INBOX.
        """
        ok(client.append("INBOX", r"(\Seen)", DATE, ONE))
        ok(client.append("INBOX", r"(\Flagged Work)", None, TWO))
        assert ok(client.select()) == [b"2"]

    def test_fetch(self) -> Deferred[None]:
        """
        APPEND, then FETCH of everything: content byte for byte, and what it says of it.
        """

        def talk(client: imaplib.IMAP4) -> None:
            self.fill(client)
            items = "(UID FLAGS INTERNALDATE RFC822.SIZE BODY[])"
            (first, content), *_ = ok(client.fetch("1", items))
            self.assertEqual(content, ONE)
            self.assertIn(b"UID 1 FLAGS (\\Seen \\Recent)", first)
            self.assertIn(b'INTERNALDATE "17-Jul-1996 09:44:25 +0000"', first)
            self.assertIn(b"RFC822.SIZE %d " % len(ONE), first)
            ((_, header), _) = ok(client.fetch("1", "(BODY[HEADER])"))
            self.assertEqual(header.count(b"Received: from "), 2)
            ((_, part), _) = ok(client.fetch("2", "(BODY[2])"))
            self.assertEqual(part, b"image")
            [structure] = ok(client.fetch("2", "(BODYSTRUCTURE)"))
            self.assertRegex(structure, rb'\("image" "png" .* 5 .*"mixed"')
            [envelope] = ok(client.fetch("1", "(ENVELOPE)"))
            self.assertIn(b'"one" (("Ada" NIL "ada" "example.com"))', envelope)

        return self.session(talk)

    def test_storeAndExpunge(self) -> Deferred[None]:
        """
        STORE in all its forms, EXPUNGE with numbers that are right one after the other, CLOSE.
        """

        def talk(client: imaplib.IMAP4) -> None:
            for _ in range(5):
                ok(client.append("INBOX", r"(\Seen)", None, ONE))
            ok(client.select())
            self.assertIn(b"\\Flagged", ok(client.store("2", "+FLAGS", r"(\Flagged k)"))[0])
            ok(client.uid("STORE", "2", "-FLAGS.SILENT", r"(\Seen)"))
            [line] = ok(client.fetch("2", "(FLAGS)"))
            self.assertEqual(line, b"2 (FLAGS (\\Flagged k \\Recent))")
            ok(client.store("2:4", "FLAGS", r"(\Deleted)"))
            self.assertEqual(ok(client.expunge()), [b"4", b"3", b"2"])
            self.assertEqual(ok(client.uid("SEARCH", "ALL")), [b"1 5"])
            ok(client.store("1", "+FLAGS", r"(\Deleted)"))
            ok(client.close())
            self.assertEqual(ok(client.select()), [b"1"])

        return self.session(talk)

    def test_copy(self) -> Deferred[None]:
        """
        COPY and UID COPY, with flags and INTERNALDATE.
        """

        def talk(client: imaplib.IMAP4) -> None:
            self.fill(client)
            ok(client.create("Work"))
            ok(client.copy("1:2", "Work"))
            ok(client.uid("COPY", "2", "Work"))
            self.assertEqual(ok(client.select("Work")), [b"3"])
            items = ok(client.fetch("1:*", "(FLAGS INTERNALDATE RFC822.SIZE)"))
            self.assertIn(b"\\Seen", items[0])
            self.assertIn(b'"17-Jul-1996 09:44:25 +0000"', items[0])
            self.assertIn(b"\\Flagged Work", items[2])

        return self.session(talk)

    def test_search(self) -> Deferred[None]:
        """
        SEARCH by flags and sizes, those keys that Twisted's server understands.
        """

        def talk(client: imaplib.IMAP4) -> None:
            self.fill(client)
            for criterion, expected in [
                ("ALL", b"1 2"),
                ("SEEN", b"1"),
                ("UNSEEN", b"2"),
                ("FLAGGED", b"2"),
                ("NOT FLAGGED", b"1"),
                ("LARGER 140", b"2"),
            ]:
                self.assertEqual(ok(client.search(None, criterion)), [expected], criterion)

        return self.session(talk)

    def test_mailboxes(self) -> Deferred[None]:
        """
        CREATE, LIST, STATUS, SUBSCRIBE, LSUB, RENAME, DELETE, NAMESPACE.
        """

        def talk(client: imaplib.IMAP4) -> None:
            self.fill(client)
            ok(client.create("Work/2026"))
            ok(client.subscribe("Work"))
            # Twisted's server has not waited for these two, but we do one thing at a time.
            self.assertRegex(b"\n".join(ok(client.list())), rb'"Work/2026"')
            self.assertEqual(ok(client.lsub()), [rb'(\HasChildren) "/" "Work"'])
            [status] = ok(client.status("INBOX", "(MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)"))
            self.assertRegex(status, rb"MESSAGES 2 RECENT 0 UIDNEXT 3 UIDVALIDITY \d+ UNSEEN 1")
            ok(client.rename("Work", "Job"))
            ok(client.delete("Job/2026"))
            ok(client.delete("Job"))
            self.assertEqual(ok(client.list()), [rb'(\HasNoChildren) "/" "INBOX"'])
            self.assertIn(b'"" "/"', ok(client.namespace())[0])

        return self.session(talk)

    def test_examine(self) -> Deferred[None]:
        """
        EXAMINE changes nothing: what is \\Recent stays so, and STORE is refused.
        """

        def talk(client: imaplib.IMAP4) -> None:
            ok(client.append("INBOX", r"()", None, ONE))
            ok(client.select(readonly=True))
            self.assertEqual(client.response("RECENT")[1][-1], b"1")
            with self.assertRaises(imaplib.IMAP4.error) as caught:
                client.uid("STORE", "1", "+FLAGS", r"(\Seen)")
            self.assertIn("read-only", str(caught.exception))
            ok(client.select())
            self.assertEqual(client.response("RECENT")[1][-1], b"1")
            self.assertEqual(ok(client.fetch("1", "(FLAGS)")), [b"1 (FLAGS (\\Recent))"])

        return self.session(talk)
