"""
The file of an L{txjmapaccess.objectid.ObjectIDIndex}.
"""

from __future__ import annotations

import gc
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess import database
from txjmapaccess.errors import IndexDamaged
from txjmapaccess.objectid import ObjectIDIndex
from txjmapaccess.objectid.accountindex import AccountIndex
from txjmapaccess.objectid.filelock import tryLock
from txjmapaccess.objectid.indexfile import IndexUnavailable
from txjmapaccess.objectid.pendingchanges import (
    AS_BEFORE,
    COPY,
    DELETE,
    GONE,
    MOVED,
    RENAME,
    ChangePending,
    MailboxKey,
    PendingChange,
    SettledChange,
)
from txjmapaccess.objectid.salvage import rebuild
from txjmapaccess.store.objectids import MailboxForgotten

#: Reports what it has kept, one line for each message, for as long as it is let.
_WRITER = """
import sys
from txjmapaccess.objectid.accountindex import AccountIndex
index = AccountIndex(sys.argv[1])
row = index.addMailbox("INBOX", 7).row
for start in range(1, int(sys.argv[3]), 5):
    ids = {uid: (f"M{uid}{sys.argv[2]}", f"T{uid}") for uid in range(start, start + 5)}
    for uid, (email, _) in index.addMessages(row, ids).items():
        print(uid, email, flush=True)
"""

#: Holds a lock, and says so.
_HOLDER = """
import sys, time
from txjmapaccess.objectid.filelock import tryLock
lock = tryLock(sys.argv[1])
print(lock, flush=True)
time.sleep(60)
"""


class AccountIndexTests(SynchronousTestCase):
    """
    What is kept.
    """

    def setUp(self):
        self.path = os.path.abspath(self.mktemp())
        self.index = AccountIndex(self.path)

    def writer(self, name, most):
        """
        @return: a process that writes and reports.
        """
        return subprocess.Popen(
            [sys.executable, "-c", _WRITER, self.path, name, str(most)],
            stdout=subprocess.PIPE,
            text=True,
        )

    def test_firstCounts(self):
        """
        The identifiers that were kept first stay.
        """
        row = self.found("INBOX").row
        self.assertEqual(self.index.addMessages(row, {1: ("Ma", "Ta")}), {1: ("Ma", "Ta")})
        self.assertEqual(
            self.index.addMessages(row, {1: ("Mb", "Tb"), 2: ("Mc", "Tc")}),
            {1: ("Ma", "Ta"), 2: ("Mc", "Tc")},
        )
        self.assertEqual(self.index.findMessages(row, [2, 3]), {2: ("Mc", "Tc")})

    def test_many(self):
        """
        SQLite's limit of variables is no limit.
        """
        row = self.found("INBOX").row
        ids = {uid: (f"M{uid}", "T") for uid in range(1, 2500)}
        self.assertEqual(self.index.addMessages(row, ids), ids)

    def test_lostIndex(self):
        """
        An index that is lost gives a mailbox that was never renamed the same MAILBOXID.
        """
        before = self.found("Entwürfe")
        os.unlink(self.path)
        self.assertEqual(self.found("Entwürfe"), before)
        other = AccountIndex(self.mktemp())
        self.assertNotEqual(other.addMailbox("Entwürfe", 8), before)

    def found(self, name, uidValidity=7):
        """
        @return: a mailbox, new or not.
        """
        return self.index.findMailbox(name, uidValidity) or self.index.addMailbox(name, uidValidity)

    def rename(self, old, new, uidValidity=None):
        """
        A mailbox is renamed.
        """
        (begun,) = self.index.begin([PendingChange(RENAME, old, new)])
        self.index.settle([SettledChange(begun, MOVED, new, uidValidity)])

    def test_begunRename(self):
        """
        While a RENAME is begun, nothing is said of the names that it concerns, however they are
        spelt; of others it is.
        """
        for name in ("a", "a/x", "ab"):
            self.found(name)
        begun = self.index.begin(
            [PendingChange(RENAME, "a", "b"), PendingChange(RENAME, "a/x", "b/x")]
        )
        for name in ("a", "b", "A", "B/", "a/x", "b/x"):
            self.assertRaises(ChangePending, self.index.findMailbox, name, 7)
            self.assertRaises(ChangePending, self.index.addMailbox, name, 7)
        for name in ("ab", "b/y", "c"):
            self.assertIsInstance(self.found(name), MailboxKey)
        self.assertEqual(self.index.begun(), begun)
        self.index.settle([SettledChange(each, AS_BEFORE) for each in begun])
        self.assertIsInstance(self.found("b"), MailboxKey)
        self.assertEqual(self.index.begun(), [])

    def test_begunDelete(self):
        """
        So with DELETE. A mailbox that is gone leaves its MAILBOXID to nobody.
        """
        key = self.found("a")
        for result, isKept in ((AS_BEFORE, True), (GONE, False)):
            (begun,) = self.index.begin([PendingChange(DELETE, "a")])
            self.assertRaises(ChangePending, self.index.findMailbox, "a", 7)
            self.index.settle([SettledChange(begun, result)])
            self.assertEqual(self.found("a") == key, isKept)

    def test_begunCopy(self):
        """
        While messages are being copied, nothing is said of what comes into that mailbox; of what
        was there, and of other mailboxes, it is.
        """
        row, other = self.found("a").row, self.found("b").row
        self.index.addMessages(row, {8: ("M8", "T"), 11: ("M11", "T")})
        (begun,) = self.index.begin([PendingChange(COPY, mailbox=row, uidNext=10)])
        self.assertRaises(ChangePending, self.index.findMessages, row, [8, 10])
        self.assertRaises(ChangePending, self.index.addMessages, row, {10: ("M10", "T")})
        self.assertEqual(set(self.index.findMessages(row, [8, 9, 11])), {8, 11})
        self.index.addMessages(row, {9: ("M9", "T")})
        self.index.addMessages(other, {10: ("M10", "T")})
        self.index.addCopies(begun, {10: ("Mx", "T")})
        self.assertEqual(self.index.findMessages(row, [10]), {10: ("Mx", "T")})
        self.assertEqual(self.index.begun(), [])

    def test_targetWasThere(self):
        """
        What is in the index of a mailbox that was under the new name once is spent.
        """
        key, stale = self.found("a"), self.found("b")
        self.rename("a", "b")
        self.assertEqual(self.found("b"), key)
        self.rename("b", "c")
        self.assertNotIn(stale.mailboxID, (self.found("b").mailboxID, self.found("b", 8).mailboxID))

    def test_otherValidities(self):
        """
        Of a mailbox that was there with several UIDVALIDITYs, the one counts that it has under its
        new name, else the latest; the others are spent.
        """
        seven, eight = self.found("a", 7), self.found("a", 8)
        self.rename("a", "b", 7)
        self.assertEqual(self.found("b", 7), seven)
        self.assertNotEqual(self.found("a", 8).mailboxID, eight.mailboxID)

    def test_renamedOnce(self):
        """
        A renamed mailbox with another UIDVALIDITY is another, unless it got that with its name.
        """
        key = self.found("a")
        self.rename("a", "b", 7)
        self.assertEqual(self.found("b"), key)
        self.assertNotEqual(self.found("b", 8).mailboxID, key.mailboxID)

    def test_otherUIDs(self):
        """
        With another UIDVALIDITY UIDs mean other messages.
        """
        key = self.found("a")
        self.index.addMessages(key.row, {1: ("M", "T")})
        self.index.setCompleteBelow(key.row, 2)
        self.rename("a", "b", 8)
        self.assertEqual(self.found("b", 8), key)
        self.assertEqual(self.index.findMessages(key.row, [1]), {})
        self.assertEqual(self.index.completeBelow(key.row), 1)

    def test_forgotten(self):
        """
        A mailbox that was deleted keeps nothing more, for those who have it open either.
        """
        row = self.found("a").row
        self.index.forget(["a"])
        self.assertRaises(MailboxForgotten, self.index.addMessages, row, {1: ("M", "T")})

    def test_search(self):
        """
        Messages are found by both identifiers, in their mailbox only.
        """
        row, other = self.found("a").row, self.found("b").row
        self.index.addMessages(row, {3: ("Ma", "T"), 2: ("Mb", "T"), 5: ("Ma", "Tx")})
        self.index.addMessages(other, {4: ("Ma", "T")})
        self.assertEqual(self.index.search(row, "EMAILID", "Ma"), [3, 5])
        self.assertEqual(self.index.search(row, "THREADID", "T"), [2, 3])
        self.assertEqual(self.index.search(row, "EMAILID", "T"), [])

    def test_lock(self):
        """
        A lock has one holder, until it is released or nobody refers to it.
        """
        lock = tryLock(self.path)
        self.assertIsNone(tryLock(self.path))
        lock.release()
        lock.release()
        lock = tryLock(self.path)
        self.assertIsNotNone(lock)
        del lock
        gc.collect()
        self.assertIsNotNone(tryLock(self.path))

    def test_lockOfKilled(self):
        """
        The lock of a process that is killed is free.
        """
        process = subprocess.Popen(
            [sys.executable, "-c", _HOLDER, self.path], stdout=subprocess.PIPE, text=True
        )
        process.stdout.readline()
        self.assertIsNone(tryLock(self.path))
        process.kill()
        process.communicate()
        self.assertIsNotNone(tryLock(self.path))

    def test_damaged(self):
        """
        A file that is no index is an error that names it and the command that rebuilds it. SQLite
        takes an empty file for a new one, and sees no harm in another database.
        """
        with closing(sqlite3.connect(self.path + ".other")) as other:
            other.execute("CREATE TABLE x (y)")
        with open(self.path + ".other", "rb") as file:
            another = file.read()
        for content in (b"This is no database" * 100, b"", b"x", another):
            with open(self.path, "wb") as file:
                file.write(content)
            error = self.assertRaises(IndexDamaged, self.index.findMailbox, "a", 7)
            self.assertIn(f"python -m txjmapaccess.objectid rebuild {self.path}", str(error))
            with open(self.path, "rb") as file:
                self.assertEqual(file.read(), content)
            self.assertFalse(any(rebuild(self.path).values()))
            self.assertIsInstance(self.found("a"), MailboxKey)
            self.assertTrue(os.path.exists(self.path + ".damaged"))

    def test_cutOff(self):
        """
        So with a file of which the end is missing.
        """
        row = self.found("a").row
        self.index.addMessages(row, {uid: (f"M{uid}", "T") for uid in range(1, 3000)})
        os.truncate(self.path, os.path.getsize(self.path) // 3)
        error = self.assertRaises(IndexDamaged, self.index.findMessages, row, range(1, 3000))
        self.assertIn(f"rebuild {self.path}", str(error))
        self.assertEqual(rebuild(self.path)["mailboxes"], 1)
        self.index.findMessages(row, range(1, 3000))

    def test_damagedInside(self):
        """
        Of one that is damaged in the middle, what is before and behind that is saved.
        """
        row = self.found("a").row
        ids = {uid: (f"M{uid}" + "x" * 200, "T") for uid in range(1, 3000)}
        self.index.addMessages(row, ids)
        with closing(sqlite3.connect(self.path)) as database:
            (page,) = database.execute("PRAGMA page_size").fetchone()
        with open(self.path, "r+b") as file:
            content = file.read()
            for start in range(0, len(content), page):
                if b"M1500x" in content[start : start + page]:
                    file.seek(start)
                    file.write(b"\xff" * page)
        saved = rebuild(self.path)["messages"]
        self.assertGreater(saved, 2900)
        self.assertEqual(set(self.index.findMessages(row, [1, 2, 2998, 2999])), {1, 2, 2998, 2999})

    def test_locked(self):
        """
        A file that somebody else writes to for too long, or that cannot be opened, is not damaged.
        """
        self.found("a")
        self.patch(database, "PATIENCE", 0.01)
        other = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN EXCLUSIVE")
        error = self.assertRaises(IndexUnavailable, self.index.findMailbox, "b", 7)
        self.assertIn(self.path, str(error))
        directory = os.path.abspath(self.mktemp())
        os.mkdir(directory)
        error = self.assertRaises(IndexUnavailable, AccountIndex(directory).findMailbox, "b", 7)
        self.assertIn(directory, str(error))

    def test_noDirectory(self):
        """
        So with one that cannot be made or locked, because there is a file where its directory
        should be: the error names it.
        """
        with open(self.path, "wb"):
            pass
        path = os.path.join(self.path, "x.sqlite")
        for use in (lambda: AccountIndex(path).begun(), lambda: tryLock(path)):
            error = self.assertRaises(IndexUnavailable, use)
            self.assertIn(path, str(error))
        error = self.assertRaises(IndexUnavailable, ObjectIDIndex(self.path).run, lambda: None)
        self.assertIn(self.path, str(error))

    def test_madeWhole(self):
        """
        An index that several make at the same time is one, and nothing is left over.
        """
        directory = os.path.abspath(self.mktemp())
        os.mkdir(directory)
        path = os.path.join(directory, "x.sqlite")
        make = AccountIndex(path).addMailbox
        threads = [threading.Thread(target=make, args=("a", n)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        keys = {AccountIndex(path).findMailbox("a", n) for n in range(8)}
        self.assertEqual((len(keys), None in keys), (8, False))
        self.assertEqual(os.listdir(directory), ["x.sqlite"])

    def test_processes(self):
        """
        Several processes report the same identifiers.
        """
        processes = [self.writer(name, 100) for name in "abc"]
        reports = [set(process.communicate()[0].splitlines()) for process in processes]
        self.assertEqual(len(reports[0]), 100)
        self.assertEqual(reports[0], reports[1])
        self.assertEqual(reports[0], reports[2])

    def test_killed(self):
        """
        What a process that is killed has reported is kept.
        """
        for attempt in range(3):
            process = self.writer(str(attempt), 100000)
            first = process.stdout.readline()
            time.sleep(random.uniform(0, 0.2))
            process.kill()
            lines = [first, *process.communicate()[0].splitlines(keepends=True)]
            reported = [line.split() for line in lines if line.endswith("\n")]
            self.assertTrue(reported)
            row = self.found("INBOX").row
            kept = self.index.findMessages(row, [int(uid) for uid, _ in reported])
            for uid, email in reported:
                self.assertEqual(kept[int(uid)][0], email)
