# -*- test-case-name: tests.integration.test_localmail -*-
"""
An IMAP server that others wrote and published, extended without a change: localmail, from PyPI.

It is looked for in the directory that TXJMAPACCESS_THIRD_PARTY names, too, because installing it
into an environment overwrites a file of Twisted's.
"""

from __future__ import annotations

import imaplib
import os
import re
import sys

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.python.components import registerAdapter
from twisted.trial.unittest import SkipTest
from zope.interface import implementer

from tests.support.coroutines import AsyncTestCase
from txjmapaccess import extendFactory
from txjmapaccess.interfaces import IObjectIDAccount, IObjectIDMailbox, IObjectIDMessage
from txjmapaccess.objectid import ObjectIDIndex
from txjmapaccess.policy import SharedCredentials

URL = "https://mail.example.com/.well-known/jmap"

sys.path.append(os.environ.get("TXJMAPACCESS_THIRD_PARTY", os.devnull))
try:
    import localmail
    from localmail.imap import IMAPUserAccount
    from localmail.inbox import INBOX, MemoryIMAPMailbox, Message
except ImportError:
    localmail = None


@implementer(IObjectIDAccount, IObjectIDMailbox, IObjectIDMessage)
class LocalmailIdentifiers:
    """
    What an integrator would write for a store that he cannot change.
    """

    def __init__(self, original):
        self.original = original

    def getAccountID(self):
        """
        There is one account.
        """
        return "a1"

    def getMailboxID(self):
        """
        There is one mailbox.
        """
        return f"F{self.original.uidvalidity}"

    def getEmailID(self):
        """
        The UID is unique in this store.
        """
        return f"M{self.original.getUID()}"

    def getThreadID(self):
        """
        This store has no threads.
        """
        return None


_adapted = False


def registerIdentifiers():
    """
    Give localmail's objects identifiers, once.
    """
    global _adapted
    if not _adapted:
        _adapted = True
        registerAdapter(LocalmailIdentifiers, IMAPUserAccount, IObjectIDAccount)
        registerAdapter(LocalmailIdentifiers, MemoryIMAPMailbox, IObjectIDMailbox)
        registerAdapter(LocalmailIdentifiers, Message, IObjectIDMessage)


class LocalmailTests(AsyncTestCase):
    """
    L{extendFactory} on localmail's own factory, as imaplib sees it.
    """

    timeout = 120

    def setUp(self):
        """
        Start it.
        """
        if localmail is None:
            raise SkipTest("localmail is not installed (see TXJMAPACCESS_THIRD_PARTY)")
        registerIdentifiers()
        _, self.factory, _ = localmail.get_factories()
        # All of its accounts have the one mailbox of the process.
        self.patch(INBOX, "msgs", [])

    def talk(self, conversation):
        """
        @return: a Deferred of what C{conversation} returns for an imaplib client, in a thread.
        """
        port = reactor.listenTCP(0, self.factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)

        def work():
            client = imaplib.IMAP4("127.0.0.1", port.getHost().port, timeout=30)
            try:
                return conversation(client)
            finally:
                client.logout()

        return deferToThread(work)

    async def test_usable(self):
        """
        JMAPACCESS after the login, GETJMAPACCESS, and mail that can be written and read, with its
        identifiers.
        """
        self.assertIs(extendFactory(self.factory, SharedCredentials(URL)), self.factory)

        def conversation(client):
            before = client.capabilities
            client.login("arnt", "trondheim")
            client._get_capabilities()
            imaplib.Commands.setdefault("GETJMAPACCESS", ("AUTH", "SELECTED"))
            client._simple_command("GETJMAPACCESS")
            url = client._untagged_response("OK", None, "JMAPACCESS")[1]
            client.append("INBOX", None, None, b"Subject: Hei\r\n\r\nHei!\r\n")
            client.select("INBOX")
            fetched = client.fetch("1:*", "(UID EMAILID THREADID BODY.PEEK[TEXT])")[1]
            return before, client.capabilities, url, fetched

        before, after, url, fetched = await self.talk(conversation)
        self.assertNotIn("JMAPACCESS", before)
        self.assertIn("JMAPACCESS", after)
        self.assertIn("OBJECTID", after)
        self.assertEqual(url, [b'"' + URL.encode() + b'"'])
        answer = b"".join(b"".join(p) if isinstance(p, tuple) else p for p in fetched)
        self.assertRegex(answer, rb"EMAILID \(M\d+\)")
        self.assertIn(b"THREADID NIL", answer)
        self.assertIn(b"Hei!", answer)

    async def test_known(self):
        """
        The operator says that passwords are for IMAP only: no JMAPACCESS.
        """
        extendFactory(self.factory, SharedCredentials(URL, passwords=False))

        def conversation(client):
            client.login("arnt", "trondheim")
            client._get_capabilities()
            return client.capabilities

        capabilities = await self.talk(conversation)
        self.assertNotIn("JMAPACCESS", capabilities)
        self.assertIn("OBJECTID", capabilities)

    async def test_index(self):
        """
        With an index no adapters are needed: EMAILIDs that stay the same when the server starts
        anew, and that COPY keeps; one THREADID for a thread (RFC 8474, sections 5.1 and 5.2).
        """
        path = self.mktemp()

        def conversation(client):
            client.login("arnt", "trondheim")
            client.select("INBOX")
            status, lines = client.fetch("1:*", "(EMAILID THREADID)")
            self.assertEqual(status, "OK")
            return re.findall(rb"EMAILID \((M[a-z2-7]{26})\) THREADID \((T[a-z2-7]{26})\)",
                              b"\n".join(line for line in lines if line))  # fmt: skip

        def fill(client):
            client.login("arnt", "trondheim")
            for header in (b"Message-ID: <1@x>", b"References: <1@x>", b"Message-ID: <3@x>"):
                client.append("INBOX", None, None, header + b"\r\n\r\nHei!\r\n")
            client.select("INBOX")
            return client.copy("1:3", "INBOX")

        found = []
        for talk in (fill, conversation, conversation):
            _, self.factory, _ = localmail.get_factories()
            index = ObjectIDIndex(path)
            extendFactory(self.factory, SharedCredentials(URL), objectIDs=index)
            found.append(await self.talk(talk))
            index.close()
        self.assertEqual(found[0][0], "OK")
        first, again = found[1:]
        self.assertEqual(first, again)
        self.assertEqual(len(first), 6)
        self.assertEqual(first[:3], first[3:])
        (one, thread), (two, same), (three, other) = first[:3]
        self.assertEqual(len({one, two, three}), 3)
        self.assertEqual(thread, same)
        self.assertNotEqual(thread, other)
