# -*- test-case-name: tests.maildir.test_account -*-
"""
An account on disk: which mailboxes there are. In worker threads, one job at a time.

A mailbox is a directory with C{cur} in it. Its MAILBOXID is in a file in that directory, so that it
moves with the directory when another program renames it, or when we are killed halfway. The index
follows.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import deque
from contextlib import suppress
from weakref import WeakValueDictionary

from twisted.logger import Logger
from twisted.mail.imap4 import MailboxCollision, MailboxException, NoSuchMailbox

from txjmapaccess.errors import IndexDamaged
from txjmapaccess.fsync import syncDirectory
from txjmapaccess.maildir import maildirfiles, messagechanges
from txjmapaccess.maildir.directorynames import INBOX, directoryOf, isBelow, mailboxOf, parents
from txjmapaccess.maildir.durablefiles import writeSafely
from txjmapaccess.maildir.indexfile import IndexFile
from txjmapaccess.maildir.mailboxstate import MailboxState
from txjmapaccess.maildir.openindex import MailboxRow, OpenIndex
from txjmapaccess.message.identifiers import newMailboxID

_MARK = b"txjmapaccess-mailboxid"
_MARK_TEXT = re.compile(rb"(F[a-z2-7]{26}) (\d{1,10})\n")
_TRASH = b"..txjmapaccess-"

#: Mailboxes of an account to keep in memory when no session has them open.
_KEPT = 8


class AccountDirectory:
    """
    @param root: the account's directory.
    """

    _log = Logger()

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._index = IndexFile(root)
        self._folders: WeakValueDictionary[int, MailboxState] = WeakValueDictionary()
        self._kept: deque[MailboxState] = deque(maxlen=_KEPT)

    def prepare(self) -> None:
        """
        Make the account's directory and its INBOX, unless they are there.
        """
        with suppress(FileExistsError):
            os.mkdir(os.path.dirname(self._root), 0o700)
        maildirfiles.makeMaildir(self._root, isSubfolder=False)
        for name in os.listdir(self._root):
            if name.startswith(_TRASH):  # We were killed while we deleted it.
                shutil.rmtree(os.path.join(self._root, name), ignore_errors=True)
        try:
            self._identifyInbox()
        except IndexDamaged as e:
            self._log.error("{problem}", problem=str(e))
            self._identifyInbox()

    def _identifyInbox(self) -> None:
        with self._index.open() as db:
            self._identified(db, "")

    def open(self, name: str) -> MailboxState | None:
        """
        @return: the mailbox, or L{None} when there is none of this name.

        @raise MailboxException: when there can be none.
        """
        directory = directoryOf(name)
        with self._index.open() as db:
            row = self._identified(db, directory)
        if row is None:
            return None
        folder = self._folders.get(row.id)
        if folder is None or folder.row.uidValidity != row.uidValidity:
            folder = self._folders[row.id] = MailboxState(self._index, self._root, row)
            with suppress(FileNotFoundError):
                maildirfiles.cleanTemporary(folder.path)
        if folder not in self._kept:
            self._kept.append(folder)
        return folder

    def _path(self, directory: str, *more: bytes) -> bytes:
        return os.path.join(self._root, os.fsencode(directory), *more)

    def _isMailbox(self, directory: str) -> bool:
        return os.path.isdir(self._path(directory, b"cur"))

    def _identified(self, db: OpenIndex, directory: str) -> MailboxRow | None:
        """
        Bring together what the directory says of its MAILBOXID and what the index says.
        """
        if not self._isMailbox(directory):
            return None
        row = db.mailboxIn(directory)
        if row is None or self._readID(directory) != row.mailboxID:
            with db.writing():
                self._identify(db, directory)
            row = db.mailboxIn(directory)
        return row

    def _identify(self, db: OpenIndex, directory: str) -> None:
        mailboxID, lastValidity = self._readMark(directory)
        known = db.mailboxWithID(mailboxID) if mailboxID else None
        if known is not None and known.directory != directory:
            if self._readID(known.directory) != mailboxID:
                db.moveMailbox(known.id, directory)  # Renamed.
                return
            mailboxID = None  # The directory is a copy of another, with the file in it.
        old = db.mailboxIn(directory)
        if old is not None and old.mailboxID != mailboxID:
            db.removeMailbox(old.id)  # Another mailbox was here before.
        mailboxID = mailboxID or newMailboxID()
        if db.mailboxWithID(mailboxID) is None:
            # When the index was lost, the next UIDVALIDITY must be higher (RFC 3501, 2.3.1.1).
            validity = db.addMailbox(directory, mailboxID, lastValidity + 1)
            mark = f"{mailboxID} {validity}\n".encode("ascii")
            writeSafely(self._path(directory, _MARK), mark)

    def _readID(self, directory: str) -> str | None:
        return self._readMark(directory)[0]

    def _readMark(self, directory: str) -> tuple[str | None, int]:
        """
        @return: the MAILBOXID and the UIDVALIDITY that a directory says it has.
        """
        try:
            with open(self._path(directory, _MARK), "rb") as file:
                found = _MARK_TEXT.match(file.read(100))
        except (FileNotFoundError, NotADirectoryError):
            return None, 0
        return (found[1].decode("ascii"), int(found[2])) if found else (None, 0)

    def names(self) -> set[str]:
        """
        @return: the names of all mailboxes.
        """
        entries = [os.fsdecode(name) for name in os.listdir(self._root) if name.startswith(b".")]
        named = {directory: mailboxOf(directory) for directory in entries}
        return {INBOX} | {n for d, n in named.items() if n is not None and self._isMailbox(d)}

    def create(self, name: str) -> None:
        """
        Make a mailbox, and those above it that there are not.

        @raise MailboxException: when there is one of this name, or can be none.
        """
        if self._isMailbox(directoryOf(name)):
            raise MailboxCollision(name)
        with self._index.open() as db:
            for each in [*parents(name), name]:
                directory = directoryOf(each)
                maildirfiles.makeMaildir(self._path(directory), isSubfolder=True)
                self._identified(db, directory)

    def delete(self, name: str) -> None:
        """
        Delete a mailbox and its messages. Mailboxes below it stay.

        @raise MailboxException: when there is none, or it is the INBOX.
        """
        if name == INBOX:
            raise MailboxException("The INBOX cannot be deleted")
        directory = directoryOf(name)
        with self._index.open() as db:
            row = self._identified(db, directory)
            if row is None:
                if any(isBelow(other, name) for other in self.names()):
                    raise MailboxException("The mailbox has child mailboxes")
                raise NoSuchMailbox(name)
            trash = os.path.join(self._root, _TRASH + row.mailboxID.encode("ascii"))
            with db.writing():
                os.rename(self._path(directory), trash)
                db.removeMailbox(row.id)
                syncDirectory(self._root)
        shutil.rmtree(trash, ignore_errors=True)

    def rename(self, old: str, new: str) -> None:
        """
        Rename a mailbox and those below it. The INBOX stays, and its messages go (RFC 3501,
        section 6.3.5).

        @raise MailboxException: when there is none, or the new name is taken.
        """
        if old == INBOX:
            return self._moveInbox(new)
        names = self.names()
        moved = {n: new + n[len(old) :] for n in names if n == old or isBelow(n, old)}
        if not moved:
            raise NoSuchMailbox(old)
        if isBelow(new, old):
            raise MailboxException("A mailbox cannot be moved below itself")
        for taken in names & {new, *moved.values()}:
            raise MailboxCollision(taken)
        directories = {directoryOf(a): directoryOf(b) for a, b in moved.items()}
        with self._index.open() as db:
            self._makeParents(db, new)
            for directory in directories:
                self._identified(db, directory)
            with db.writing():
                for directory, target in directories.items():
                    self._move(db, directory, target)
                syncDirectory(self._root)
        return None

    def _makeParents(self, db: OpenIndex, name: str) -> None:
        for parent in parents(name):
            if not self._isMailbox(directoryOf(parent)):
                maildirfiles.makeMaildir(self._path(directoryOf(parent)), isSubfolder=True)
                self._identified(db, directoryOf(parent))

    def _move(self, db: OpenIndex, directory: str, target: str) -> None:
        row = db.mailboxIn(directory)
        os.rename(self._path(directory), self._path(target))
        if row is not None:
            db.moveMailbox(row.id, target)
            folder = self._folders.get(row.id)
            if folder is not None:
                folder.row = row._replace(directory=target)

    def _moveInbox(self, new: str) -> None:
        self.create(new)
        inbox, target = self.open(INBOX), self.open(new)
        if inbox is None or target is None:
            raise NoSuchMailbox("The mailbox no longer exists")
        entries = inbox.sync().entries
        messagechanges.copy(target, [(inbox, entry) for entry in entries])
        messagechanges.expunge(inbox, [entry.uid for entry in entries], onlyDeleted=False)
