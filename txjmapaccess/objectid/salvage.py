# -*- test-case-name: tests.objectid.test_accountindex -*-
"""
How the file of an L{txjmapaccess.objectid.accountindex.AccountIndex} is rebuilt when it is damaged.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress

from txjmapaccess.database import openDatabase, transaction
from txjmapaccess.objectid.indexfile import fill

#: The tables, and the columns by which they are sorted.
_TABLES = {"mailboxes": "id", "messages": "mailbox uid", "spent": "mailbox_id", "begun": "id"}

#: Octets: no index is as large as this.
_LARGEST = 1 << 40


def rebuild(path: str) -> dict[str, int]:
    """
    Make a new index of the readable rows of a damaged one, which is kept under another name.

    @return: the number of recovered rows by table.

    @raise OSError: when there is no such file, or it cannot be replaced.
    """
    os.stat(path)
    fresh, readable = path + ".rebuilt", path + ".readable"
    for leftover in (fresh, fresh + "-journal", readable):
        with suppress(FileNotFoundError):
            os.unlink(leftover)
    _copyReadable(path, readable)
    fill(fresh)
    with closing(openDatabase(fresh)) as target, closing(sqlite3.connect(readable)) as source:
        target.execute("PRAGMA foreign_keys = OFF")
        with transaction(target):
            for table, order in _TABLES.items():
                _salvage(source, target, table, order)
            target.execute("DELETE FROM messages WHERE mailbox NOT IN (SELECT id FROM mailboxes)")
        saved = {
            table: target.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in _TABLES
        }
    os.unlink(readable)
    with suppress(FileNotFoundError):
        os.replace(path + "-journal", path + ".damaged-journal")
    os.replace(path, path + ".damaged")
    os.replace(fresh, path)
    return saved


def _copyReadable(path: str, copy: str) -> None:
    """
    Copy a database. SQLite reads nothing of one whose end is missing: that is filled with zeros.
    """
    # What a process that was killed has left in a journal is taken back by opening it.
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version")
    shutil.copyfile(path, copy)
    with open(copy, "r+b") as file:
        header = file.read(32)
        # The file format: the size of a page, and how many there are.
        size = int.from_bytes(header[16:18], "big") * int.from_bytes(header[28:32], "big")
        if os.fstat(file.fileno()).st_size < size <= _LARGEST:
            file.truncate(size)


def _salvage(
    source: sqlite3.Connection, target: sqlite3.Connection, table: str, order: str
) -> None:
    # What cannot be read ends the reading: so once from each end.
    for direction in ("", " DESC"):
        columns = ", ".join(column + direction for column in order.split())
        with suppress(sqlite3.DatabaseError):
            for row in source.execute(f"SELECT * FROM {table} ORDER BY {columns}"):
                marks = ",".join("?" * len(row))
                target.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)
