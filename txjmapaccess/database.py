# -*- test-case-name: tests.objectid.test_accountindex -*-
"""
SQLite files: how to open them, and how to tell that one is damaged or locked.

They have a rollback journal, not a write-ahead log: each is one file, opened for each job.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: Seconds to wait for a lock that another process holds.
PATIENCE = 30


def openDatabase(path: str, patience: float | None = None) -> sqlite3.Connection:
    """
    @param patience: seconds to wait for a lock, or L{None} for L{PATIENCE}.

    @return: the database, created when it is missing. A commit waits for the disk. Transactions
        are explicit.
    """
    timeout = PATIENCE if patience is None else patience
    database = sqlite3.connect(path, timeout=timeout, isolation_level=None)
    try:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA synchronous = FULL")
    except BaseException:
        database.close()
        raise
    return database


def showsDamage(error: sqlite3.Error) -> bool:
    """
    @return: whether the file is damaged, or not a database. All other errors have subclasses.
    """
    return type(error) is sqlite3.DatabaseError


def isLocked(error: sqlite3.Error) -> bool:
    """
    @return: whether another process kept the database locked for too long.
    """
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """
    Either everything in the block is written, or nothing.
    """
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
