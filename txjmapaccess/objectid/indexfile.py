# -*- test-case-name: tests.objectid.test_accountindex -*-
"""
The file of an L{txjmapaccess.objectid.accountindex.AccountIndex}: how it is made and opened.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from txjmapaccess.database import isLocked, openDatabase, showsDamage, transaction
from txjmapaccess.errors import IndexDamaged, TemporaryFailure
from txjmapaccess.fsync import syncDirectory
from txjmapaccess.store.objectids import IdentifiersLocked

#: Seconds that a login waits for a lock.
_LOGIN_PATIENCE = 1
_VERSION = 2

_SCHEMA = """
CREATE TABLE mailboxes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    uid_validity INTEGER NOT NULL,
    mailbox_id TEXT NOT NULL UNIQUE,
    complete_below INTEGER NOT NULL DEFAULT 1,
    UNIQUE (name, uid_validity)
);
CREATE TABLE messages (
    mailbox INTEGER NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
    uid INTEGER NOT NULL,
    email_id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
CREATE INDEX messages_by_email ON messages (mailbox, email_id);
CREATE INDEX messages_by_thread ON messages (mailbox, thread_id);
CREATE TABLE spent (mailbox_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE begun (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    target TEXT NOT NULL DEFAULT '',
    mailbox INTEGER NOT NULL DEFAULT 0,
    uid_next INTEGER NOT NULL DEFAULT 0,
    is_hidden INTEGER NOT NULL DEFAULT 0
);
"""
#: How the errors begin that are no DatabaseError to SQLite, but mean damage here.
_DAMAGES = ("disk I/O error", "no such table", "no such column")


class IndexUnavailable(TemporaryFailure):
    """
    The index cannot be used now: another process keeps it locked, or the disk is full. The text
    names the file or the directory, and what the index needs.
    """

    def __init__(self, path: str, problem: object) -> None:
        super().__init__(
            f"the index of object identifiers {path} is unavailable ({problem}); it needs a"
            " directory to which this server can write, and files that no other process locks"
        )


class IndexLocked(IndexUnavailable, IdentifiersLocked):
    """
    Another process has kept the index locked for too long.
    """


def _damaged(path: str, problem: object) -> IndexDamaged:
    return IndexDamaged(
        f"the index of object identifiers {path} is damaged ({problem}); rebuild it with:"
        f" python -m txjmapaccess.objectid rebuild {path}"
    )


@contextmanager
def openFile(path: str, patience: float | None = None) -> Iterator[sqlite3.Connection]:
    """
    The database, opened for one job; created when it is missing.

    @param patience: see L{openDatabase}.

    @raise IndexDamaged: when the file is damaged, or not a database.
    @raise IndexUnavailable: when the next attempt may succeed.
    """
    try:
        with closing(_connect(path, patience)) as database:
            yield database
    except OSError as e:
        raise IndexUnavailable(path, e.strerror) from None
    except sqlite3.Error as e:
        if showsDamage(e) or str(e).startswith(_DAMAGES):
            raise _damaged(path, e) from None
        raise (IndexLocked if isLocked(e) else IndexUnavailable)(path, e) from None


def tryFile(path: str) -> None:
    """
    Check, without a long wait or a lock, whether the index can be used. It is not created.

    @raise IndexDamaged: see L{openFile}.
    @raise IndexUnavailable: when it is not writable.
    """
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        raise IndexUnavailable(directory, "there is no such directory")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise IndexUnavailable(directory, "Permission denied")
    if os.path.lexists(path):
        with openFile(path, _LOGIN_PATIENCE):
            if not os.access(path, os.W_OK):
                raise IndexUnavailable(path, "Permission denied")


def _connect(path: str, patience: float | None) -> sqlite3.Connection:
    try:
        isEmpty = os.stat(path).st_size == 0
    except FileNotFoundError:
        _make(path)
        isEmpty = False
    if isEmpty:  # SQLite would take it for a new one, and everything would be forgotten.
        raise _damaged(path, "the file is empty")
    database = openDatabase(path, patience)
    try:
        if database.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            raise _damaged(path, "not an index of object identifiers")
    except BaseException:
        database.close()
        raise
    return database


def _make(path: str) -> None:
    """
    Make an index, all at once: what is there is whole, or damaged.
    """
    fresh = f"{path}.{secrets.token_hex(8)}.new"
    try:
        fill(fresh)
        with suppress(FileExistsError):  # Another process was faster.
            os.link(fresh, path)
        syncDirectory(os.fsencode(os.path.dirname(path) or "."))
    finally:
        with suppress(FileNotFoundError):
            os.unlink(fresh)


def fill(path: str) -> None:
    """
    Make a new index that has nothing in it.
    """
    with closing(openDatabase(path)) as database, transaction(database):
        for statement in filter(str.strip, _SCHEMA.split(";")):
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {_VERSION}")
