"""
A mail store in memory that can be slow: each method answers at once, or with a Deferred that the
test fires.
"""

from __future__ import annotations

import io
import re
from email import message_from_bytes

from twisted.internet.defer import Deferred
from twisted.mail.imap4 import (
    MailboxCollision,
    NoSuchMailbox,
    statusRequestHelper,
)
from twisted.mail.interfaces import (
    IAccountIMAP,
    ICloseableMailboxIMAP,
    IMailboxIMAP,
    IMessageIMAP,
)
from zope.interface import implementer

from tests.support.imap import Connection, RecordingRealm, makePortal
from txjmapaccess.interfaces import (
    IObjectIDAccount,
    IObjectIDMailbox,
    IObjectIDMessage,
    IObjectIDSearch,
    IPollableMailbox,
)

HELLO = (
    b"From: Ada <ada@example.com>\r\n"
    b"To: Bob <bob@example.com>\r\n"
    b"Subject: Hello\r\n"
    b"Date: Tue, 03 Mar 2020 10:00:00 +0000\r\n"
    b"Message-ID: <1@example.com>\r\n"
    b"\r\n"
    b"Good morning\r\n"
)


class Slow:
    """
    Makes methods of a store wait: C{slow.names} are those that answer with a Deferred, which
    L{go} fires.
    """

    def __init__(self):
        self.names = set()
        self.errors = {}
        self.waiting = []

    def answer(self, name, function, *args):
        """
        @return: what C{function} returns, or a Deferred of it.
        """
        if name in self.errors:
            error = self.errors[name]

            def function(*args):
                raise error

        if name not in self.names:
            return function(*args)
        waiting = Deferred()
        waiting.addCallback(lambda _: function(*args))
        self.waiting.append(waiting)
        return waiting

    def go(self):
        """
        Let everything that waits go on.
        """
        waiting, self.waiting = self.waiting, []
        for deferred in waiting:
            deferred.callback(None)


@implementer(IMessageIMAP)
class Part:
    """
    A message or a part of one, from its octets.
    """

    def __init__(self, octets):
        self.octets = octets
        self.parsed = message_from_bytes(octets)

    def getHeaders(self, negate, *names):
        wanted = [name.lower() for name in names]
        return {
            key.lower(): value
            for key, value in self.parsed.items()
            if (key.lower() in wanted) != bool(negate)
        }

    def getBodyFile(self):
        return io.BytesIO(self.octets.partition(b"\r\n\r\n")[2])

    def getSize(self):
        return len(self.octets)

    def isMultipart(self):
        return self.parsed.is_multipart()

    def getSubPart(self, part):
        if not self.isMultipart():
            raise TypeError(part)
        octets = self.parsed.get_payload(part).as_bytes()
        return Part(octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


@implementer(IMessageIMAP)
class Message(Part):
    """
    A message.
    """

    def __init__(self, uid, octets=HELLO, flags=(), date=b"Tue, 03 Mar 2020 11:00:00 +0000"):
        super().__init__(octets)
        self.uid = uid
        self.flags = list(flags)
        self.date = date

    def getUID(self):
        return self.uid

    def getFlags(self):
        return self.flags

    def getInternalDate(self):
        return self.date


@implementer(IObjectIDMessage)
class IdentifiedMessage(Message):
    """
    A message with identifiers.
    """

    emailID = None
    threadID = "T1"

    def getEmailID(self):
        return self.emailID or f"M{self.uid}"

    def getThreadID(self):
        return self.threadID


@implementer(IMailboxIMAP, ICloseableMailboxIMAP)
class Mailbox:
    """
    A mailbox.
    """

    messageFactory = Message

    def __init__(self, slow=None):
        self.slow = slow or Slow()
        self.messages = []
        self.listeners = []
        self.uidNext = 1
        self.closed = 0
        self.writeable = True
        self.flags = ["\\Seen", "\\Deleted"]

    def put(self, octets=HELLO, flags=(), **attributes):
        message = self.messageFactory(self.uidNext, octets, flags)
        for name, value in attributes.items():
            setattr(message, name, value)
        self.uidNext += 1
        self.messages.append(message)
        return message

    def getFlags(self):
        return self.flags

    def getHierarchicalDelimiter(self):
        return "/"

    def getUIDValidity(self):
        return 7

    def getUIDNext(self):
        return self.uidNext

    def getUID(self, message):
        return self.messages[message - 1].uid

    def getMessageCount(self):
        return len(self.messages)

    def getRecentCount(self):
        return 0

    def getUnseenCount(self):
        return sum("\\Seen" not in message.flags for message in self.messages)

    def isWriteable(self):
        return self.writeable

    def requestStatus(self, names):
        return self.slow.answer("requestStatus", statusRequestHelper, self, names)

    def addListener(self, listener):
        self.listeners.append(listener)

    def removeListener(self, listener):
        self.listeners.remove(listener)

    def close(self):
        self.closed += 1

    def addMessage(self, message, flags=(), date=None):
        return self.slow.answer("addMessage", self._add, message, flags, date)

    def _add(self, message, flags, date):
        return self.put(message.read(), flags, date=date or b"Tue, 03 Mar 2020 11:00:00 +0000").uid

    def _chosen(self, messages, uid):
        if messages._last is messages._empty:
            last = self.messages[-1].uid if uid and self.messages else len(self.messages)
            messages.last = last
        return [
            (number, message)
            for number, message in enumerate(self.messages, 1)
            if (message.uid if uid else number) in messages
        ]

    def fetch(self, messages, uid):
        return self.slow.answer("fetch", self._chosen, messages, uid)

    def store(self, messages, flags, mode, uid):
        return self.slow.answer("store", self._store, messages, flags, mode, uid)

    def _store(self, messages, flags, mode, uid):
        changed = {}
        for number, message in self._chosen(messages, uid):
            before = [] if mode == 0 else [f for f in message.flags if f not in flags]
            message.flags = before if mode < 0 else [*before, *flags]
            changed[number] = message.flags
        return changed

    def expunge(self):
        return self.slow.answer("expunge", self._expunge)

    def _expunge(self):
        expunged = []
        for number in range(len(self.messages), 0, -1):
            if "\\Deleted" in self.messages[number - 1].flags:
                del self.messages[number - 1]
                expunged.append(number)
        return expunged


@implementer(IObjectIDMailbox)
class IdentifiedMailbox(Mailbox):
    """
    A mailbox with an identifier.
    """

    messageFactory = IdentifiedMessage
    mailboxID = "F1"

    def getMailboxID(self):
        return self.slow.answer("getMailboxID", lambda: self.mailboxID)


@implementer(IObjectIDSearch)
class IndexedMailbox(IdentifiedMailbox):
    """
    A mailbox that finds messages by identifier, and remembers that it was asked.
    """

    def searchEmailID(self, emailID):
        return self.slow.answer("searchEmailID", self._search, "getEmailID", emailID)

    def searchThreadID(self, threadID):
        return self.slow.answer("searchThreadID", self._search, "getThreadID", threadID)

    def _search(self, method, value):
        return [m.uid for m in self.messages if getattr(m, method)() == value]


@implementer(IPollableMailbox)
class PollableMailbox(IdentifiedMailbox):
    """
    A mailbox that must be looked at: C{found} are the functions to call with each listener.
    """

    found = ()

    def poll(self):
        return self.slow.answer("poll", self._poll)

    def _poll(self):
        found, self.found = self.found, ()
        for listener in self.listeners:
            for tell in found:
                tell(listener)


@implementer(IAccountIMAP)
class Account:
    """
    An account with an empty INBOX.
    """

    mailboxFactory = Mailbox

    def __init__(self, name=None):
        self.slow = Slow()
        self.mailboxes = {}
        self.subscribed = set()
        self.add("INBOX")

    def add(self, name, mailbox=None):
        mailbox = mailbox or self.mailboxFactory(self.slow)
        if hasattr(mailbox, "mailboxID") and mailbox.mailboxID == "F1":
            mailbox.mailboxID = f"F{len(self.mailboxes) + 1}"
        self.mailboxes[name] = mailbox
        return mailbox

    def select(self, name, rw=True):
        return self.slow.answer("select", self.mailboxes.get, name)

    def create(self, name):
        return self.slow.answer("create", self._create, name)

    def _create(self, name):
        if name in self.mailboxes:
            raise MailboxCollision("secret text")
        return self.add(name.rstrip("/"))

    def delete(self, name):
        return self.slow.answer("delete", self._delete, name)

    def _delete(self, name):
        if name not in self.mailboxes:
            raise NoSuchMailbox("secret text")
        del self.mailboxes[name]

    def rename(self, old, new):
        return self.slow.answer("rename", self._rename, old, new)

    def _rename(self, old, new):
        if old not in self.mailboxes:
            raise NoSuchMailbox("secret text")
        if new in self.mailboxes:
            raise MailboxCollision("secret text")
        self.mailboxes[new] = self.mailboxes.pop(old)

    def isSubscribed(self, name):
        return self.slow.answer("isSubscribed", self.subscribed.__contains__, name)

    def subscribe(self, name):
        return self.slow.answer("subscribe", self.subscribed.add, name)

    def unsubscribe(self, name):
        return self.slow.answer("unsubscribe", self.subscribed.discard, name)

    def listMailboxes(self, ref, wildcard):
        return self.slow.answer("listMailboxes", self._list, ref, wildcard)

    def _list(self, ref, wildcard):
        wild = {"*": ".*", "%": "[^/]*"}
        pattern = "".join(wild.get(c, re.escape(c)) for c in ref + wildcard)
        return [item for item in sorted(self.mailboxes.items()) if re.fullmatch(pattern, item[0])]


@implementer(IObjectIDAccount)
class IdentifiedAccount(Account):
    """
    An account whose mailboxes and messages have identifiers.
    """

    mailboxFactory = IdentifiedMailbox

    def getAccountID(self):
        return "A1"


class Session(Connection):
    """
    A connection that has logged in.

    @ivar account: its L{Account}.
    @ivar inbox: the mailbox INBOX.
    """

    def __init__(self, accountFactory=Account, portal=None, **keywords):
        super().__init__(portal=portal or makePortal(RecordingRealm(accountFactory)), **keywords)
        assert b" OK " in self.send(b"x LOGIN arnt trondheim")[-1]
        self.account = self.server.account
        self.inbox = self.account.mailboxes["INBOX"]
        self.slow = self.account.slow

    def selected(self, command=b"SELECT INBOX"):
        """
        Select the INBOX.

        @return: itself.
        """
        assert b" OK " in self.send(b"x " + command)[-1]
        return self

    def go(self):
        """
        Let the store answer.

        @return: the lines that the server sends thereupon.
        """
        self.slow.go()
        self.clock.advance(0)
        return self.received()
