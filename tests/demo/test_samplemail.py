# -*- test-case-name: tests.demo.test_samplemail -*-
"""
Tests for L{txjmapaccess.demo.samplemail} and the parts of the demonstration that are no
real server.
"""

from __future__ import annotations

import base64
import json
import mailbox
import os
from email import message_from_bytes, policy

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from txjmapaccess.demo.introspectionendpoint import TOKEN, IntrospectionResource
from txjmapaccess.demo.samplemail import ARNT, MAIL, deliver


class SampleTests(SynchronousTestCase):
    """
    The sample mail.
    """

    def test_wellFormed(self) -> None:
        """
        Every message is ASCII with CRLF line ends, and Python's strict parser likes it.
        """
        for samples in MAIL.values():
            for sample in samples:
                self.assertNotIn(b"\n", sample.octets.replace(b"\r\n", b""))
                sample.octets.decode("ascii")
                message_from_bytes(sample.octets, policy=policy.strict)

    def test_variety(self) -> None:
        """
        There is a thread over mailboxes, a subject outside of ASCII, an attachment.
        """
        messages = [message_from_bytes(s.octets, policy=policy.default) for s in ARNT]
        subjects = [str(message["subject"]) for message in messages]
        self.assertIn("Gr\xfc\xdfe aus K\xf6ln \u2600", subjects)
        threads = {s.mailbox for s in ARNT if b"lunch-1@example.com" in s.octets}
        self.assertEqual(threads, {"INBOX", "Sent"})
        names = [part.get_filename() for message in messages for part in message.walk()]
        self.assertIn("timetable.csv", names)

    def test_delivered(self) -> None:
        """
        Python's own Maildir reader finds them with their flags and dates.
        """
        path = self.mktemp()
        os.mkdir(path)
        deliver(path)
        inbox = mailbox.Maildir(os.path.join(path, "arnt"), create=False)
        flags = sorted((m.get_subdir(), m.get_flags()) for m in inbox)
        self.assertEqual(flags, [("cur", "FS"), ("cur", "S"), ("new", ""), ("new", "")])
        self.assertEqual(sorted(inbox.list_folders()), ["Lists.IMAP", "R&AOk-serv&AOk-", "Sent"])
        (sent,) = inbox.get_folder("Sent")
        self.assertEqual(sent.get_date(), 1772448012)


class ProviderTests(SynchronousTestCase):
    """
    The introspection endpoint (RFC 7662).
    """

    def ask(
        self, token: str, client: str = "demo:secret", method: str = "POST"
    ) -> tuple[int, bytes]:
        """
        @return: the status and the body.
        """
        channel = Site(IntrospectionResource("demo", "secret"), reactor=Clock()).buildProtocol(None)
        transport = StringTransport()
        channel.makeConnection(transport)
        body = f"token={token}"
        channel.dataReceived(
            f"{method} / HTTP/1.0\r\nAuthorization: Basic "
            f"{base64.b64encode(client.encode()).decode()}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        head, _, answer = transport.value().partition(b"\r\n\r\n")
        return int(head.split()[1]), answer

    def test_active(self) -> None:
        """
        The token of the demonstration is active and covers JMAP.
        """
        status, body = self.ask(TOKEN)
        answer = json.loads(body)
        self.assertEqual((status, answer["active"], answer["username"]), (200, True, "arnt"))
        self.assertIn("urn:ietf:params:jmap:mail", answer["scope"].split())

    def test_inactive(self) -> None:
        """
        About any other nothing is said (RFC 7662, section 2.2).
        """
        self.assertEqual(self.ask("other"), (200, b'{"active": false}'))

    def test_client(self) -> None:
        """
        Only the client may ask (RFC 7662, section 2.3).
        """
        for client in ("demo:wrong", "other:secret", "", ":"):
            self.assertEqual(self.ask(TOKEN, client)[0], 401)

    def test_get(self) -> None:
        """
        Only POST is taken (RFC 7662, section 2.1).
        """
        self.assertEqual(self.ask(TOKEN, method="GET")[0], 405)
