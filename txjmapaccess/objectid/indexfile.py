# -*- test-case-name: tests.test_objectindex -*-
"""
The file of an L{txjmapaccess.objectid.index.ObjectIndex}: how it is made, opened, and rebuilt when
it is damaged.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from txjmapaccess.errors import JMAPAccessError

#: Seconds to wait for another process that writes.
_PATIENCE = 30

_SCHEMA = """
CREATE TABLE mailboxes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    uid_validity INTEGER NOT NULL,
    mailbox_id TEXT NOT NULL UNIQUE,
    is_renamed INTEGER NOT NULL DEFAULT 0,
    UNIQUE (name, uid_validity)
);
CREATE TABLE messages (
    mailbox INTEGER NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
    uid INTEGER NOT NULL,
    email_id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
CREATE TABLE spent (mailbox_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE renames (old TEXT NOT NULL, new TEXT NOT NULL, delimiter TEXT NOT NULL);
"""
_TABLES = ("mailboxes", "messages", "spent", "renames")


class IndexDamaged(JMAPAccessError):
    """
    The index cannot be read. Its text names the file and the command that rebuilds it.
    """


@contextmanager
def openFile(path: str) -> Iterator[sqlite3.Connection]:
    """
    The database, opened for one job; made when it is missing.

    @raise IndexDamaged: when it is no database, or a damaged one.
    """
    try:
        with closing(_connect(path)) as database:
            yield database
    except sqlite3.DatabaseError as e:
        if type(e) is not sqlite3.DatabaseError:
            raise  # Locked, or the disk is full: it may be otherwise next time.
        raise IndexDamaged(
            f"the index of object identifiers {path} is damaged ({e}); rebuild it with:"
            f" python -m txjmapaccess.objectid rebuild {path}"
        ) from None


def _connect(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    try:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA synchronous = FULL")
        if database.execute("PRAGMA user_version").fetchone()[0] == 0:
            with transaction(database):
                if database.execute("PRAGMA user_version").fetchone()[0] == 0:
                    for statement in filter(str.strip, _SCHEMA.split(";")):
                        database.execute(statement)
                    database.execute("PRAGMA user_version = 1")
    except BaseException:
        database.close()
        raise
    return database


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


def rebuild(path: str) -> dict[str, int]:
    """
    Make a new index of all that can still be read of a damaged one, which is kept under another
    name.

    @return: how many rows were saved, by table.

    @raise OSError: when there is no such file, or it cannot be replaced.
    """
    os.stat(path)
    fresh = path + ".rebuilt"
    for leftover in (fresh, fresh + "-journal"):
        with suppress(FileNotFoundError):
            os.unlink(leftover)
    saved = {}
    with closing(_connect(fresh)) as target, closing(sqlite3.connect(path)) as source:
        target.execute("PRAGMA foreign_keys = OFF")
        with transaction(target):
            for table in _TABLES:
                saved[table] = _salvage(source, target, table)
            target.execute("DELETE FROM messages WHERE mailbox NOT IN (SELECT id FROM mailboxes)")
    with suppress(FileNotFoundError):
        os.replace(path + "-journal", path + ".damaged-journal")
    os.replace(path, path + ".damaged")
    os.replace(fresh, path)
    return saved


def _salvage(source: sqlite3.Connection, target: sqlite3.Connection, table: str) -> int:
    count = 0
    # What cannot be read ends a table: the rows before it are what there is.
    with suppress(sqlite3.DatabaseError):
        for row in source.execute(f"SELECT * FROM {table}"):
            marks = ",".join("?" * len(row))
            target.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)
            count += 1
    return count
