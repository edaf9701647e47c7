# -*- test-case-name: tests.integration.test_jmapc -*-
"""
jmapc, a JMAP client that others wrote, reads the embedded store through L{JMAPResource}, over TLS.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet import reactor, ssl
from twisted.internet.threads import deferToThread
from twisted.protocols.policies import WrappingFactory
from twisted.trial.unittest import SkipTest
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.support.certificate import writeCertificate
from tests.support.coroutines import AsyncTestCase
from txjmapaccess.demo.samplemail import ARNT, deliver
from txjmapaccess.jmap import JMAPResource
from txjmapaccess.maildir import MaildirRealm
from txjmapaccess.policy import SharedCredentials

try:
    import jmapc
    from jmapc import methods
except ImportError:
    jmapc = None


class JMAPCTests(AsyncTestCase):
    """
    Sessions, mailboxes, queries, messages, threads, attachments.
    """

    timeout = 180

    def setUp(self) -> None:
        if jmapc is None:
            raise SkipTest("jmapc is not installed")
        mail = self.mktemp()
        os.mkdir(mail)
        deliver(mail)
        checker = InMemoryUsernamePasswordDatabaseDontUse(arnt=b"trondheim")
        portal = Portal(MaildirRealm(mail), [checker])
        policy = SharedCredentials("https://localhost/.well-known/jmap")
        root, wellKnown = Resource(), Resource()
        root.putChild(b".well-known", wellKnown)
        wellKnown.putChild(b"jmap", JMAPResource(portal, policy))
        self.certificate = self.mktemp()
        writeCertificate(self.certificate)
        # Without the wrapper, Twisted 22.4 wants to negotiate HTTP/1.1 (ALPN), in a way that newer
        # pyOpenSSL does not allow.
        factory = WrappingFactory(Site(root))
        context = ssl.DefaultOpenSSLContextFactory(self.certificate, self.certificate)
        self.port = reactor.listenSSL(0, factory, context, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(self.port.stopListening)

    def client(self, password: str = "trondheim") -> Any:
        """
        @return: a client.
        """
        host = f"localhost:{self.port.getHost().port}"
        client = jmapc.Client.create_with_password(host, "arnt", password)
        client.requests_session.verify = os.path.abspath(self.certificate)
        # Whatever the environment says about certificates.
        client.requests_session.trust_env = False
        # No connection outlives its request.
        client.requests_session.headers["Connection"] = "close"
        return client

    def request(self, *calls: Any) -> list[Any]:
        """
        @return: the responses.
        """
        answers = self.client().request(list(calls), raise_errors=True)
        return [answer.response for answer in answers]

    async def test_session(self) -> None:
        """
        The session names the account, and every URL is https on the same host.
        """
        session = await deferToThread(lambda: self.client().jmap_session)
        self.assertEqual(session.username, "arnt")
        self.assertTrue(session.primary_accounts.mail)
        base = f"https://localhost:{self.port.getHost().port}/.well-known/jmap/"
        self.assertTrue(session.api_url.startswith(base))
        self.assertTrue(session.download_url.startswith(base))

    async def test_wrongPassword(self) -> None:
        """
        A wrong password is 401.
        """
        with self.assertRaises(Exception) as caught:
            await deferToThread(lambda: self.client("wrong").jmap_session)
        self.assertEqual(caught.exception.response.status_code, 401)

    async def test_echo(self) -> None:
        """
        Core/echo.
        """
        (answer,) = await deferToThread(self.request, methods.CoreEcho(data={"hello": "world"}))
        self.assertEqual(answer.data, {"hello": "world"})

    async def test_mailboxes(self) -> None:
        """
        Mailbox/query and Mailbox/get.
        """
        inbox = jmapc.MailboxQueryFilterCondition(role="inbox")
        queried, got = await deferToThread(
            self.request,
            methods.MailboxQuery(filter=inbox),
            methods.MailboxGet(ids=jmapc.Ref("/ids", -1)),
        )
        (mailbox,) = got.data
        self.assertEqual(queried.ids, [mailbox.id])
        self.assertEqual((mailbox.name, mailbox.total_emails), ("Inbox", 4))
        self.assertEqual((mailbox.unread_emails, mailbox.is_subscribed), (2, True))

    async def test_emails(self) -> None:
        """
        Email/query and Email/get, with the text of each message.
        """
        _, got = await deferToThread(
            self.request,
            methods.EmailQuery(sort=[jmapc.Comparator(property="receivedAt", is_ascending=True)]),
            methods.EmailGet(ids=jmapc.Ref("/ids", -1), fetch_text_body_values=True),
        )
        self.assertEqual(len(got.data), len(ARNT))
        self.assertEqual(
            sorted(email.size for email in got.data), sorted(len(s.octets) for s in ARNT)
        )
        (email,) = [e for e in got.data if e.message_id == ["koeln@example.com"]]
        self.assertEqual(email.subject, "Gr\xfc\xdfe aus K\xf6ln \u2600")
        self.assertEqual(email.mail_from[0].name, "J\xfcrgen M\xfcller")
        text = email.body_values[email.text_body[0].part_id].value
        self.assertEqual(text, "Sch\xf6ne Gr\xfc\xdfe vom Rhein!\n\nJ\xfcrgen\n")

    async def test_thread(self) -> None:
        """
        Thread/get: the conversation about lunch, oldest first.
        """
        _, got, threads = await deferToThread(
            self.request,
            methods.EmailQuery(
                sort=[jmapc.Comparator(property="receivedAt", is_ascending=True)], limit=1
            ),
            methods.EmailGet(ids=jmapc.Ref("/ids", -1), properties=["threadId"]),
            methods.ThreadGet(ids=jmapc.Ref("/list/*/threadId", -1)),
        )
        (thread,) = threads.data
        self.assertEqual(len(thread.email_ids), 3)
        self.assertEqual(thread.email_ids[0], got.data[0].id)

    def download(self) -> bytes:
        """
        @return: the timetable.
        """
        client = self.client()
        flagged = jmapc.EmailQueryFilterCondition(has_keyword="$flagged")
        _, got = client.request(
            [methods.EmailQuery(filter=flagged), methods.EmailGet(ids=jmapc.Ref("/ids", -1))],
            raise_errors=True,
        )
        name = self.mktemp()
        client.download_attachment(got.response.data[0].attachments[0], name)
        with open(name, "rb") as file:
            return file.read()

    async def test_attachment(self) -> None:
        """
        An attachment is downloaded as it was before it was encoded.
        """
        content = await deferToThread(self.download)
        self.assertTrue(content.startswith(b"From,To,Departs\nTrondheim,Oslo,08:23\n"))
