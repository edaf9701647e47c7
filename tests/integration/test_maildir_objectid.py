# -*- test-case-name: tests.integration.test_maildir_objectid -*-
"""
The embedded store behind our own server, read with imaplib: identifiers, and what others change.
"""

from __future__ import annotations

import imaplib
import os
import re
from typing import Any

from twisted.internet.defer import Deferred

from tests.support.maildir import mail
from tests.support.maildir_server import MaildirServerTestCase
from txjmapaccess import JMAPAccessIMAP4Server


def ok(answer: tuple[str, list[Any]]) -> list[Any]:
    """
    @return: the data of an answer that must be OK.
    """
    status, data = answer
    if status != "OK":
        raise AssertionError(answer)
    return data


def found(pattern: bytes, lines: list[Any]) -> list[Any]:
    """
    @return: what matches in all lines together.
    """
    return re.findall(pattern, b"\n".join(line for line in lines if isinstance(line, bytes)))


IDS = rb"(\d+) \(UID (\d+) EMAILID \((M[a-z2-7]{26})\) THREADID \((T[a-z2-7]{26})\)\)"


class ObjectIDTests(MaildirServerTestCase):
    """
    RFC 8474 on the wire.
    """

    server = JMAPAccessIMAP4Server

    def ids(self, client: imaplib.IMAP4) -> list[Any]:
        """
        @return: sequence number, UID, EMAILID and THREADID of every message.
        """
        return found(IDS, ok(client.fetch("1:*", "(UID EMAILID THREADID)")))

    def mailboxID(self, client: imaplib.IMAP4, name: str) -> bytes:
        """
        @return: the MAILBOXID that STATUS gives (RFC 8474, section 4.3).
        """
        answer = ok(client.status(name, "(MAILBOXID)"))
        [identifier] = found(rb"MAILBOXID \((F[a-z2-7]{26})\)", answer)
        return identifier

    def test_identifiers(self) -> Deferred[None]:
        """
        FETCH and SEARCH of EMAILID and THREADID (RFC 8474, sections 5.3 and 5.4); COPY keeps both,
        RENAME keeps MAILBOXID.
        """

        def talk(client: imaplib.IMAP4) -> None:
            for more in ("", "References: <1@example.com>\r\n", "References: <x@y>\r\n"):
                ok(client.append("INBOX", r"()", None, mail(1, more)))
            ok(client.select())
            one, two, three = self.ids(client)
            self.assertEqual(one[3], two[3])
            self.assertEqual(len({one[2], two[2], three[2]}), 3)
            self.assertNotEqual(one[3], three[3])
            self.assertEqual(ok(client.search(None, "EMAILID", two[2].decode())), [b"2"])
            self.assertEqual(ok(client.search(None, "THREADID", two[3].decode())), [b"1 2"])
            ok(client.create("Work"))
            before = self.mailboxID(client, "Work")
            self.assertNotEqual(before, self.mailboxID(client, "INBOX"))
            ok(client.copy("2:3", "Work"))
            ok(client.rename("Work", "Job"))
            self.assertEqual(self.mailboxID(client, "Job"), before)
            ok(client.select("Job"))
            self.assertEqual([ids[2:] for ids in self.ids(client)], [two[2:], three[2:]])

        return self.session(talk)

    def test_noop(self) -> Deferred[None]:
        """
        NOOP tells what another program delivered to new/, and what another session expunged.
        """

        def talk(client: imaplib.IMAP4) -> None:
            for number in (1, 2):
                ok(client.append("INBOX", r"()", None, mail(number)))
            ok(client.select())
            with open(os.path.join(self.path, "ada", "new", "1700000000.1.host"), "wb") as file:
                file.write(b"Subject: new\n\nx\n")
            client.response("EXISTS")
            ok(client.noop())
            self.assertEqual(client.response("EXISTS")[1], [b"3"])
            with imaplib.IMAP4("127.0.0.1", self.port, timeout=60) as other:
                other.login("ada", "secret")
                ok(other.select())
                ok(other.store("1", "+FLAGS", r"(\Deleted)"))
                self.assertEqual(ok(other.expunge()), [b"1"])
            [(_, subject), _] = ok(client.fetch("3", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))
            self.assertEqual(subject, b"Subject: new\r\n\r\n")
            ok(client.noop())
            self.assertEqual(client.response("EXPUNGE")[1], [b"1"])
            self.assertEqual(ok(client.uid("SEARCH", "ALL")), [b"2 3"])

        return self.session(talk)

    def test_header(self) -> Deferred[None]:
        """
        BODY[HEADER] and BODY[TEXT] are the message, byte for byte.
        """
        content = (
            b"Received: from b\r\n\tby c\r\nReceived: from a\r\nMIME-Version: 1.0\r\n"
            b"DKIM-Signature: v=1; a=b;\r\n  c=d\r\nX-eMail: x\r\n\r\ntext\r\n\r\nmore\r\n"
        )

        def talk(client: imaplib.IMAP4) -> None:
            ok(client.append("INBOX", r"()", None, content))
            ok(client.select())
            parts = ok(client.fetch("1", "(BODY.PEEK[HEADER] BODY.PEEK[TEXT] FLAGS)"))
            self.assertEqual(parts[0][1] + parts[1][1], content)
            ok(client.fetch("1", "(BODY[])"))
            self.assertEqual(ok(client.search(None, "SEEN")), [b"1"])

        return self.session(talk)
