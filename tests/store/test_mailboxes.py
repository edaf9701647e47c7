# -*- test-case-name: tests.store.test_mailboxes -*-
"""
Tests for L{txjmapaccess.store.mailboxes} and L{txjmapaccess.store.mailboxnames}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.mail.imap4 import NoSuchMailbox
from twisted.mail.interfaces import ICloseableMailboxIMAP
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txjmapaccess.store.mailboxes import (
    MailboxNames,
    attributesOf,
    closeMailbox,
    isSelectable,
    openMailbox,
    uidNextOf,
)
from txjmapaccess.store.mailboxnames import levels, listedName, nameText


@implementer(ICloseableMailboxIMAP)
class Mailbox:
    """
    A mailbox that has attributes.
    """

    def __init__(self, *attributes: str | bytes) -> None:
        self.attributes = attributes
        self.calls: list[Any] = []

    def getFlags(self) -> Any:
        return succeed(self.attributes)

    def removeListener(self, listener: object) -> None:
        self.calls.append(listener)

    def close(self) -> Any:
        self.calls.append("close")
        return fail(KeyError())


class Account:
    """
    An account that has mailboxes.
    """

    def __init__(self, **mailboxes: Any) -> None:
        self.mailboxes = mailboxes

    def select(self, name: str, rw: int = 1) -> Any:
        return self.mailboxes[name]

    def listMailboxes(self, reference: str, pattern: str) -> Any:
        return succeed(list(self.mailboxes.items()))


class MailboxTests(SynchronousTestCase):
    """
    Mailboxes of an account.
    """

    def wait(self, coroutine: Any) -> Any:
        """
        @return: what a coroutine gives at once.
        """
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def test_open(self) -> None:
        """
        One that is not there is L{None}, in whatever way the account says so.
        """
        account = Account(a="A", none=None, later=succeed("B"), gone=fail(NoSuchMailbox("gone")))
        for name, expected in (("a", "A"), ("none", None), ("later", "B"), ("gone", None)):
            self.assertEqual(self.wait(openMailbox(account, name, 0)), expected)

    def test_close(self) -> None:
        """
        A listener is taken away, and what fails is logged.
        """
        mailbox = Mailbox()
        self.wait(closeMailbox(mailbox, "listener"))
        self.assertEqual(mailbox.calls, ["listener", "close"])
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.wait(closeMailbox(object()))

    def test_attributes(self) -> None:
        """
        They are text, and one of them says that there is no mailbox.
        """
        for attributes, expected in (
            ((), True),
            (("\\NoSelect",), False),
            ((b"\\Noselect",), False),
        ):
            found = self.wait(attributesOf(Mailbox(*attributes)))
            self.assertEqual(isSelectable(found), expected)

    def test_uidNext(self) -> None:
        """
        Not every mailbox can tell UIDNEXT.
        """
        self.assertIsNone(uidNextOf(Mailbox()))

    def test_names(self) -> None:
        """
        Names are those of mailboxes; one that is not listed may be there all the same.
        """
        account = Account(Inbox=Mailbox(), above=Mailbox("\\Noselect"))
        names = MailboxNames(account)
        self.assertEqual(self.wait(names.refreshed()), {"Inbox"})
        self.assertEqual(self.wait(names.spelling("INBOX/")), "Inbox")
        self.assertEqual(self.wait(names.spelling("other")), "other")
        for name, expected in (("Inbox", True), ("INBOX", False), ("above", False)):
            self.assertEqual(self.wait(names.isThere(name, {"Inbox"})), expected)
        account.mailboxes["hidden"] = Mailbox()
        self.assertTrue(self.wait(names.isThere("hidden", {"Inbox"})))


class NameTests(SynchronousTestCase):
    """
    Mailbox names.
    """

    def test_text(self) -> None:
        """
        Octets are what goes over the wire: modified UTF-7. What is none is shown as far as it goes.
        """
        for name, expected in (
            ("Entwürfe", "Entwürfe"),
            (b"Entw&APw-rfe", "Entwürfe"),
            (b"Entw\xc3\xbcrfe", "Entwürfe"),
        ):
            self.assertEqual(nameText(name), expected)

    def test_levels(self) -> None:
        """
        INBOX is that in any case of letters, also above others.
        """
        for name, delimiter, expected in (
            ("inbox", "/", ("INBOX",)),
            ("inbox", None, ("INBOX",)),
            ("Inbox.a", ".", ("INBOX", "a")),
            ("a.inbox", ".", ("a", "inbox")),
            ("a.b", "/", ("a.b",)),
        ):
            self.assertEqual(levels(name, delimiter), expected)

    def test_listed(self) -> None:
        """
        A name means the one that is listed, where that is clear.
        """
        self.assertEqual(listedName("work/", ["Work", "other"]), "Work")
        self.assertEqual(listedName("work", ["Work", "WORK"]), "work")
