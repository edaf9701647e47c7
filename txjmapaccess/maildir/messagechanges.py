# -*- test-case-name: tests.maildir.test_mailbox -*-
"""
What changes a mailbox: APPEND, COPY, STORE, EXPUNGE. In worker threads, one at a time for each
account.

Each is one write transaction of the index, within which the files change. A process that is killed
leaves files that are not in the index, which the next look finds as new messages, or records
without a file, which it removes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import BinaryIO

from twisted.mail.imap4 import MailboxException

from txjmapaccess.fsync import syncDirectory
from txjmapaccess.maildir import maildirfiles
from txjmapaccess.maildir.durablefiles import writeTemporary
from txjmapaccess.maildir.mailboxsnapshot import MessageState
from txjmapaccess.maildir.mailboxstate import MailboxState
from txjmapaccess.maildir.messagefacts import MessageFacts, examine
from txjmapaccess.maildir.messageflags import MessageFlags
from txjmapaccess.maildir.openindex import OpenIndex

#: What a new message is, and the function that puts its file under a path.
_Addition = tuple[MessageFacts, MessageFlags, Callable[[bytes], None]]


def append(folder: MailboxState, message: BinaryIO, flags: MessageFlags, date: float | None) -> int:
    """
    Add a message. When this returns, it is safely on disk.

    @param date: its INTERNALDATE, in seconds since 1970, or L{None} for now.

    @return: its UID.
    """
    base = maildirfiles.uniqueName()
    temporary = writeTemporary(folder.path, base, message, date)
    try:
        facts = examine(temporary, base)
        return _add(folder, {base: (facts, flags, lambda path: os.rename(temporary, path))})[0]
    except BaseException:
        maildirfiles.removeQuietly(temporary)
        raise


def copy(target: MailboxState, sources: Iterable[tuple[MailboxState, MessageState]]) -> list[int]:
    """
    Add copies of messages of the account, all or none: with their flags, INTERNALDATEs, EMAILIDs
    and THREADIDs. The copy is the same file, where the file system can do that.

    @return: the UIDs of the copies, in the same order.
    """
    return _add(
        target, {maildirfiles.uniqueName(): _asCopy(folder, old) for folder, old in sources}
    )


def _asCopy(source: MailboxState, entry: MessageState) -> _Addition:
    latest = source.snapshot.byUID.get(entry.uid, entry)
    record = latest.record
    facts = MessageFacts(record.size, record.date, record.emailID, record.threadID)

    def place(path: bytes) -> None:
        try:
            maildirfiles.linkOrCopy(source.locate(latest), path)
        except FileNotFoundError:
            raise MailboxException("A message to be copied no longer exists") from None

    return facts, latest.flags, place


def _add(folder: MailboxState, additions: dict[bytes, _Addition]) -> list[int]:
    made: list[bytes] = []
    try:
        with folder.changing() as db:
            version = folder.raiseVersion(db)
            added = []
            for base, (facts, flags, place) in additions.items():
                path = b"cur/" + maildirfiles.fileName(base, flags.letters)
                made.append(os.path.join(folder.path, path))
                place(made[-1])
                record = db.addMessage(folder.row.id, base, facts, flags.keywords, version)
                added.append(MessageState(record, path))
            syncDirectory(os.path.join(folder.path, b"cur"))
            _remember(folder, added)
            folder.publish(db, added)
    except BaseException:
        for path in made:
            maildirfiles.removeQuietly(path)
        raise
    return [entry.uid for entry in added]


def _remember(folder: MailboxState, entries: Iterable[MessageState]) -> None:
    for entry in entries:
        folder.records[entry.record.base] = entry.record
        folder.paths[entry.record.base] = entry.path


def changeFlags(
    folder: MailboxState, uids: Iterable[int], change: Callable[[MessageFlags], MessageFlags]
) -> None:
    """
    Change the flags of messages; those that are gone are left out.

    @param change: from the old flags of a message to the new ones.
    """
    with folder.changing() as db:
        known = folder.snapshot.byUID
        changed = [
            (known[uid], flags)
            for uid in uids
            if uid in known and (flags := change(known[uid].flags)) != known[uid].flags
        ]
        for entry, flags in changed:
            _rename(folder, entry, flags.letters)
        _setKeywords(folder, db, changed)
        folder.publish(db)


def _rename(folder: MailboxState, entry: MessageState, letters: str) -> None:
    stem = maildirfiles.splitName(os.path.basename(entry.path))[0]
    path = b"cur/" + maildirfiles.fileName(stem, letters)
    if path != entry.path:
        try:
            os.rename(folder.locate(entry), os.path.join(folder.path, path))
        except FileNotFoundError:
            return  # Another program has removed it: the next look at the disk will tell.
        folder.paths[entry.record.base] = path


def _setKeywords(
    folder: MailboxState, db: OpenIndex, changed: list[tuple[MessageState, MessageFlags]]
) -> None:
    changed = [(entry, f) for entry, f in changed if entry.record.keywords != f.keywords]
    if changed:
        version = folder.raiseVersion(db)
        records = [e.record._replace(keywords=f.keywords, version=version) for e, f in changed]
        db.setKeywords(folder.row.id, records)
        folder.records.update((record.base, record) for record in records)


def expunge(folder: MailboxState, uids: Iterable[int], onlyDeleted: bool = True) -> None:
    """
    Remove messages for good.

    @param onlyDeleted: remove only those that are flagged \\Deleted now.
    """
    with folder.changing() as db:
        known = folder.snapshot.byUID
        doomed = [known[uid] for uid in uids if uid in known]
        doomed = [entry for entry in doomed if entry.flags.isDeleted or not onlyDeleted]
        if doomed:
            for entry in doomed:
                _remove(folder, entry)
            syncDirectory(os.path.join(folder.path, b"cur"))
            folder.raiseVersion(db)
            db.removeMessages(folder.row.id, [entry.uid for entry in doomed])
            folder.publish(db)


def _remove(folder: MailboxState, entry: MessageState) -> None:
    with suppress(FileNotFoundError):  # Another program may have been faster.
        os.unlink(folder.locate(entry))
    folder.paths.pop(entry.record.base, None)
    folder.records.pop(entry.record.base, None)
