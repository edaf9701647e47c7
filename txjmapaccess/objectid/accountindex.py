# -*- test-case-name: tests.objectid.test_accountindex -*-
"""
The file of an L{txjmapaccess.objectid.ObjectIDIndex} for one account: an SQLite database, opened
for each job, so that any number of processes may use it and a process that is killed leaves
nothing half done. All of this may wait for the disk or for another process: it runs in threads.

An identifier stays in here once a client has seen it, so that it never changes. A MAILBOXID is made
from the name and UIDVALIDITY under which the mailbox is seen first, and at random if that one was
used before: most are the same again when an index is lost.

Changes to mailboxes are noted here before the store makes them (L{PendingChange}). Until a change
is settled, the index answers no question that it may concern.
"""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from txjmapaccess.database import transaction
from txjmapaccess.message.identifiers import newMailboxID
from txjmapaccess.objectid.indexfile import openFile
from txjmapaccess.objectid.pendingchanges import (
    COPY,
    DELETE,
    GONE,
    MOVED,
    RENAME,
    ChangePending,
    IDs,
    MailboxKey,
    PendingChange,
    SettledChange,
)
from txjmapaccess.store.mailboxnames import folded
from txjmapaccess.store.objectids import MailboxForgotten

#: SQLite's smallest limit of variables in a statement.
_MOST_VARIABLES = 900


class AccountIndex:
    """
    @param path: of the file, which is made when it is missing.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    # Mailboxes

    def findMailbox(self, name: str, uidValidity: int) -> MailboxKey | None:
        """
        @return: the mailbox, or L{None} when it is not here.

        @raise Unsettled: when it may have another name now, or be gone.
        """
        with openFile(self.path) as database:
            return self._find(database, name, uidValidity)

    def _find(self, database: sqlite3.Connection, name: str, uidValidity: int) -> MailboxKey | None:
        for begun in _begun(database, RENAME, DELETE):
            if folded(name) in (folded(begun.name), folded(begun.target)):
                raise ChangePending()
        known = database.execute(
            "SELECT id, mailbox_id FROM mailboxes WHERE name = ? AND uid_validity = ?",
            (name, uidValidity),
        ).fetchone()
        return None if known is None else MailboxKey(*known)

    def changeCount(self) -> int:
        """
        @return: a number that grows when a change is begun, and when it is settled.
        """
        with openFile(self.path) as database:
            return _changeCount(database)

    def addMailbox(self, name: str, uidValidity: int, since: int | None = None) -> MailboxKey:
        """
        @param name: the name by which the store lists it.
        @param since: the L{changeCount} from before the store was asked.

        @return: the mailbox, which is new here unless another session was faster.

        @raise Unsettled: as L{findMailbox}, and when there was a change since.
        """
        with openFile(self.path) as database, transaction(database):
            if since not in (None, _changeCount(database)):
                raise ChangePending()
            known = self._find(database, name, uidValidity)
            return known or self._add(database, name, uidValidity)

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

    def namesAbove(self, name: str) -> list[str]:
        """
        @return: the names in here that mean C{name}, or what may be above it.
        """
        with openFile(self.path) as database:
            rows = database.execute("SELECT DISTINCT name FROM mailboxes").fetchall()
        return [known for (known,) in rows if folded(name).startswith(folded(known))]

    def forget(self, names: Iterable[str]) -> None:
        """
        Mailboxes no longer exist. Their MAILBOXIDs are never used again.
        """
        with openFile(self.path) as database, transaction(database):
            for name in names:
                _spend(database, name)

    # MailboxChanges

    def begin(self, changes: Iterable[PendingChange]) -> list[PendingChange]:
        """
        Note changes, in case this process is killed before they are settled.

        @return: the same, as they are in the index.
        """
        with openFile(self.path) as database, transaction(database):
            return [
                change._replace(
                    id=int(
                        database.execute(
                            "INSERT INTO begun (kind, name, target, mailbox, uid_next, is_hidden)"
                            " VALUES (?, ?, ?, ?, ?, ?)",
                            change[:6],
                        ).lastrowid
                        or 0
                    )
                )
                for change in changes
            ]

    def begun(self) -> list[PendingChange]:
        """
        @return: what was begun and not settled.
        """
        with openFile(self.path) as database:
            return _begun(database, RENAME, DELETE, COPY)

    def settle(self, changes: Iterable[SettledChange]) -> None:
        """
        Keep the outcome of pending changes.
        """
        with openFile(self.path) as database, transaction(database):
            for change in changes:
                if change.result == MOVED:
                    _move(database, change)
                elif change.result == GONE:
                    _spend(database, change.begun.name)
                database.execute("DELETE FROM begun WHERE id = ?", (change.begun.id,))

    # Messages

    def findMessages(self, row: int, uids: Iterable[int]) -> dict[int, IDs]:
        """
        @return: EMAILID and THREADID of those messages that are known, by UID.

        @raise Unsettled: when one of the others may be a copy.
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
            _mustNotBeCopies(database, row, (uid for uid in wanted if uid not in found))
        return found

    def addMessages(self, row: int, ids: Mapping[int, IDs]) -> dict[int, IDs]:
        """
        Keep the identifiers of messages, unless another session was faster.

        @return: the identifiers in the index.

        @raise Unsettled: when one of them may be a copy.
        @raise MailboxForgotten: when the mailbox is gone.
        """
        with openFile(self.path) as database, transaction(database):
            _mustNotBeCopies(database, row, ids)
            _insert(database, row, ids)
        return self.findMessages(row, ids)

    def knownSince(self, row: int, uidNext: int) -> set[int]:
        """
        @return: the UIDs from C{uidNext} on whose messages are known.
        """
        query = "SELECT uid FROM messages WHERE mailbox = ? AND uid >= ?"
        with openFile(self.path) as database:
            return {uid for (uid,) in database.execute(query, (row, uidNext))}

    def addCopies(self, copying: PendingChange, ids: Mapping[int, IDs]) -> None:
        """
        Keep the identifiers of copies: with this, the copying is settled.
        """
        with openFile(self.path) as database, transaction(database):
            database.execute("DELETE FROM begun WHERE id = ?", (copying.id,))
            _insert(database, copying.mailbox, ids)

    # Searching

    def completeBelow(self, row: int) -> int:
        """
        @return: a UID below which all messages of the mailbox are in here.
        """
        with openFile(self.path) as database:
            found = database.execute("SELECT complete_below FROM mailboxes WHERE id = ?", (row,))
            return int((found.fetchone() or (1,))[0])

    def setCompleteBelow(self, row: int, uid: int) -> None:
        """
        Keep that.
        """
        with openFile(self.path) as database, transaction(database):
            database.execute(
                "UPDATE mailboxes SET complete_below = max(complete_below, ?) WHERE id = ?",
                (uid, row),
            )

    def search(self, row: int, kind: str, value: str) -> list[int]:
        """
        @param kind: C{EMAILID} or C{THREADID}.

        @return: the UIDs of the messages that have this identifier, ascending.
        """
        column = "email_id" if kind == "EMAILID" else "thread_id"
        with openFile(self.path) as database:
            found: Sequence[tuple[int]] = database.execute(
                f"SELECT uid FROM messages WHERE mailbox = ? AND {column} = ? ORDER BY uid",
                (row, value),
            ).fetchall()
        return [uid for (uid,) in found]


def _changeCount(database: sqlite3.Connection) -> int:
    query = "SELECT 2 * coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'begun'"
    pending: int = database.execute("SELECT count(*) FROM begun").fetchone()[0]
    return int(database.execute(query).fetchone()[0]) - pending


def _begun(database: sqlite3.Connection, *kinds: str) -> list[PendingChange]:
    marks = ",".join("?" * len(kinds))
    query = "SELECT kind, name, target, mailbox, uid_next, is_hidden, id FROM begun"
    return [
        PendingChange(*row) for row in database.execute(f"{query} WHERE kind IN ({marks})", kinds)
    ]


def _mustNotBeCopies(database: sqlite3.Connection, row: int, uids: Iterable[int]) -> None:
    copyings = [each.uidNext for each in _begun(database, COPY) if each.mailbox == row]
    if copyings and any(uid >= min(copyings) for uid in uids):
        raise ChangePending()


def _insert(database: sqlite3.Connection, row: int, ids: Mapping[int, IDs]) -> None:
    if database.execute("SELECT 1 FROM mailboxes WHERE id = ?", (row,)).fetchone() is None:
        raise MailboxForgotten()
    database.executemany(
        "INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?)",
        [(row, uid, *pair) for uid, pair in ids.items()],
    )


def _spend(database: sqlite3.Connection, name: str) -> None:
    database.execute(
        "INSERT OR IGNORE INTO spent SELECT mailbox_id FROM mailboxes WHERE name = ?", (name,)
    )
    database.execute("DELETE FROM mailboxes WHERE name = ?", (name,))


def _move(database: sqlite3.Connection, change: SettledChange) -> None:
    known = database.execute(
        "SELECT id, uid_validity FROM mailboxes WHERE name = ?"
        " ORDER BY uid_validity = ? DESC, id DESC",
        (change.begun.name, change.uidValidity),
    ).fetchone()
    if known is None:
        return
    row, before = known
    uidValidity = before if change.uidValidity is None else change.uidValidity
    _spend(database, change.target)  # It was there once, or could not be there now.
    database.execute(
        "UPDATE mailboxes SET name = ?, uid_validity = ? WHERE id = ?",
        (change.target, uidValidity, row),
    )
    if uidValidity != before:  # Some stores do that, and the UIDs are others then.
        database.execute("DELETE FROM messages WHERE mailbox = ?", (row,))
        database.execute("UPDATE mailboxes SET complete_below = 1 WHERE id = ?", (row,))
    _spend(database, change.begun.name)  # What it was under another UIDVALIDITY.


def _derivedMailboxID(name: str, uidValidity: int) -> str:
    digest = hashlib.sha256(f"{uidValidity}\0{name}".encode("utf-8", "surrogatepass")).digest()
    return "F" + base64.b32encode(digest[:17]).decode("ascii").lower()[:26]
