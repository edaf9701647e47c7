# -*- test-case-name: tests.jmap.test_accountreader -*-
"""
Tests for L{txjmapaccess.jmap.accountreader}: accounts of all kinds.
"""

from __future__ import annotations

import io
from email.header import Header
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.mail.interfaces import IMessageIMAP
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.jmap import PLAIN, Account, Mailbox, Message, makeAccount
from txjmapaccess.credentials import LoginRecord
from txjmapaccess.errors import MessageExpunged
from txjmapaccess.interfaces import IObjectIDMessage
from txjmapaccess.jmap.accountreader import AccountReader, keywordsOf, roleOf
from txjmapaccess.jmap.accountsnapshot import AccountSnapshot, Copy, SnapshotMailbox
from txjmapaccess.jmap.requestturns import RequestTurns
from txjmapaccess.store.openaccount import OpenAccount
from txjmapaccess.store.serveridentifiers import ServerIdentifiers
from txjmapaccess.verdict import Unknown


@implementer(IMessageIMAP, IObjectIDMessage)
class Headers:
    """
    A message that is no file, and is put together.
    """

    def getUID(self):
        return 1

    def getFlags(self):
        return []

    def getInternalDate(self):
        return b"01-Jan-1970 00:00:10 +0000"

    def getSize(self):
        return 42

    def getEmailID(self):
        return "M1"

    def getThreadID(self):
        return "T1"

    def isMultipart(self):
        return False

    def getHeaders(self, negate, *names):
        return {"subject": "Hello", "from": "a@b"}

    def getBodyFile(self):
        return io.BytesIO(b"Hi\r\n")


class ReaderTestCase(SynchronousTestCase):
    """
    A test case that reads accounts.
    """

    def setUp(self) -> None:
        self.events: list[Any] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)
        self.identification = ServerIdentifiers()

    def read(self, account: Any) -> AccountSnapshot:
        """
        @return: the content of the account.
        """
        self.reader = self.readerOf(account)
        return AccountSnapshot(*self.successResultOf(Deferred.fromCoroutine(self.reader.read())))

    def readerOf(self, account: Any, username: str = "arnt") -> AccountReader:
        """
        @return: what reads an account. All are of one server.
        """
        turns = RequestTurns(Clock())
        record = LoginRecord(username, "JMAP", Unknown(), 0)
        opened = OpenAccount(account, record, lambda: turns)
        return AccountReader(account, self.identification.of(opened, raises=True), turns)

    def octets(self, copy: Copy) -> bytes | None:
        """
        @return: a message.
        """
        return self.successResultOf(Deferred.fromCoroutine(self.reader.octets(copy)))

    def errors(self) -> int:
        """
        @return: how many errors were logged.
        """
        return sum(event["log_level"] is LogLevel.error for event in self.events)


class SnapshotTests(ReaderTestCase):
    """
    All of an account.
    """

    def test_account(self) -> None:
        """
        Mailboxes and messages with everything that JMAP shows of them.
        """
        account = makeAccount(
            INBOX=Mailbox("F1", [Message(7, "M1", "T1", ("\\Seen",))]),
            Sent=Mailbox("F2", [], ("\\Sent",)),
        )
        account.subscriptions.append("INBOX")
        snapshot = self.read(account)
        self.assertEqual(
            list(snapshot.mailboxes.values()),
            [
                SnapshotMailbox("F1", ("INBOX",), "inbox", True),
                SnapshotMailbox("F2", ("Sent",), "sent", False),
            ],
        )
        (copy,) = snapshot.emails["M1"].copies
        self.assertEqual(
            copy,
            Copy("M1", "T1", "F1", 7, 1136214245, len(PLAIN), frozenset(("$seen",))),
        )

    def test_noselect(self) -> None:
        """
        Names that cannot be selected are no mailboxes.
        """
        account = makeAccount(a=Mailbox("F1", [], ("\\NoSelect",)), b=Mailbox("F2"))
        account.listMailboxes = lambda ref, wildcard: [
            *account.mailboxes.items(),
            ("gone", Mailbox("F3")),
        ]
        self.assertEqual(list(self.read(account).mailboxes), ["F2"])

    def test_names(self) -> None:
        """
        A name has its levels as the delimiter says, INBOX in any case of letters.
        """
        account = Account("arnt")
        for number, name in enumerate(("inbox", "Inbox/a", "b/c", "d.e")):
            account.mailboxes[name] = Mailbox(f"F{number}")
        paths = [mailbox.path for mailbox in self.read(account).mailboxes.values()]
        self.assertEqual(paths, [("INBOX",), ("INBOX", "a"), ("b", "c"), ("d.e",)])

    def test_oneRole(self) -> None:
        """
        No role is given twice (RFC 8621, section 2).
        """
        account = makeAccount(a=Mailbox("F1", [], ("\\Sent",)), b=Mailbox("F2", [], ("\\Sent",)))
        roles = [mailbox.role for mailbox in self.read(account).mailboxes.values()]
        self.assertEqual(roles, ["sent", None])

    def test_noThreads(self) -> None:
        """
        Where the store has no threads, each Email is one.
        """
        snapshot = self.read(makeAccount(INBOX=Mailbox("F1", [Message(1, "M1", None)])))
        self.assertEqual(snapshot.emails["M1"].threadID, "M1")

    def test_deleted(self) -> None:
        """
        Deleted messages are not there (RFC 8621, section 4.1.1).
        """
        account = makeAccount(INBOX=Mailbox("F1", [Message(1, "M1", "T1", ("\\Deleted",))]))
        self.assertEqual(self.read(account).emails, {})

    def test_illegalMailboxID(self) -> None:
        """
        A mailbox without an identifier of its own is left out, with a line in the log: illegal
        ones, the same one twice, an adapter that fails.
        """
        account = Account("arnt")
        failing = Mailbox("F9")
        failing.getMailboxID = lambda: fail(KeyError("x"))  # type: ignore[method-assign]
        mailboxes = [
            Mailbox("F1"),
            Mailbox("F1"),
            Mailbox(""),
            Mailbox("F 2"),
            Mailbox(None),
            failing,
        ]
        account.mailboxes.update((f"m{n}", mailbox) for n, mailbox in enumerate(mailboxes))
        self.assertEqual(list(self.read(account).mailboxes), ["F1"])
        self.assertEqual(self.errors(), 5)
        self.assertEqual([type(e["error"]) for e in self.events if e.get("error")], [KeyError])

    def test_once(self) -> None:
        """
        A fault is logged once for each account, no matter how often it is read.
        """
        messages = [Message(1, "a b"), Message(2, "a b")]
        account = makeAccount(INBOX=Mailbox("F1", messages), twin=Mailbox("F1"), bad=Mailbox(""))
        for username in ("arnt", "arnt", "bob"):
            reader = self.readerOf(account, username)
            self.successResultOf(Deferred.fromCoroutine(reader.read()))
        self.assertEqual(self.errors(), 8)

    def test_illegalEmailID(self) -> None:
        """
        So is a message.
        """
        failing = Message(4, "M4")
        failing.getEmailID = lambda: 1 // 0  # type: ignore[method-assign]
        messages = [Message(1, "M1"), Message(2, b"M2"), Message(3, "M" * 256), failing]
        snapshot = self.read(makeAccount(INBOX=Mailbox("F1", messages)))
        self.assertEqual(list(snapshot.emails), ["M1"])
        self.assertEqual(self.errors(), 3)

    def test_dates(self) -> None:
        """
        Internal dates in either form that stores use; an invalid one is 1970.
        """
        dates = {
            "02-Jan-2006 15:04:05 -0700": 1136239445,
            "Mon, 02 Jan 2006 15:04:05 +0000": 1136214245,
            "yesterday": 0,
        }
        messages = [Message(n, f"M{n}", date=date) for n, date in enumerate(dates, 1)]
        snapshot = self.read(makeAccount(INBOX=Mailbox("F1", messages)))
        received = [email.receivedAt for email in snapshot.emails.values()]
        self.assertEqual(received, list(dates.values()))

    def test_close(self) -> None:
        """
        All mailboxes that were opened are closed, once.
        """
        account = makeAccount(a=Mailbox("F1"), b=Mailbox("F1"), c=Mailbox("F3"))
        self.read(account)
        self.assertEqual([m.opened for m in account.mailboxes.values()], [1, 0, 1])
        for _ in range(2):
            self.successResultOf(Deferred.fromCoroutine(self.reader.close()))
        self.assertEqual([m.opened for m in account.mailboxes.values()], [0, 0, 0])

    def test_closeThatFails(self) -> None:
        """
        A mailbox that cannot be closed is logged, and the others are closed.
        """
        account = makeAccount(a=Mailbox("F1"), b=Mailbox("F2"))
        account.mailboxes["a"].close = lambda: 1 // 0
        self.read(account)
        self.successResultOf(Deferred.fromCoroutine(self.reader.close()))
        self.assertEqual(account.mailboxes["b"].opened, 0)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class OctetTests(ReaderTestCase):
    """
    Single messages.
    """

    def test_file(self) -> None:
        """
        A message that is a file is read as it is, by its UID.
        """
        messages = [Message(5, "M5"), Message(9, "M9", octets=b"Subject: nine\r\n\r\n")]
        snapshot = self.read(makeAccount(INBOX=Mailbox("F1", messages)))
        self.assertEqual(self.octets(snapshot.emails["M9"].copies[0]), b"Subject: nine\r\n\r\n")

    def test_gone(self) -> None:
        """
        One that is gone since is C{None}.
        """
        account = makeAccount(INBOX=Mailbox("F1", [Message(5, "M5")]))
        (copy,) = self.read(account).emails["M5"].copies
        account.mailboxes["INBOX"].messages.clear()
        self.assertIsNone(self.octets(copy))

    def test_expunged(self) -> None:
        """
        So is one that cannot be opened any more.
        """

        def gone() -> io.BytesIO:
            raise MessageExpunged()

        account = makeAccount(INBOX=Mailbox("F1", [Message(5, "M5")]))
        (copy,) = self.read(account).emails["M5"].copies
        account.mailboxes["INBOX"].messages[0].open = gone
        self.assertIsNone(self.octets(copy))

    def test_noFile(self) -> None:
        """
        One that is no file is put together as Twisted does it for IMAP.
        """
        mailbox = Mailbox("F1", [Headers()])  # type: ignore[list-item]
        mailbox.fetch = lambda messages, uid: [(1, Headers())]  # type: ignore[method-assign]
        (copy,) = self.read(makeAccount(INBOX=mailbox)).emails["M1"].copies
        octets = self.octets(copy)
        assert octets is not None
        self.assertEqual(octets.lower(), b"subject: hello\r\nfrom: a@b\r\n\r\nhi\r\n")

    def test_octetsAboveASCII(self) -> None:
        """
        Octets above ASCII in a header are what they are, in whatever form the store has them.
        """
        octets = "Subject: Grüße\r\nX-Other: ".encode() + b"f\xfcr\r\n\r\nGr\xfc\xdfe\r\n"
        for fields in (
            {"subject": "Grüße", "x-other": "f\udcfcr"},
            {"subject": Header("Grüße", "utf-8"), "x-other": b"f\xfcr"},
        ):
            message = Headers()
            message.getHeaders = lambda *_, fields=fields: fields  # type: ignore[method-assign]
            message.getBodyFile = lambda: io.BytesIO(octets[-7:])  # type: ignore[method-assign]
            mailbox = Mailbox("F1", [message])  # type: ignore[list-item]
            mailbox.fetch = lambda *_, message=message: [(1, message)]  # type: ignore[method-assign]
            (copy,) = self.read(makeAccount(INBOX=mailbox)).emails["M1"].copies
            self.assertEqual(self.octets(copy), octets)


class TranslationTests(SynchronousTestCase):
    """
    Attributes and flags of IMAP in JMAP's words.
    """

    def test_roles(self) -> None:
        """
        Roles come from the attributes of RFC 6154, and INBOX is the inbox.
        """
        self.assertEqual(roleOf(("INBOX",), []), "inbox")
        self.assertEqual(roleOf(("x",), ["\\HasNoChildren", "\\Sent"]), "sent")
        self.assertEqual(roleOf(("x",), [b"\\Trash"]), "trash")
        self.assertIsNone(roleOf(("Sent",), ["\\Marked"]))

    def test_keywords(self) -> None:
        """
        The flags of IMAP as keywords (section 4.1.1): \\Recent is not there, what is \\Deleted is
        not seen at all.
        """
        self.assertEqual(
            keywordsOf(["\\Seen", b"\\Answered", "\\Recent", "$Forwarded", "Foo"]),
            {"$seen", "$answered", "$forwarded", "foo"},
        )
        self.assertIsNone(keywordsOf(["\\Seen", "\\DELETED"]))
