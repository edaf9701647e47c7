"""
A JMAP server without a network: an account in memory, a resource, and HTTP on a string transport.
"""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass, field
from typing import Any

from twisted.cred.portal import Portal
from twisted.internet.address import IPv4Address
from twisted.internet.defer import succeed
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.mail.imap4 import MemoryAccount
from twisted.mail.interfaces import (
    ICloseableMailboxIMAP,
    IMailboxIMAP,
    IMessageIMAP,
    IMessageIMAPFile,
)
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import Site
from zope.interface import implementer

from tests.support.imap import RecordingRealm, makePortal
from txjmapaccess.interfaces import IObjectIDAccount, IObjectIDMailbox, IObjectIDMessage
from txjmapaccess.jmap import BoundedRequest, JMAPResource
from txjmapaccess.policy import SharedCredentials

CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"
SESSION_URL = "https://example.com/jmap"

PLAIN = b"From: a@example.com\r\nSubject: Hello\r\nMessage-ID: <1@example.com>\r\n\r\nHi there\r\n"


@implementer(IMessageIMAP, IMessageIMAPFile, IObjectIDMessage)
@dataclass
class Message:
    """
    A message with given data.
    """

    uid: int
    emailID: Any
    threadID: Any = None
    flags: tuple[str, ...] = ()
    octets: bytes = PLAIN
    date: str = "Mon, 02 Jan 2006 15:04:05 +0000"

    def getUID(self):
        return self.uid

    def getFlags(self):
        return self.flags

    def getInternalDate(self):
        return self.date

    def getSize(self):
        return len(self.octets)

    def getEmailID(self):
        return self.emailID

    def getThreadID(self):
        return succeed(self.threadID)

    def open(self):
        return io.BytesIO(self.octets)


@implementer(IMailboxIMAP, IObjectIDMailbox, ICloseableMailboxIMAP)
@dataclass
class Mailbox:
    """
    A mailbox with given messages.
    """

    mailboxID: Any
    messages: list[Message] = field(default_factory=list)
    attributes: tuple[str, ...] = ()
    opened: int = 0

    def getMailboxID(self):
        return self.mailboxID

    def getFlags(self):
        return self.attributes

    def getHierarchicalDelimiter(self):
        return "/"

    def getMessageCount(self):
        return len(self.messages)

    def fetch(self, messages, uid):
        numbered = list(enumerate(self.messages, 1))
        if uid:
            return [(n, m) for n, m in numbered if m.uid in messages]
        return succeed([(n, m) for n, m in numbered if n in messages])

    def close(self):
        self.opened -= 1


@implementer(IObjectIDAccount)
class Account(MemoryAccount):
    """
    An account whose methods return Deferreds, to which mailboxes can be added as they are.
    """

    accountID: Any = "u1"

    def getAccountID(self):
        return succeed(self.accountID)

    def listMailboxes(self, ref, wildcard):
        return succeed(list(self.mailboxes.items()))

    def select(self, name, readwrite=1):
        mailbox = self.mailboxes.get(name)
        if mailbox is not None:
            mailbox.opened += 1
        return succeed(mailbox)

    def isSubscribed(self, name):
        return succeed(name in self.subscriptions)


def makeAccount(**mailboxes: Mailbox) -> Account:
    """
    @return: an account with these mailboxes.
    """
    account = Account("arnt")
    account.mailboxes.update(mailboxes)
    return account


def basic(username: str = "arnt", password: str = "trondheim") -> str:
    """
    @return: the value of an Authorization field.
    """
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@dataclass
class Response:
    """
    What came back.
    """

    status: int
    headers: dict[str, list[str]]
    body: bytes

    @property
    def json(self) -> Any:
        """
        The body.
        """
        return json.loads(self.body)


class ThreadlessClock(Clock):
    """
    A clock that runs the work of threads at once.
    """

    def getThreadPool(self):
        return self

    def callInThreadWithCallback(self, onResult, function, *args, **keywords):
        try:
            result = function(*args, **keywords)
        except Exception:
            onResult(False, Failure())
        else:
            onResult(True, result)

    def callFromThread(self, function, *args, **keywords):
        function(*args, **keywords)


class Server:
    """
    A L{JMAPResource} at C{/jmap} for arnt (password trondheim, token demo-token-arnt).

    @ivar realm: who was logged in and out.
    """

    def __init__(self, account=None, portal=None, policy=None, **keywords):
        self.clock = ThreadlessClock()
        self.realm = RecordingRealm(lambda avatarId: account or makeAccount())
        self.resource = JMAPResource(
            portal or makePortal(self.realm),
            policy or SharedCredentials(SESSION_URL),
            reactor=self.clock,
            **keywords,
        )
        root = Resource()
        root.putChild(b"jmap", self.resource)
        self.site = Site(root, requestFactory=BoundedRequest, reactor=self.clock)
        self.transport = StringTransport()

    def begin(self, method="GET", path="/jmap", body=b"", peer="127.0.0.1", **headers):
        """
        Send a request, and let no time pass.
        """
        lines = [f"{method} {path} HTTP/1.1", "Host: mail.example.com", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}"] if body else []
        self.transport = StringTransport(
            IPv4Address("TCP", "127.0.0.1", 80), IPv4Address("TCP", peer, 4711)
        )
        self.channel = self.site.buildProtocol(self.transport.getPeer())
        self.channel.makeConnection(self.transport)
        self.channel.dataReceived("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def finish(self, seconds=0.0) -> Response | None:
        """
        Let time pass.

        @return: the response, or L{None} when there is none yet.
        """
        self.clock.advance(seconds)
        head, _, body = self.transport.value().partition(b"\r\n\r\n")
        if not head:
            return None
        status, *fields = head.decode("latin-1").split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in fields:
            name, _, value = line.partition(": ")
            headers.setdefault(name.lower(), []).append(value)
        return Response(int(status.split()[1]), headers, body)

    def ask(self, *args, **keywords) -> Response:
        """
        Send a request, and wait for the response.
        """
        self.begin(*args, **keywords)
        response = self.finish(1)
        assert response is not None, "there was no response"
        return response

    def post(self, body: bytes, **headers) -> Response:
        """
        Post octets to the API endpoint.
        """
        headers.setdefault("Content_Type", "application/json")
        headers.setdefault("Authorization", basic())
        return self.ask("POST", "/jmap/api", body, **headers)

    def call(self, *calls, using=(CORE, MAIL), **headers) -> list[Any]:
        """
        Call methods: each a name and its arguments; C{accountId} is added.

        @return: names and arguments of the responses.
        """
        sent = [
            [name, {"accountId": "u1", **arguments}, str(number)]
            for number, (name, arguments) in enumerate(calls)
        ]
        body = json.dumps({"using": list(using), "methodCalls": sent}).encode()
        response = self.post(body, **headers)
        assert response.status == 200, response
        return [(name, arguments) for name, arguments, _ in response.json["methodResponses"]]


def portalOf(checker, realm=None) -> Portal:
    """
    @return: a portal with one checker.
    """
    return makePortal(realm, [checker])
