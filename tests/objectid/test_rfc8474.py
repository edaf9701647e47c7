# -*- test-case-name: tests.objectid.test_rfc8474 -*-
"""
One suite of tests of object identifiers (RFC 8474) for two stores: the embedded one, and one that
knows nothing of identifiers, with an L{ObjectIDIndex}.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from twisted.mail.imap4 import MailboxCollision, NoSuchMailbox
from twisted.mail.interfaces import IMessageIMAPCopier
from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.identifiers import (
    Client,
    IdentifierMachine,
    IdentifierSuite,
    InlineIndex,
    found,
    mail,
)
from tests.support.imap import Connection, RecordingRealm, makePortal
from tests.support.mail import Account, Mailbox
from tests.support.maildir import Here
from tests.support.paths import ROOT
from txjmapaccess.maildir import MaildirRealm


@implementer(IMessageIMAPCopier)
class TheirMailbox(Mailbox):
    """
    A mailbox of others: copies get a date of their own.
    """

    def copy(self, message: Any) -> int:
        """
        See L{IMessageIMAPCopier}.
        """
        date = b"Tue, 03 Mar 2020 11:00:%02d +0000" % (self.uidNext % 60)
        copied: int = self.put(message.octets, message.getFlags(), date=date).uid
        return copied


class TheirAccount(Account):
    """
    An account of others: every mailbox has the same UIDVALIDITY, and RENAME takes the mailboxes
    below along.
    """

    mailboxFactory = TheirMailbox

    def _rename(self, old: str, new: str) -> None:
        if old not in self.mailboxes:
            raise NoSuchMailbox(old)
        moved = {
            name: new + name[len(old) :]
            for name in self.mailboxes
            if name == old or name.startswith(old + "/")
        }
        if new.startswith(old + "/") or {new, *moved.values()} & set(self.mailboxes):
            raise MailboxCollision(new)
        for name, target in moved.items():
            self.mailboxes[target] = self.mailboxes.pop(name)


class Stores:
    """
    The two stores: for each, a function that starts a server process.

    @param directory: for their files.
    """

    def __init__(self, directory: str) -> None:
        self._directory = os.path.abspath(directory)
        self.account = TheirAccount()

    def maildir(self) -> Connection:
        """
        @return: a connection to the embedded store.
        """
        realm = MaildirRealm(os.path.join(self._directory, "accounts"), Here(), Here())
        return self._connect(realm)

    def indexed(self) -> Connection:
        """
        @return: a connection to the store of others.
        """
        index = InlineIndex(os.path.join(self._directory, "index"))
        return self._connect(RecordingRealm(lambda name: self.account), objectIDs=index)

    def _connect(self, realm: Any, **attributes: Any) -> Connection:
        connection = Connection(portal=makePortal(realm), **attributes)
        assert b" OK " in connection.send(b"x LOGIN arnt trondheim")[-1]
        return connection


class _StoreTestCase(SynchronousTestCase):
    """
    @ivar stores: the L{Stores} of the test.
    """

    def setUp(self) -> None:
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        self.stores = Stores(directory)


class MaildirTests(IdentifierSuite, _StoreTestCase):
    """
    The embedded store, which keeps identifiers itself.
    """

    def connect(self) -> Connection:
        """
        See L{IdentifierSuite.connect}.
        """
        return self.stores.maildir()

    def test_existsAfterRename(self) -> None:
        """
        Who renames the mailbox that he has selected is still told at once what he copies into it.
        """
        self.client.do(b"CREATE a")
        self.client.append(b"a", mail(1))
        self.client.open(b"a")
        self.client.do(b"RENAME a b")
        self.assertIn(b"* 2 EXISTS", self.client.do(b"COPY 1 b"))

    def test_createWithDelimiter(self) -> None:
        """
        Section 4.1: a mailbox that is made with a delimiter behind its name (RFC 3501, section
        6.3.3) has one MAILBOXID, under either name and over either connection.
        """
        (value,) = found(self.client.do(b"CREATE foo/"), b"MAILBOXID")
        for client in (self.client, Client(self.connect())):
            self.assertEqual([client.status(name) for name in (b"foo", b"foo/")], [value] * 2)

    def test_expunged(self) -> None:
        """
        FETCH of the content of a message that another session has expunged is NO, until the client
        gives occasion to be told (RFC 2180, section 4.1.2).
        """
        for number in (1, 2):
            self.client.append(b"INBOX", mail(number))
        self.client.open()
        other = Client(self.connect())
        other.open()
        other.do(b"STORE 1 FLAGS (\\Deleted)")
        other.do(b"EXPUNGE")
        lines = self.client.send(b"FETCH 1:2 (EMAILID BODY.PEEK[])")
        self.assertEqual(lines[-1], b"a NO [EXPUNGEISSUED] Some messages are gone")
        self.assertEqual(len(found(lines, b"EMAILID")), 1)
        self.assertIn(b"* 1 EXPUNGE", self.client.do(b"NOOP"))
        self.client.do(b"FETCH 1 (EMAILID BODY.PEEK[])")


class IndexedTests(IdentifierSuite, _StoreTestCase):
    """
    A store that others wrote, with an index.
    """

    def connect(self) -> Connection:
        """
        See L{IdentifierSuite.connect}.
        """
        return self.stores.indexed()


class StatefulTests(SynchronousTestCase):
    """
    Random work, see L{IdentifierMachine}.
    """

    def run_(self, connect: Callable[[Stores], Connection], canBeKilled: bool = False) -> None:
        """
        Run it on one of the stores.
        """
        top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, top)

        class Machine(IdentifierMachine):
            def __init__(self) -> None:
                self.stores = Stores(tempfile.mkdtemp(dir=top))
                super().__init__()

            def connect(self) -> Connection:
                return connect(self.stores)

            def account(self) -> Any:
                return self.stores.account if canBeKilled else None

        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=12,
                stateful_step_count=30,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )

    def test_maildir(self) -> None:
        """
        The embedded store.
        """
        self.run_(Stores.maildir)

    def test_indexed(self) -> None:
        """
        A store that others wrote, with an index, and processes that are killed.
        """
        self.run_(Stores.indexed, canBeKilled=True)


class DocumentationTests(SynchronousTestCase):
    """
    docs/rfc8474.md.
    """

    def test_names(self) -> None:
        """
        Every test that is named there is there, and it names every test of the suite.
        """
        with open(os.path.join(ROOT, "docs", "rfc8474.md"), encoding="utf-8") as file:
            names = set(re.findall(r"`([\w.]*test_\w+)`", file.read()))
        suite = {name for name in dir(IdentifierSuite) if name.startswith("test_")}
        self.assertEqual({name for name in names if "." not in name}, suite)
        others = {name for name in names if "." in name}
        self.assertTrue(others)
        for name in others:
            self.assertTrue(callable(namedAny(name)), name)
