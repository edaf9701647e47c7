# -*- test-case-name: tests.jmap.test_reader -*-
"""
Reads an account (L{twisted.mail.interfaces.IAccountIMAP}): all of it for a
L{Snapshot<txjmapaccess.jmap.snapshot.Snapshot>}, and single messages. Every method
of an account, mailbox or message may return a Deferred.
"""

from __future__ import annotations

import calendar
import email.utils
import io
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import Any

from twisted.logger import Logger
from twisted.mail.imap4 import MessageProducer, MessageSet
from twisted.mail.interfaces import ICloseableMailboxIMAP, IMessageIMAPFile

from txjmapaccess.errors import JMAPAccessError, MessageExpunged, TemporaryFailure
from txjmapaccess.imap.faults import observedAt
from txjmapaccess.imap.objectids import isObjectID
from txjmapaccess.imap.waiting import settled
from txjmapaccess.jmap.flags import asText, keywordsOf, roleOf
from txjmapaccess.jmap.identifiers import runThrough
from txjmapaccess.jmap.pacing import Pacer
from txjmapaccess.jmap.snapshot import Copy, Folder
from txjmapaccess.store.identifierfailures import NOBODYS_FAILURES, AccountFailures
from txjmapaccess.store.sharedidentifiers import checkedListing, sawMailboxID

#: Messages.
_CHUNK = 100


class AccountReader:
    """
    Reads one account. What it opens stays open until L{close}.

    @param account: the L{twisted.mail.interfaces.IAccountIMAP}.
    @param identifiers: where identifiers come from, see
        L{txjmapaccess.jmap.identifiers.Identification.of}.
    @param pacer: lets the reactor turn.
    @param accountID: the JMAP accountId.
    @param failures: is told when identifiers of mailboxes cannot be had.
    """

    _log = Logger()

    def __init__(
        self,
        account: Any,
        identifiers: Any,
        pacer: Pacer,
        accountID: str = "",
        failures: AccountFailures = NOBODYS_FAILURES,
    ) -> None:
        self._failures = failures
        self._account = account
        self._accountID = accountID
        self._observed = observedAt(identifiers)
        self._identifiers = identifiers
        self._pacer = pacer
        self._mailboxes: dict[str, Any] = {}

    async def close(self) -> None:
        """
        Close the mailboxes.
        """
        mailboxes, self._mailboxes = self._mailboxes, {}
        for mailbox in mailboxes.values():
            await self._closeMailbox(mailbox)

    async def _closeMailbox(self, mailbox: Any) -> None:
        closeable: Any = ICloseableMailboxIMAP(mailbox, None)
        if closeable is None:
            return
        try:
            await settled(closeable.close)
        except Exception:
            self._log.failure("A mailbox could not be closed")

    async def read(self) -> tuple[list[Folder], list[Copy]]:
        """
        @return: all that the account holds.
        """
        folders: list[Folder] = []
        copies: list[Copy] = []
        roles: set[str] = set()
        for name, information in await self._list():
            folder = await self._open(name, information, roles)
            if folder is not None:
                folders.append(folder)
                copies.extend(await self._copies(folder.id))
        return folders, copies

    async def _list(self) -> list[tuple[str | bytes, Any]]:
        listed = await settled(self._account.listMailboxes, "", "*")
        try:
            return checkedListing(listed)
        except JMAPAccessError:
            self._failures.add()
            raise

    async def _open(self, name: str | bytes, information: Any, roles: set[str]) -> Folder | None:
        attributes = [asText(a) for a in await settled(information.getFlags)]
        if "\\noselect" in map(str.lower, attributes):
            return None
        mailbox = await settled(self._account.select, name, False)
        if mailbox is None:
            return None
        folderID = await self._mailboxID(name, mailbox)
        if folderID is None or folderID in self._mailboxes:
            self._failures.add()
            if self._isNews("own", name):
                self._log.error("Mailbox {name} has no identifier of its own", name=name)
            await self._closeMailbox(mailbox)
            return None
        self._mailboxes[folderID] = mailbox
        delimiter = asText(await settled(information.getHierarchicalDelimiter))
        path = _path(asText(name), delimiter)
        role = roleOf(path, attributes)
        # There is one mailbox with a role at most (RFC 8621, section 2).
        role = None if role in roles else role
        roles.update(() if role is None else (role,))
        return Folder(folderID, path, role, bool(await settled(self._account.isSubscribed, name)))

    async def _mailboxID(self, name: str | bytes, mailbox: Any) -> str | None:
        """
        @return: the MAILBOXID, or L{None} when there is none that can be used.

        @raise TemporaryFailure: when no identifiers can be had: that is no empty account.
        """
        try:
            found = _checked(await self._identifiers.mailboxID(asText(name), mailbox))
            if found is not None:
                sawMailboxID(self._failures, asText(name), mailbox, found)
            return found
        except TemporaryFailure:
            self._failures.add()
            raise
        except Exception:
            if self._isNews("raised", name):
                self._log.failure("The identifier of mailbox {name} could not be read", name=name)
            return None

    def _isNews(self, problem: str, *subject: object) -> bool:
        # Accounts are read again and again.
        return self._observed.isNews(problem, (self._accountID, *subject)) > 0

    async def _copies(self, folderID: str) -> list[Copy]:
        mailbox = self._mailboxes[folderID]
        count = await settled(mailbox.getMessageCount)
        if not count:
            return []
        fetched = await settled(mailbox.fetch, MessageSet(1, count), False)
        messages = (message for _, message in fetched)
        copies: list[Copy] = []
        while chunk := list(islice(messages, _CHUNK)):
            identifiers = await self._identifiers.messageIDs(mailbox, chunk)
            for message, (emailID, threadID) in zip(chunk, identifiers, strict=True):
                copies.extend(await self._copy(folderID, message, emailID, threadID))
                await self._pacer.pause()
        return copies

    async def _copy(
        self, folderID: str, message: Any, emailID: object, threadID: object
    ) -> Iterable[Copy]:
        """
        @return: one copy, or nothing for a message that JMAP does not have.
        """
        keywords = keywordsOf(await settled(message.getFlags))
        if keywords is None:
            return ()
        uid = await settled(message.getUID)
        email = _checked(emailID)
        if email is None:
            if self._isNews(type(emailID).__name__, folderID, uid):
                self._log.error(
                    "Message {uid} of mailbox {mailbox} has no identifier, but {type}",
                    uid=uid,
                    mailbox=folderID,
                    type=type(emailID).__name__,
                )
            return ()
        # Where the store has no threads, each Email is one (RFC 8621, section 3).
        thread = _checked(threadID) or email
        date = _seconds(await settled(message.getInternalDate))
        size = await settled(message.getSize)
        return (Copy(email, thread, folderID, uid, date, size, keywords),)

    async def octets(self, copy: Copy) -> bytes | None:
        """
        @return: the message, or L{None} when it is gone.
        """
        mailbox = self._mailboxes.get(copy.folderID)
        if mailbox is None:
            return None
        for _, message in await settled(mailbox.fetch, MessageSet(copy.uid), True):
            with suppress(MessageExpunged):
                return await _octets(message)
        return None


async def _octets(message: Any) -> bytes:
    asFile: Any = IMessageIMAPFile(message, None)
    if asFile is not None:
        file = await settled(asFile.open)
        try:
            return file.read()  # type: ignore[no-any-return]
        finally:
            file.close()
    buffer = io.BytesIO()
    await MessageProducer(message, buffer, runThrough).beginProducing(None)
    return buffer.getvalue()


def _checked(identifier: object) -> str | None:
    return identifier if isinstance(identifier, str) and isObjectID(identifier) else None


def _path(name: str, delimiter: str) -> tuple[str, ...]:
    if name.upper() == "INBOX":
        return ("INBOX",)
    segments = name.split(delimiter) if delimiter else [name]
    if len(segments) > 1 and segments[0].upper() == "INBOX":
        segments[0] = "INBOX"
    return tuple(segments)


def _seconds(internalDate: str | bytes) -> int:
    """
    @return: an internal date in seconds since the epoch; 0 when it cannot be understood.
    """
    parsed = email.utils.parsedate_tz(asText(internalDate))
    if parsed is None:
        return 0
    try:
        return calendar.timegm(parsed[:9]) - (parsed[9] or 0)
    except (ValueError, OverflowError):
        return 0
