# -*- test-case-name: tests.test_maildir_index -*-
"""
The index of an account: one SQLite file beside its Maildir.

It has a rollback journal, not a write-ahead log: that is one file for each account, which is
opened for each job, so that ten thousand accounts need not keep thirty thousand files open. All
of this may wait for the disk or for another process: it runs in worker threads.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from txjmapaccess.errors import TemporaryFailure
from txjmapaccess.maildir.content import Facts

FILE_NAME = b"txjmapaccess.sqlite"

#: Seconds to wait for another process that writes.
_PATIENCE = 30

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


class IndexDamaged(TemporaryFailure):
    """
    The index cannot be read. It has been put aside, and the next job makes a new one: UIDs begin
    again under another UIDVALIDITY, keywords and the EMAILIDs of copies are lost; no mail is.
    """


class MailboxRow(NamedTuple):
    """
    A mailbox as the index has it.

    @ivar firstRecent: messages from this UID on are \\Recent for the next session that selects.
    @ivar version: raised by every change of the mailbox's messages in the index.
    """

    id: int
    directory: str
    mailboxID: str
    uidValidity: int
    uidNext: int
    firstRecent: int
    version: int


class Record(NamedTuple):
    """
    A message as the index has it.

    @ivar keywords: separated by spaces.
    @ivar version: that of the mailbox when the record was last changed.
    """

    uid: int
    base: bytes
    size: int
    date: int
    emailID: str
    threadID: str
    keywords: str
    version: int


_MAILBOX = (
    "SELECT id, directory, mailbox_id, uid_validity, uid_next, first_recent, version FROM mailboxes"
)
_RECORD = "SELECT uid, base, size, date, email_id, thread_id, keywords, version FROM messages"


class Index:
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
    def open(self) -> Iterator[Session]:
        """
        The index, opened for one job; made when it is missing.

        @raise IndexDamaged: when it is no database, or a damaged one.
        """
        connection: sqlite3.Connection | None = None
        before = self._inode()
        try:
            connection = self._connect()
            yield Session(connection)
        except sqlite3.DatabaseError as e:
            if type(e) is not sqlite3.DatabaseError:
                raise
            raise IndexDamaged(self._putAside(str(e), before)) from None
        finally:
            if connection is not None:
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            os.fsdecode(self.path), timeout=_PATIENCE, isolation_level=None
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                self._makeTables(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _makeTables(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
        connection.execute("COMMIT")
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
        return f"The index {path} is damaged ({problem}); it is {os.fsdecode(aside)} now"


class Session:
    """
    An open index. What changes it belongs between the beginning and the end of L{writing}.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @contextmanager
    def writing(self) -> Iterator[None]:
        """
        One transaction, which excludes all other writers, in other processes too. It counts when
        the block ends, and not at all when the block raises.
        """
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def mailbox(self, key: int) -> MailboxRow | None:
        """
        @param key: its C{id} in the index.
        """
        return self._mailboxWhere("id = ?", key)

    def mailboxIn(self, directory: str) -> MailboxRow | None:
        """
        @return: the mailbox that was in this directory when the index last heard of it.
        """
        return self._mailboxWhere("directory = ?", directory)

    def mailboxWithID(self, mailboxID: str) -> MailboxRow | None:
        """
        @return: the mailbox that has this MAILBOXID.
        """
        return self._mailboxWhere("mailbox_id = ?", mailboxID)

    def _mailboxWhere(self, condition: str, value: int | str) -> MailboxRow | None:
        found = self._connection.execute(f"{_MAILBOX} WHERE {condition}", (value,)).fetchone()
        return None if found is None else MailboxRow._make(found)

    def addMailbox(self, directory: str, mailboxID: str) -> None:
        """
        A new mailbox, with a UIDVALIDITY that no mailbox of the account has ever had.
        """
        (last,) = self._connection.execute("SELECT value FROM last_uid_validity").fetchone()
        validity = max(int(time.time()), last + 1)
        self._connection.execute("UPDATE last_uid_validity SET value = ?", (validity,))
        self._connection.execute(
            "INSERT INTO mailboxes (directory, mailbox_id, uid_validity) VALUES (?, ?, ?)",
            (directory, mailboxID, validity),
        )

    def moveMailbox(self, key: int, directory: str) -> None:
        """
        The mailbox is in another directory now. A mailbox that the index still has there is gone.
        """
        self._connection.execute(
            "DELETE FROM mailboxes WHERE directory = ? AND id <> ?", (directory, key)
        )
        self._connection.execute(
            "UPDATE mailboxes SET directory = ? WHERE id = ?", (directory, key)
        )

    def removeMailbox(self, key: int) -> None:
        """
        Forget a mailbox and its messages.
        """
        self._connection.execute("DELETE FROM mailboxes WHERE id = ?", (key,))

    def records(self, key: int, since: int = -1) -> list[Record]:
        """
        @param since: a version.

        @return: those of the mailbox's messages that were added or changed after that.
        """
        rows = self._connection.execute(
            f"{_RECORD} WHERE mailbox = ? AND version > ?", (key, since)
        )
        return list(map(Record._make, rows))

    def count(self, key: int) -> int:
        """
        @return: how many messages the mailbox has.
        """
        query = "SELECT count(*) FROM messages WHERE mailbox = ?"
        count: int = self._connection.execute(query, (key,)).fetchone()[0]
        return count

    def raiseVersion(self, key: int) -> int:
        """
        To be called once in each transaction that changes messages.

        @return: the mailbox's new version.
        """
        self._connection.execute("UPDATE mailboxes SET version = version + 1 WHERE id = ?", (key,))
        query = "SELECT version FROM mailboxes WHERE id = ?"
        version: int = self._connection.execute(query, (key,)).fetchone()[0]
        return version

    def addMessage(
        self, key: int, base: bytes, facts: Facts, keywords: str, version: int
    ) -> Record:
        """
        Give a message the mailbox's next UID.
        """
        (uid,) = self._connection.execute(
            "SELECT uid_next FROM mailboxes WHERE id = ?", (key,)
        ).fetchone()
        self._connection.execute("UPDATE mailboxes SET uid_next = ? WHERE id = ?", (uid + 1, key))
        record = Record(
            uid, base, facts.size, facts.date, facts.emailID, facts.threadID, keywords, version
        )
        self._connection.execute(
            "INSERT INTO messages (mailbox, uid, base, size, date, email_id, thread_id, keywords,"
            " version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (key, *record),
        )
        return record

    def removeMessages(self, key: int, uids: Iterable[int]) -> None:
        """
        Forget messages; their UIDs are never given again.
        """
        self._connection.executemany(
            "DELETE FROM messages WHERE mailbox = ? AND uid = ?", [(key, uid) for uid in uids]
        )

    def setKeywords(self, key: int, changed: Iterable[Record]) -> None:
        """
        Take over C{keywords} and C{version} of these records.
        """
        self._connection.executemany(
            "UPDATE messages SET keywords = ?, version = ? WHERE mailbox = ? AND uid = ?",
            [(record.keywords, record.version, key, record.uid) for record in changed],
        )

    def claimRecent(self, key: int) -> None:
        """
        No other session shall have the messages that are there now as \\Recent.
        """
        self._connection.execute(
            "UPDATE mailboxes SET first_recent = uid_next WHERE id = ?", (key,)
        )

    def withEmailID(self, key: int, emailID: str) -> list[int]:
        """
        @return: the UIDs of the mailbox's messages with this EMAILID, ascending.
        """
        return self._uids("email_id", key, emailID)

    def withThreadID(self, key: int, threadID: str) -> list[int]:
        """
        @return: the UIDs of the mailbox's messages with this THREADID, ascending.
        """
        return self._uids("thread_id", key, threadID)

    def _uids(self, column: str, key: int, value: str) -> list[int]:
        rows = self._connection.execute(
            f"SELECT uid FROM messages WHERE mailbox = ? AND {column} = ? ORDER BY uid",
            (key, value),
        )
        return [uid for (uid,) in rows]
