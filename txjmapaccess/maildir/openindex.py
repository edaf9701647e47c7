# -*- test-case-name: tests.maildir.test_indexfile -*-
"""
An open index: its rows and its queries. In worker threads.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import NamedTuple

from txjmapaccess.database import transaction
from txjmapaccess.maildir.messagefacts import MessageFacts


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


class OpenIndex:
    """
    An open index. What changes it belongs between the beginning and the end of L{writing}.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def writing(self) -> AbstractContextManager[None]:
        """
        One transaction, which excludes all other writers, also in other processes.
        """
        return transaction(self._connection)

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

    def addMailbox(self, directory: str, mailboxID: str, atLeast: int = 1) -> int:
        """
        A new mailbox.

        @return: its UIDVALIDITY, not below C{atLeast}, which no mailbox of the account has had.
        """
        (last,) = self._connection.execute("SELECT value FROM last_uid_validity").fetchone()
        validity: int = max(int(time.time()), last + 1, atLeast)
        self._connection.execute("UPDATE last_uid_validity SET value = ?", (validity,))
        self._connection.execute(
            "INSERT INTO mailboxes (directory, mailbox_id, uid_validity) VALUES (?, ?, ?)",
            (directory, mailboxID, validity),
        )
        return validity

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
        self, key: int, base: bytes, facts: MessageFacts, keywords: str, version: int
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
        From now on, the present messages are \\Recent for no other session.
        """
        self._connection.execute(
            "UPDATE mailboxes SET first_recent = uid_next WHERE id = ?", (key,)
        )

    def search(self, key: int, column: str, value: str) -> list[int]:
        """
        @param column: C{email_id} or C{thread_id}.

        @return: the UIDs of the mailbox's messages with this value, ascending.
        """
        rows = self._connection.execute(
            f"SELECT uid FROM messages WHERE mailbox = ? AND {column} = ? ORDER BY uid",
            (key, value),
        )
        return [uid for (uid,) in rows]
