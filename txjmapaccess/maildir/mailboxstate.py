# -*- test-case-name: tests.maildir.test_mailbox -*-
"""
One mailbox as this process knows it: the Maildir and the index brought together.

All views of a mailbox in a process share one L{MailboxState}, and with it the newest
L{MailboxSnapshot}. Its methods run in worker threads, one at a time for each account;
L{MailboxState.snapshot} and L{MailboxState.locate} are for all threads. What changes a mailbox is
in L{txjmapaccess.maildir.messagechanges}.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from twisted.logger import Logger
from twisted.mail.imap4 import NoSuchMailbox

from txjmapaccess.maildir import maildirfiles
from txjmapaccess.maildir.directorylisting import COARSE, DirectoryListing, readTimes
from txjmapaccess.maildir.indexfile import IndexFile
from txjmapaccess.maildir.mailboxsnapshot import MailboxSnapshot, MessageState
from txjmapaccess.maildir.messagefacts import MessageFacts, examine
from txjmapaccess.maildir.openindex import MailboxRow, OpenIndex, Record


class MailboxState:
    """
    @param index: the account's.
    @param root: the account's directory.
    @param row: the mailbox.

    @ivar row: the mailbox as the index had it last.
    @ivar snapshot: the newest.
    @ivar records: what the index has, by base name.
    """

    _log = Logger()

    def __init__(self, index: IndexFile, root: bytes, row: MailboxRow) -> None:
        self._index = index
        self._root = root
        self.row = row
        self.snapshot = MailboxSnapshot([], row)
        self.records: dict[bytes, Record] = {}
        self._listing = DirectoryListing()
        self._forget()

    def _forget(self) -> None:
        self.records = {}
        self._version = -1  # of the index, that records agree with
        self._listing.forget()
        self._settled: tuple[int, ...] | None = None  # L{_readTimes}, when nothing was left to do

    @property
    def path(self) -> bytes:
        """
        The mailbox's directory.
        """
        return os.path.join(self._root, os.fsencode(self.row.directory))

    @property
    def paths(self) -> dict[bytes, bytes]:
        """
        What the Maildir has, by base name.
        """
        return self._listing.paths

    def sync(self, claim: bool = False) -> MailboxSnapshot:
        """
        Look at the index and at the disk.

        @param claim: whether a session that selected the mailbox looks: what lies in C{new} is
            taken to C{cur}, and what is \\Recent is so for this session alone. The row of the
            snapshot still has what was.

        @raise NoSuchMailbox: when the mailbox is gone.
        """
        began, times = time.time(), self._readTimes()
        if times is None or times != self._settled or (claim and self.snapshot.hasRecent):
            self._sync(claim)
            isOld = times is not None and max(times[1:]) / 1e9 < began - COARSE
            self._settled = times if isOld and not self._listing.isForgotten else None
        return self.snapshot

    def _readTimes(self) -> tuple[int, ...] | None:
        """
        @return: what changes when the mailbox changes: the index's inode, and times; L{None} when
            something is not there.
        """
        try:
            return (*self._index.stamp(), *readTimes(self.path))
        except FileNotFoundError:
            return None

    def _sync(self, claim: bool) -> None:
        with self._index.open() as db, _goneWithItsFiles():
            self._readRow(db)
            if claim:
                maildirfiles.takeNew(self.path)
            self._refresh(db)
            if claim and self.snapshot.hasRecent:
                with db.writing():
                    db.claimRecent(self.row.id)

    @contextmanager
    def changing(self) -> Iterator[OpenIndex]:
        """
        For the duration of the block, L{records}, L{paths} and L{snapshot} are what is in the
        index and on disk, and no process of ours changes the account. The block changes all
        three, and leaves with L{publish}.
        """
        with self._index.open() as db:
            with _goneWithItsFiles():
                self._readRow(db)
                self._refresh(db)
            try:
                with db.writing():
                    with _goneWithItsFiles():
                        self._look(db)
                    yield db
            except BaseException:
                self._forget()
                raise

    def raiseVersion(self, db: OpenIndex) -> int:
        """
        @return: the version of what the block of L{changing} changes in the index.
        """
        self._version = db.raiseVersion(self.row.id)
        return self._version

    def publish(self, db: OpenIndex, added: list[MessageState] | None = None) -> None:
        """
        Make a new L{snapshot}, of the old and C{added}, or of L{records} and L{paths}.
        """
        self._readRow(db)
        self._listing.accept(self.path)
        if added is None:
            self._makeSnapshot()
        else:
            self.snapshot = MailboxSnapshot([*self.snapshot.entries, *added], self.row)

    def _readRow(self, db: OpenIndex) -> None:
        row = db.mailbox(self.row.id)
        if row is None or row.uidValidity != self.row.uidValidity:
            raise NoSuchMailbox("The mailbox no longer exists")
        self.row = row

    def _refresh(self, db: OpenIndex) -> None:
        self._look(db)
        if self.paths.keys() != self.records.keys():
            self._reconcile(db)
        elif self.snapshot.row != self.row:
            self.snapshot = MailboxSnapshot(self.snapshot.entries, self.row)

    def _look(self, db: OpenIndex) -> None:
        """
        Read what has changed in the index and on disk since the last time.
        """
        self._readRow(db)
        hasNewRecords = self.row.version != self._version
        if hasNewRecords:
            self._load(db)
        hasNewFiles = self._listing.look(self.path)
        if hasNewRecords or hasNewFiles:
            self._makeSnapshot()

    def _load(self, db: OpenIndex) -> None:
        for record in db.records(self.row.id, self._version):
            self.records[record.base] = record
        if db.count(self.row.id) != len(self.records):  # Another process has removed some.
            self.records = {record.base: record for record in db.records(self.row.id)}
        self._version = self.row.version

    def _reconcile(self, db: OpenIndex) -> None:
        """
        Give UIDs to files that have none, and forget messages that have no file.
        """
        unknown = [base for base in self.paths if base not in self.records]
        examined = {base: facts for base in unknown if (facts := self._examine(base)) is not None}
        with db.writing():
            self._readRow(db)
            self._load(db)
            # Listed again: now that no process of ours renames, a file that is not there is gone.
            self._listing.list(self.path)
            self._settle(db, examined)
        self._makeSnapshot()
        if self.paths.keys() != self.records.keys():
            self._listing.forget()  # Something came while we looked: look again next time.

    def _settle(self, db: OpenIndex, examined: dict[bytes, MessageFacts]) -> None:
        gone = [base for base in self.records if base not in self.paths]
        new = [b for b in examined if b in self.paths and b not in self.records]
        if gone or new:
            version = self.raiseVersion(db)
            db.removeMessages(self.row.id, [self.records.pop(base).uid for base in gone])
            for base in sorted(new, key=lambda b: (examined[b].date, b)):
                record = db.addMessage(self.row.id, base, examined[base], "", version)
                self.records[base] = record
            self._readRow(db)

    def _examine(self, base: bytes) -> MessageFacts | None:
        try:
            return examine(os.path.join(self.path, self.paths[base]), base)
        except FileNotFoundError:
            return None  # Renamed since it was listed; there is a next time.
        except OSError as e:
            self._log.error("A message cannot be read and is omitted: {error}", error=e)
            self._listing.exclude(base)
            return None

    def _makeSnapshot(self) -> None:
        old = self.snapshot.byUID
        entries = []
        for record in sorted(self.records.values()):
            path = self.paths.get(record.base)
            if path is not None:
                entry = old.get(record.uid)
                if entry is None or entry.path != path or entry.record != record:
                    entry = MessageState(record, path)
                entries.append(entry)
        self.snapshot = MailboxSnapshot(entries, self.row)

    def search(self, column: str, value: str) -> list[int]:
        """
        See L{OpenIndex.search}.
        """
        with self._index.open() as db:
            return db.search(self.row.id, column, value)

    def locate(self, entry: MessageState) -> bytes:
        """
        @return: the path of a message's file, wherever another program has moved it since.

        @raise FileNotFoundError: when it is nowhere.
        @raise NoSuchMailbox: when the mailbox is not there either.
        """
        for path in (entry.path, self.paths.get(entry.record.base)):
            if path is not None and os.path.exists(os.path.join(self.path, path)):
                return os.path.join(self.path, path)
        with _goneWithItsFiles():
            found = maildirfiles.listing(self.path).get(entry.record.base)
        if found is None:
            raise FileNotFoundError(entry.record.base)
        return os.path.join(self.path, found)


@contextmanager
def _goneWithItsFiles() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NoSuchMailbox("The mailbox no longer exists") from None
