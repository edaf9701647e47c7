# -*- test-case-name: tests.maildir.test_mailbox -*-
"""
A session's view of a mailbox, as Twisted's IMAP server wants it.

The view stays as it is, and with it the sequence numbers, until C{poll} or C{expunge} tells the
session what has changed (RFC 3501, sections 5.5 and 7.4.1).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from contextlib import closing
from functools import partial
from typing import Any, BinaryIO

from twisted.internet.defer import Deferred
from twisted.mail.imap4 import MailboxException, ReadOnlyMailbox
from twisted.mail.interfaces import (
    ICloseableMailboxIMAP,
    IMailboxIMAP,
    IMessageIMAPCopier,
    IMessageIMAPFile,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from txjmapaccess.coroutines import settled
from txjmapaccess.interfaces import IObjectIDMailbox, IObjectIDSearch, IPollableMailbox
from txjmapaccess.maildir import messagechanges
from txjmapaccess.maildir.jobqueue import JobQueue
from txjmapaccess.maildir.mailboxsnapshot import MailboxSnapshot, MessageState
from txjmapaccess.maildir.mailboxstate import MailboxState
from txjmapaccess.maildir.mailboxstatus import MailboxStatus
from txjmapaccess.maildir.mailboxview import MailboxView, ViewChanges
from txjmapaccess.maildir.message import Message
from txjmapaccess.maildir.messagecache import MessageCache
from txjmapaccess.maildir.messageflags import MessageFlags, flagsNamed
from txjmapaccess.message.dates import secondsOf
from txjmapaccess.store.messageset import Numbered, positions

#: So many copies of one COPY are reported before others get a turn.
_AT_ONCE = 500


@implementer(
    IMailboxIMAP,
    ICloseableMailboxIMAP,
    IMessageIMAPCopier,
    IObjectIDMailbox,
    IObjectIDSearch,
    IPollableMailbox,
)
class Mailbox(MailboxStatus):
    """
    @param worker: the account's.
    @param folder: the mailbox itself.
    @param snapshot: what the session sees of it.
    @param isWriteable: whether the session may change it.
    @param claims: whether what is \\Recent is so for this session alone.

    @ivar folder: the mailbox itself.
    @ivar reading: what of its messages has been read.
    """

    def __init__(
        self,
        worker: JobQueue,
        folder: MailboxState,
        snapshot: MailboxSnapshot,
        isWriteable: bool = True,
        claims: bool = False,
    ) -> None:
        self.folder = folder
        self.reading = MessageCache(folder)
        super().__init__(snapshot, isWriteable)
        self._worker = worker
        self._claims = claims
        self._isClosed = False
        self._toCopy: list[tuple[Message, Deferred[int]]] = []

    def close(self) -> None:
        """
        The session has left the mailbox: a running poll calls no listeners.
        """
        self._isClosed = True
        self.reading.forget()

    def fetch(self, messages: Any, uid: bool | int) -> Numbered[Message, MessageState]:
        """
        See L{IMailboxIMAP.fetch}. No message is read for this.
        """
        entries = self.view.entries
        return Numbered(positions(messages, uid, entries), entries, partial(Message, self))

    def store(
        self, messages: Any, flags: Iterable[str], mode: int, uid: bool | int
    ) -> Deferred[dict[int, Sequence[str]]]:
        """
        See L{IMailboxIMAP.store}. Messages that are gone are not in the answer.
        """
        self._mustBeWriteable()
        return self._worker.turn(self._store, messages, list(flags), mode, uid)

    async def _store(
        self, messages: Any, flags: list[str], mode: int, uid: bool | int
    ) -> dict[int, Sequence[str]]:
        view = self.view
        chosen = [(n + 1, view.entries[n]) for n in positions(messages, uid, view.entries)]

        def job() -> tuple[MailboxView, dict[int, Sequence[str]]]:
            uids = [entry.uid for _, entry in chosen]
            messagechanges.changeFlags(self.folder, uids, lambda old: old.changed(flags, mode))
            latest = self.folder.snapshot.byUID
            now = view.updated({uid: latest[uid] for uid in uids if uid in latest})
            return now, {n: now.flagsOf(e) for n, e in chosen if e.uid in latest}

        self.view, changed = await self._worker.inThread(job)
        return changed

    def _mustBeWriteable(self) -> None:
        if not self._isWriteable:
            raise ReadOnlyMailbox()

    def addMessage(
        self, message: BinaryIO | bytes, flags: Iterable[str | bytes] = (), date: Any = None
    ) -> Deferred[int]:
        """
        @param date: the INTERNALDATE, as APPEND has it or in the form of RFC 5322, or L{None}.

        @return: a Deferred that fires with the UID, when the message is safely on disk.
        """
        self._mustBeWriteable()
        file = io.BytesIO(message) if isinstance(message, bytes) else message
        names = [f.decode("ascii", "replace") if isinstance(f, bytes) else f for f in flags]
        return self._worker.turn(self._addMessage, file, flagsNamed(names), secondsOf(date))

    async def _addMessage(self, file: BinaryIO, flags: MessageFlags, date: float | None) -> int:
        uid = await self._worker.inThread(messagechanges.append, self.folder, file, flags, date)
        if not self._listeners:  # No session has been told any sequence number.
            self.view = MailboxView.of(self.folder.snapshot)
        return uid

    def copy(self, messageObject: Any) -> Deferred[int]:
        """
        See L{IMessageIMAPCopier.copy}. The copies that one command asks for are made together, all
        or none.

        @return: a Deferred that fires with the UID of the copy.
        """
        self._mustBeWriteable()
        if not isinstance(messageObject, Message):
            return Deferred.fromCoroutine(self._copyForeign(messageObject))
        done: Deferred[int] = Deferred()
        self._toCopy.append((messageObject, done))
        if len(self._toCopy) == 1:
            Deferred.fromCoroutine(self._copyAll())
        return done

    async def _copyForeign(self, message: Any) -> int:
        stored = IMessageIMAPFile(message, None)
        if stored is None:
            raise MailboxException("This message cannot be copied")
        with closing(await settled(stored.open)) as file:
            return await self.addMessage(file, message.getFlags(), message.getInternalDate())

    async def _copyAll(self) -> None:
        await self._worker.soon()
        batch, self._toCopy = self._toCopy, []
        sources = [(message.mailbox.folder, message.entry) for message, _ in batch]
        try:
            uids = await self._worker.run(messagechanges.copy, self.folder, sources)
        except Exception:
            failure = Failure()
            for _, done in batch:
                done.errback(failure)
            return
        for n, ((_, done), uid) in enumerate(zip(batch, uids, strict=True), 1):
            done.callback(uid)
            if n % _AT_ONCE == 0:
                await self._worker.soon()

    def expunge(self, uids: Iterable[int] | None = None) -> Deferred[list[int]]:
        """
        Remove the messages that are flagged \\Deleted and that this session knows of.

        @param uids: only these (UID EXPUNGE, RFC 4315).

        @return: a Deferred that fires with the sequence numbers of all messages that are gone,
            descending, so that they can be sent as EXPUNGE responses one after the other.
        """
        self._mustBeWriteable()
        return self._worker.turn(self._expunge, uids)

    async def _expunge(self, uids: Iterable[int] | None) -> list[int]:
        view = self.view

        def job() -> tuple[MailboxView, list[int]]:
            known = [entry.uid for entry in view.entries]
            chosen = known if uids is None else sorted(set(uids).intersection(known))
            messagechanges.expunge(self.folder, chosen)
            return view.withoutGone(self.folder.snapshot)

        self.view, gone = await self._worker.inThread(job)
        return gone

    def searchEmailID(self, emailID: str) -> Deferred[list[int]]:
        """
        See L{IObjectIDSearch}.
        """
        return self._search("email_id", emailID)

    def searchThreadID(self, threadID: str) -> Deferred[list[int]]:
        """
        See L{IObjectIDSearch}.
        """
        return self._search("thread_id", threadID)

    def _search(self, column: str, value: str) -> Deferred[list[int]]:
        found = self._worker.run(self.folder.search, column, value)
        return found.addCallback(lambda uids: [u for u in uids if u in self.view.seen.byUID])

    def poll(self) -> Deferred[None]:
        """
        See L{IPollableMailbox}.
        """
        return self._worker.turn(self._poll)

    async def _poll(self) -> None:
        self.reading.forget()
        listeners = list(self._listeners)
        canExpunge = all(hasattr(listener, "messagesExpunged") for listener in listeners)
        view = self.view

        def job() -> tuple[MailboxView, ViewChanges]:
            return view.caughtUp(self.folder.sync(claim=self._claims), canExpunge)

        self.view, (expunged, flags, hasNew) = await self._worker.inThread(job)
        for listener in listeners if not self._isClosed else ():
            if expunged:
                listener.messagesExpunged(expunged)
            if flags:
                listener.flagsChanged(flags)
            if hasNew:
                listener.newMessages(self.getMessageCount(), self.getRecentCount())
