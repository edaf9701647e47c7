# -*- test-case-name: tests.maildir.test_indexfile -*-
"""
The index of an account: one SQLite file beside its Maildir, opened for each job, so that ten
thousand accounts need not keep thirty thousand files open. All of this may wait for the disk or for
another process: it runs in worker threads.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from txjmapaccess.database import openDatabase, showsDamage, transaction
from txjmapaccess.errors import IndexDamaged
from txjmapaccess.maildir.openindex import OpenIndex

FILE_NAME = b"txjmapaccess.sqlite"

_SCHEMA = """
CREATE TABLE mailboxes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    directory TEXT NOT NULL UNIQUE,
    mailbox_id TEXT NOT NULL UNIQUE,
    uid_validity INTEGER NOT NULL UNIQUE,
    uid_next INTEGER NOT NULL DEFAULT 1,
    first_recent INTEGER NOT NULL DEFAULT 1,
    version INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE messages (
    mailbox INTEGER NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
    uid INTEGER NOT NULL,
    base BLOB NOT NULL,
    size INTEGER NOT NULL,
    date INTEGER NOT NULL,
    email_id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    keywords TEXT NOT NULL DEFAULT '',
    version INTEGER NOT NULL,
    PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
CREATE UNIQUE INDEX messages_by_base ON messages (mailbox, base);
CREATE INDEX messages_by_email ON messages (email_id);
CREATE INDEX messages_by_thread ON messages (thread_id);
CREATE TABLE last_uid_validity (value INTEGER NOT NULL);
INSERT INTO last_uid_validity VALUES (0);
PRAGMA user_version = 1;
"""


class IndexFile:
    """
    @param root: the account's directory.
    """

    def __init__(self, root: bytes) -> None:
        self.path = os.path.join(root, FILE_NAME)

    def stamp(self) -> tuple[int, int]:
        """
        @return: what changes with every change of the index: inode and time.

        @raise FileNotFoundError: when there is none.
        """
        status = os.stat(self.path)
        return status.st_ino, status.st_mtime_ns

    @contextmanager
    def open(self) -> Iterator[OpenIndex]:
        """
        The index, opened for one job; made when it is missing.

        @raise IndexDamaged: when it is no database, or a damaged one. It has been put aside, and
            the next job makes a new one: UIDs begin again under another UIDVALIDITY, keywords and
            the EMAILIDs of copies are lost; no mail is.
        """
        connection: sqlite3.Connection | None = None
        before = self._inode()
        try:
            connection = self._connect()
            yield OpenIndex(connection)
        except sqlite3.DatabaseError as e:
            if not showsDamage(e):
                raise
            raise IndexDamaged(self._putAside(str(e), before)) from None
        finally:
            if connection is not None:
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = openDatabase(os.fsdecode(self.path))
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                self._makeTables(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _makeTables(self, connection: sqlite3.Connection) -> None:
        with transaction(connection):
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
        os.chmod(self.path, 0o600)

    def _inode(self) -> int | None:
        return os.stat(self.path).st_ino if os.path.exists(self.path) else None

    def _putAside(self, problem: str, inode: int | None) -> str:
        """
        @param inode: of the damaged file: another process may have been faster.
        """
        path = os.fsdecode(self.path)
        if inode != self._inode():
            return f"The index {path} was damaged ({problem}) and has been replaced"
        aside = self.path + b".damaged-%d" % time.time_ns()
        for suffix in (b"-journal", b""):
            with suppress(FileNotFoundError):
                os.rename(self.path + suffix, aside + suffix)
        return f"The index {path} is damaged ({problem}) and has been moved to {os.fsdecode(aside)}"
