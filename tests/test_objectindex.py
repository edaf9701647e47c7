"""
The file of an L{txjmapaccess.objectid.ObjectIDIndex}.
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.objectid import indexfile
from txjmapaccess.objectid.index import MailboxKey, ObjectIndex, Renamed
from txjmapaccess.objectid.indexfile import IndexDamaged, rebuild

#: Reports what it has kept, one line for each message, for as long as it is let.
_WRITER = """
import sys
from txjmapaccess.objectid.index import ObjectIndex
index = ObjectIndex(sys.argv[1])
row = index.findMailbox("INBOX", 7).row
for start in range(1, int(sys.argv[3]), 5):
    ids = {uid: (f"M{uid}{sys.argv[2]}", f"T{uid}") for uid in range(start, start + 5)}
    for uid, (email, _) in index.addMessages(row, ids).items():
        print(uid, email, flush=True)
"""


class ObjectIndexTests(SynchronousTestCase):
    """
    What is kept.
    """

    def setUp(self):
        self.path = os.path.abspath(self.mktemp())
        self.index = ObjectIndex(self.path)

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
        row = self.index.findMailbox("INBOX", 7).row
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
        row = self.index.findMailbox("INBOX", 7).row
        ids = {uid: (f"M{uid}", "T") for uid in range(1, 2500)}
        self.assertEqual(self.index.addMessages(row, ids), ids)

    def test_lostIndex(self):
        """
        An index that is lost gives a mailbox that was never renamed the same MAILBOXID.
        """
        before = self.index.findMailbox("Entwürfe", 7)
        os.unlink(self.path)
        self.assertEqual(self.index.findMailbox("Entwürfe", 7), before)
        other = ObjectIndex(self.mktemp())
        self.assertNotEqual(other.findMailbox("Entwürfe", 8), before)

    def test_begunRename(self):
        """
        A RENAME that was begun is asked about by the names that it leads to, and by no others.
        """
        for name in ("a", "a/x", "ab"):
            self.index.findMailbox(name, 7)
        self.index.beginRename("a", "b", "/")
        self.assertEqual(self.index.findMailbox("b", 7), Renamed("a", "b", "a"))
        self.assertEqual(self.index.findMailbox("b/x", 7), Renamed("a", "b", "a/x"))
        self.assertIsInstance(self.index.findMailbox("bb", 7), MailboxKey)
        self.assertIsInstance(self.index.findMailbox("b/y", 7), MailboxKey)
        self.index.forgetRename("a", "b")
        self.assertIsInstance(self.index.findMailbox("b", 7), MailboxKey)

    def test_finishedTwice(self):
        """
        Two processes may find out that a mailbox was renamed.
        """
        key = self.index.findMailbox("a", 7)
        self.index.beginRename("a", "b", "/")
        self.index.finishRename("a", "b")
        self.index.findMailbox("a", 7)
        self.index.finishRename("a", "b")
        self.assertEqual(self.index.findMailbox("b", 7), key)

    def test_adoptedOnce(self):
        """
        A renamed mailbox that is found is no longer one that may have another UIDVALIDITY.
        """
        key = self.index.findMailbox("a", 7)
        self.index.beginRename("a", "b", "/")
        self.index.finishRename("a", "b")
        self.assertEqual(self.index.findMailbox("b", 7), key)
        self.assertNotEqual(self.index.findMailbox("b", 8).mailboxID, key.mailboxID)

    def test_otherUIDs(self):
        """
        With another UIDVALIDITY UIDs mean other messages.
        """
        key = self.index.findMailbox("a", 7)
        self.index.addMessages(key.row, {1: ("M", "T")})
        self.index.beginRename("a", "b", "/")
        self.index.finishRename("a", "b")
        self.assertEqual(self.index.findMailbox("b", 8), key)
        self.assertEqual(self.index.findMessages(key.row, [1]), {})

    def test_damaged(self):
        """
        A file that is no database is an error that names it and the command that rebuilds it.
        """
        with open(self.path, "wb") as file:
            file.write(b"This is no database" * 100)
        error = self.assertRaises(IndexDamaged, self.index.findMailbox, "a", 7)
        self.assertIn(f"python -m txjmapaccess.objectid rebuild {self.path}", str(error))
        rebuild(self.path)
        self.assertIsInstance(self.index.findMailbox("a", 7), MailboxKey)
        self.assertTrue(os.path.exists(self.path + ".damaged"))

    def test_locked(self):
        """
        A file that somebody else writes to for too long is not damaged.
        """
        self.index.findMailbox("a", 7)
        self.patch(indexfile, "_PATIENCE", 0.01)
        other = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN EXCLUSIVE")
        self.assertRaises(sqlite3.OperationalError, self.index.findMailbox, "b", 7)

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
            row = self.index.findMailbox("INBOX", 7).row
            kept = self.index.findMessages(row, [int(uid) for uid, _ in reported])
            for uid, email in reported:
                self.assertEqual(kept[int(uid)][0], email)
