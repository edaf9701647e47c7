# -*- test-case-name: tests.maildir.test_durability -*-
"""
What was acknowledged is on the disk: in which order the embedded store, and an index of
identifiers, ask for that.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.maildir import MaildirTestCase, mail
from txjmapaccess.objectid import indexfile


class AppendTests(MaildirTestCase):
    """
    APPEND and COPY.
    """

    def setUp(self) -> None:
        super().setUp()
        self.ada = self.account()
        self.events: list[str] = []
        fsync = os.fsync

        def noting(descriptor: int) -> None:
            isDirectory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            name = os.readlink(f"/proc/self/fd/{descriptor}")
            inMail = "/cur" in name or "/new" in name
            if isDirectory:
                self.events.append("mail directory" if inMail else "directory")
            else:
                self.events.append("file")
            fsync(descriptor)

        self.patch(os, "fsync", noting)
        self.statements: list[str] = []
        connect = sqlite3.connect

        def tracing(*args: Any, **kwargs: Any) -> sqlite3.Connection:
            connection = connect(*args, **kwargs)
            connection.set_trace_callback(self.statements.append)
            return connection

        self.patch(sqlite3, "connect", tracing)

    def test_append(self) -> None:
        """
        First the message, then its name, is on the disk, before APPEND is over.
        """
        self.append(self.ada, mail(1))
        self.assertIn("file", self.events)
        self.assertIn("mail directory", self.events)
        self.assertLess(self.events.index("file"), self.events.index("mail directory"))

    def test_index(self) -> None:
        """
        The index waits for the disk at each commit.
        """
        self.append(self.ada, mail(1))
        modes = {s for s in self.statements if "synchronous" in s.lower()}
        self.assertEqual(modes, {"PRAGMA synchronous = FULL"})


class ObjectIDIndexTests(SynchronousTestCase):
    """
    The file of an L{txjmapaccess.objectid.ObjectIDIndex}.
    """

    def test_synchronous(self) -> None:
        """
        It waits for the disk at each commit.
        """
        with indexfile.openFile(self.mktemp()) as database:
            self.assertEqual(database.execute("PRAGMA synchronous").fetchone(), (2,))
