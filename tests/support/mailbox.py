"""
A mailbox and an account in memory, that do as little as an IMAP server can live with.
"""

from __future__ import annotations

from twisted.internet.defer import fail, succeed
from twisted.mail.imap4 import IMailbox, MailboxException
from twisted.mail.test.test_imap import FakeyMessage
from zope.interface import implementer

from tests.support.imap import IdentifiedAccount


@implementer(IMailbox)
class Mailbox:
    """
    A mailbox with two messages.
    """

    def __init__(self):
        self.added = []

    def getFlags(self):
        return ["\\Seen"]

    def getUIDValidity(self):
        return 1

    def getUIDNext(self):
        return 3

    def getUID(self, number):
        return number

    def getMessageCount(self):
        return 2

    def getRecentCount(self):
        return 0

    def getUnseenCount(self):
        return 0

    def isWriteable(self):
        return True

    def getHierarchicalDelimiter(self):
        return "/"

    def addListener(self, listener):
        return True

    def removeListener(self, listener):
        return True

    def requestStatus(self, names):
        return succeed({name: {"MESSAGES": 2}[name] for name in names})

    def fetch(self, messages, uid):
        headers = {"subject": "hi", "date": "Tue, 01 Jan 2030 00:00:00 +0000"}
        return [
            (n, FakeyMessage(headers, ["\\Seen"], b"01-Jan-2030 00:00:00 +0000", b"body", n, None))
            for n in (1, 2)
        ]

    def addMessage(self, message, flags=(), date=None):
        self.added.append(message.read())
        return succeed(None)

    def expunge(self):
        return []

    def store(self, messages, flags, mode, uid):
        return {}

    def destroy(self):
        pass


class Account(IdentifiedAccount):
    """
    An account with one mailbox, whose name must be quoted.
    """

    def __init__(self, name):
        super().__init__(name)
        self.mailboxes = {'A "B': Mailbox(), "INBOX": Mailbox()}

    def select(self, name, readwrite=1):
        return succeed(self.mailboxes.get(name))

    def create(self, name):
        return fail(MailboxException("no"))

    def delete(self, name):
        return fail(MailboxException("no"))

    def rename(self, old, new):
        return fail(MailboxException("no"))

    def subscribe(self, name):
        return fail(MailboxException("no"))

    def unsubscribe(self, name):
        return fail(MailboxException("no"))

    def listMailboxes(self, ref, wildcard):
        return list(self.mailboxes.items())
