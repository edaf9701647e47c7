# -*- test-case-name: tests.maildir.test_indexfile -*-
"""
The embedded store's index: missing, damaged, exchanged.
"""

from __future__ import annotations

import os
import sqlite3
import time
from typing import Any

from twisted.logger import LogLevel, formatEvent, globalLogPublisher
from twisted.mail.imap4 import MessageSet, NoSuchMailbox

from tests.support.maildir import MaildirTestCase, mail
from txjmapaccess.errors import IndexDamaged, TemporaryFailure
from txjmapaccess.maildir.indexfile import IndexFile

INDEX = "txjmapaccess.sqlite"


class LostIndexTests(MaildirTestCase):
    """
    An index that is gone is made anew from the Maildir.
    """

    def setUp(self) -> None:
        super().setUp()
        account = self.account()
        for number in range(3):
            self.append(account, mail(number), flags=["\\Seen"])
        self.before = self.open(account)

    def test_sameIdentifiers(self) -> None:
        """
        Every identifier and flag is the same again; UIDs, which cannot be known to be, come under
        another UIDVALIDITY (RFC 3501, section 2.3.1.1).
        """
        os.unlink(self.file(INDEX))
        after = self.open(self.account())
        self.assertEqual(after.getMailboxID(), self.before.getMailboxID())
        self.assertGreater(after.getUIDValidity(), self.before.getUIDValidity())
        before = {(m.getEmailID(), m.getThreadID()) for m in self.messages(self.before)}
        self.assertEqual({(m.getEmailID(), m.getThreadID()) for m in self.messages(after)}, before)
        self.assertEqual(set(map(tuple, self.flags(after).values())), {("\\Seen",)})

    def test_validityRises(self) -> None:
        """
        However often that happens, and whatever the clock says, UIDVALIDITY rises.
        """
        clock = time.time()
        self.patch(time, "time", lambda: clock)
        last = self.before.getUIDValidity()
        for _ in range(3):
            os.unlink(self.file(INDEX))
            clock -= 1000
            now = self.open(self.account()).getUIDValidity()
            self.assertGreater(now, last)
            last = now

    def test_openSessions(self) -> None:
        """
        A session that had a mailbox open when the index was exchanged cannot go on with UIDs that
        mean other messages now.
        """
        os.unlink(self.file(INDEX))
        other = self.account()
        for name in ("a", "b"):
            self.now(other.create(name))
        self.failureResultOf(self.before.poll(), NoSuchMailbox)
        store = self.before.store(MessageSet(1), ["\\Deleted"], 1, False)
        self.failureResultOf(store, NoSuchMailbox)

    def test_private(self) -> None:
        """
        Nobody else can read the index.
        """
        self.assertEqual(os.stat(self.file(INDEX)).st_mode & 0o077, 0)


class DamagedIndexTests(MaildirTestCase):
    """
    An index that cannot be read is put aside.
    """

    def test_noDatabase(self) -> None:
        """
        At the next login the operator is told the name of the file; the user has all mail. The
        damaged file is kept.
        """
        self.append(self.account(), mail(1))
        with open(self.file(INDEX), "r+b") as file:
            file.write(b"this is no database any more" * 10)
        events: list[Any] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        self.assertEqual(self.open(self.account()).getMessageCount(), 1)
        [error] = [event for event in events if event["log_level"] is LogLevel.error]
        self.assertIn(self.file(INDEX), formatEvent(error))
        damaged = [name for name in os.listdir(self.file()) if name.startswith(INDEX + ".damaged")]
        self.assertEqual(len(damaged), 1)

    def test_whileOpen(self) -> None:
        """
        When it is found in a session, the command fails as a temporary failure.
        """
        account = self.account()
        mailbox = self.open(account)
        with open(self.file(INDEX), "r+b") as file:
            file.write(b"this is no database any more" * 10)
        failure = self.failureResultOf(mailbox.addMessage(mail(1)), IndexDamaged)
        self.assertTrue(failure.check(TemporaryFailure))
        self.assertEqual(self.append(account, mail(1)), 1)
        self.assertEqual(self.open(account).getMessageCount(), 1)

    def test_putAsideOnce(self) -> None:
        """
        When two processes find the damage, the second leaves the new index of the first alone.
        """
        self.account()
        index = IndexFile(os.fsencode(self.file()))
        with self.assertRaises(IndexDamaged), index.open():
            os.rename(self.file(INDEX), self.file("old"))
            self.account()
            raise sqlite3.DatabaseError("file is not a database")
        self.assertTrue(os.path.exists(self.file(INDEX)))

    def test_notOurs(self) -> None:
        """
        An error that says nothing about damage (here: another process writes) leaves the file
        where it is.
        """
        self.account()
        index = IndexFile(os.fsencode(self.file()))
        with self.assertRaises(sqlite3.OperationalError), index.open():
            raise sqlite3.OperationalError("database is locked")
        self.assertTrue(os.path.exists(self.file(INDEX)))

    def test_rollback(self) -> None:
        """
        A transaction whose block raises has not been.
        """
        self.account()
        with IndexFile(os.fsencode(self.file())).open() as db:
            with self.assertRaises(KeyError), db.writing():
                db.addMailbox(".x", "Fx")
                raise KeyError
            self.assertIsNone(db.mailboxIn(".x"))
