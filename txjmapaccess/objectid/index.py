# -*- test-case-name: tests.test_objectindex -*-
"""
The file of an L{txjmapaccess.objectid.ObjectIDIndex} for one account: an SQLite database, opened
for each job, so that any number of processes may use it and a process that is killed leaves
nothing half done. All of this may wait for the disk or for another process: it runs in threads.

What was reported once stays in here, so that it never changes. A MAILBOXID is made from the name
and UIDVALIDITY under which the mailbox is seen first, and at random where that was given before:
most come out the same again when an index is lost.
"""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from txjmapaccess.maildir.identifiers import newMailboxID
from txjmapaccess.objectid.indexfile import openFile, transaction

#: SQLite's smallest limit of variables in a statement.
_MOST_VARIABLES = 900

IDs = tuple[str, str]


class MailboxKey(NamedTuple):
    """
    A mailbox in the index.

    @ivar row: stays the same when the mailbox is renamed.
    """

    row: int
    mailboxID: str


class Renamed(NamedTuple):
    """
    A RENAME that was begun, of which nobody knows whether it was carried out.
    """

    old: str
    new: str
    #: The name that the mailbox in question had before it.
    before: str


class ObjectIndex:
    """
    @param path: of the file, which is made when it is missing.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    # Mailboxes

    def findMailbox(self, name: str, uidValidity: int) -> MailboxKey | Renamed:
        """
        @return: the mailbox, which is new in the index if it is not there; or a RENAME that may
            have led to it, to be settled with L{finishRename} or L{forgetRename} first.
        """
        with openFile(self.path) as database:
            known = database.execute(
                "SELECT id, mailbox_id FROM mailboxes"
                " WHERE name = ? AND uid_validity = ? AND NOT is_renamed",
                (name, uidValidity),
            ).fetchone()
            if known is not None:
                return MailboxKey(*known)
            with transaction(database):
                return (
                    self._adopt(database, name, uidValidity)
                    or self._begunRename(database, name)
                    or self._add(database, name, uidValidity)
                )

    def _adopt(
        self, database: sqlite3.Connection, name: str, uidValidity: int
    ) -> MailboxKey | None:
        # Some stores give a mailbox a new UIDVALIDITY when it is renamed, and its UIDs are
        # others then.
        known = database.execute(
            "SELECT id, mailbox_id FROM mailboxes WHERE name = ?"
            " AND (is_renamed OR uid_validity = ?) ORDER BY uid_validity = ? DESC, id DESC",
            (name, uidValidity, uidValidity),
        ).fetchone()
        if known is None:
            return None
        key = MailboxKey(*known)
        database.execute(
            "DELETE FROM messages WHERE mailbox = ? AND NOT EXISTS"
            " (SELECT 1 FROM mailboxes WHERE id = ? AND uid_validity = ?)",
            (key.row, key.row, uidValidity),
        )
        database.execute("UPDATE mailboxes SET is_renamed = 0 WHERE name = ?", (name,))
        database.execute(
            "UPDATE mailboxes SET uid_validity = ? WHERE id = ?", (uidValidity, key.row)
        )
        return key

    def _begunRename(self, database: sqlite3.Connection, name: str) -> Renamed | None:
        for old, new, delimiter in database.execute("SELECT old, new, delimiter FROM renames"):
            before = _moved(name, new, old, delimiter)
            if before is not None:
                found = "SELECT 1 FROM mailboxes WHERE name = ?"
                if database.execute(found, (before,)).fetchone():
                    return Renamed(old, new, before)
        return None

    def _add(self, database: sqlite3.Connection, name: str, uidValidity: int) -> MailboxKey:
        mailboxID = _derivedMailboxID(name, uidValidity)
        used = (
            "SELECT 1 FROM mailboxes WHERE mailbox_id = ?"
            " UNION SELECT 1 FROM spent WHERE mailbox_id = ?"
        )
        if database.execute(used, (mailboxID, mailboxID)).fetchone():
            mailboxID = newMailboxID()
        added = database.execute(
            "INSERT INTO mailboxes (name, uid_validity, mailbox_id) VALUES (?, ?, ?)",
            (name, uidValidity, mailboxID),
        )
        return MailboxKey(int(added.lastrowid or 0), mailboxID)

    def beginRename(self, old: str, new: str, delimiter: str) -> None:
        """
        Note that a mailbox is about to be renamed, should this process be killed meanwhile.

        @param delimiter: of the hierarchy, or C{""}.
        """
        with openFile(self.path) as database, transaction(database):
            database.execute("INSERT INTO renames VALUES (?, ?, ?)", (old, new, delimiter))

    def finishRename(self, old: str, new: str) -> None:
        """
        The mailbox was renamed, and with it those below it.
        """
        with openFile(self.path) as database, transaction(database):
            begun = database.execute(
                "SELECT delimiter FROM renames WHERE old = ? AND new = ?", (old, new)
            ).fetchone()
            if begun is None:
                return  # Another process has found out.
            rows = database.execute("SELECT id, name FROM mailboxes").fetchall()
            moves = [
                (target, row)
                for row, name in rows
                if (target := _moved(name, old, new, begun[0])) is not None
            ]
            for target in {target for target, _ in moves}:
                _spend(database, target)  # It was there once, or could not be there now.
            database.executemany(
                "UPDATE mailboxes SET name = ?, is_renamed = 1 WHERE id = ?", moves
            )
            _forget(database, old, new)

    def forgetRename(self, old: str, new: str) -> None:
        """
        The mailbox was not renamed.
        """
        with openFile(self.path) as database, transaction(database):
            _forget(database, old, new)

    def deleteMailbox(self, name: str) -> None:
        """
        The mailbox was deleted. Its MAILBOXID is never given again.
        """
        with openFile(self.path) as database, transaction(database):
            _spend(database, name)

    # Messages

    def findMessages(self, row: int, uids: Iterable[int]) -> dict[int, IDs]:
        """
        @return: EMAILID and THREADID of those messages that are known, by UID.
        """
        wanted = list(uids)
        found: dict[int, IDs] = {}
        with openFile(self.path) as database:
            for start in range(0, len(wanted), _MOST_VARIABLES):
                some = wanted[start : start + _MOST_VARIABLES]
                marks = ",".join("?" * len(some))
                for uid, email, thread in database.execute(
                    "SELECT uid, email_id, thread_id FROM messages"
                    f" WHERE mailbox = ? AND uid IN ({marks})",
                    (row, *some),
                ):
                    found[uid] = (email, thread)
        return found

    def addMessages(self, row: int, ids: Mapping[int, IDs]) -> dict[int, IDs]:
        """
        Keep the identifiers of messages, unless somebody has been faster.

        @return: those that count.
        """
        with openFile(self.path) as database, transaction(database):
            database.executemany(
                "INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?)",
                [(row, uid, *pair) for uid, pair in ids.items()],
            )
        return self.findMessages(row, ids)


def _spend(database: sqlite3.Connection, name: str) -> None:
    database.execute(
        "INSERT OR IGNORE INTO spent SELECT mailbox_id FROM mailboxes WHERE name = ?", (name,)
    )
    database.execute("DELETE FROM mailboxes WHERE name = ?", (name,))


def _forget(database: sqlite3.Connection, old: str, new: str) -> None:
    database.execute("DELETE FROM renames WHERE old = ? AND new = ?", (old, new))


def _moved(name: str, old: str, new: str, delimiter: str) -> str | None:
    """
    @return: what C{name} is called when C{old} is called C{new}, or L{None} when that does not
        concern it.
    """
    if name == old:
        return new
    if delimiter and name.startswith(old + delimiter):
        return new + name[len(old) :]
    return None


def _derivedMailboxID(name: str, uidValidity: int) -> str:
    digest = hashlib.sha256(f"{uidValidity}\0{name}".encode("utf-8", "surrogatepass")).digest()
    return "F" + base64.b32encode(digest[:17]).decode("ascii").lower()[:26]
