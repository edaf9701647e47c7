# -*- test-case-name: tests.objectid.test_index -*-
"""
SQLite files: how every one of them is opened, and what shows that one is damaged.

They have a rollback journal, not a write-ahead log: each is one file, opened for each job.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: Seconds to wait for another process that writes.
PATIENCE = 30


def openDatabase(path: str, patience: float = PATIENCE) -> sqlite3.Connection:
    """
    @param patience: how many seconds to wait for another process that writes.

    @return: the database, whatever is in it; made when it is missing. What was committed is on the
        disk. There are no transactions but those that somebody begins.
    """
    database = sqlite3.connect(path, timeout=patience, isolation_level=None)
    try:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA synchronous = FULL")
    except BaseException:
        database.close()
        raise
    return database


def showsDamage(error: sqlite3.Error) -> bool:
    """
    @return: whether the file is no database, or a damaged one. All other errors have classes of
        their own.
    """
    return type(error) is sqlite3.DatabaseError


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """
    All that is written in it, or nothing.
    """
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
