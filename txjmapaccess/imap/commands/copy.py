# -*- test-case-name: tests.imap.test_messagecommands -*-
"""
COPY (RFC 3501, section 6.4.7), and what it has in common with APPEND. Both send the UIDs of the new
messages (RFC 4315, section 3) where these are certain.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.logger import Logger
from twisted.mail.imap4 import IMAP4Server, IMessageCopier, MailboxException, MessageSet

from txjmapaccess.coroutines import settled
from txjmapaccess.imap.dispatch import CommandRefused, command
from txjmapaccess.imap.modifiedutf7 import decodeName
from txjmapaccess.imap.objectidentifiers import hasObjectIDs, turns
from txjmapaccess.imap.selectedmailbox import fetchMessages, pollMailbox
from txjmapaccess.imap.sequenceset import uidSet
from txjmapaccess.imap.storeaccess import (
    ask,
    changing,
    isTwisteds,
    mailboxNamed,
    refusalOf,
)
from txjmapaccess.store.mailboxes import uidNextOf
from txjmapaccess.store.messages import openMessage

#: Seconds between two checks whether a server's own COPY has ended.
_LOOK = 0.02

_log = Logger()

TRY_CREATE = b"[TRYCREATE] No such mailbox"


def certainUIDs(results: list[Any], uidNext: Any) -> list[int] | None:
    """
    Whether what C{addMessage} returned are UIDs: Twisted says "message id", and some mailboxes
    take that for a sequence number. None of these is as large as UIDNEXT was, unless it is the
    same as the UID.

    @param uidNext: UIDNEXT before the messages were added, or L{None}.

    @return: the UIDs, or L{None}.
    """
    if not isinstance(uidNext, int) or not results:
        return None
    if not all(isinstance(uid, int) and uid >= uidNext for uid in results):
        return None
    return results


@command(IMAP4Server.do_COPY)
async def copyMessages(
    connection: Any, tag: bytes, messages: MessageSet, encodedName: bytes, uid: int = 0
) -> None:
    """
    COPY and UID COPY.
    """
    name = decodeName(encodedName)
    mailbox = await mailboxNamed(connection, name, missing=TRY_CREATE)
    existsSent, uidNext = connection._jmaExistsSent, uidNextOf(mailbox)
    isTheirs = not isTwisteds(connection, "_cbCopySelectedMailbox")
    originals = []
    if not isTheirs or hasObjectIDs(connection):
        originals = [message for _, message in await fetchMessages(connection, messages, uid)]
    work: Callable[[], Awaitable[Any]]
    if isTheirs:
        work = partial(_copyTheirWay, connection, tag, messages, name, uid, mailbox)
    else:
        work = partial(_copyAll, connection, originals, mailbox, uidNext)
    if originals:
        source = connection._jmaSelectedName
        args = (connection.mbox, originals, name, mailbox, uidNext, source)
        copies = await changing(connection, "copying", args, work)
    else:
        copies = await work()
    if isTheirs:
        return
    await announceNew(connection, name, mailbox, existsSent)
    code = b""
    if copies is not None:
        uids = uidSet(message.getUID() for message in originals), uidSet(copies)
        code = b"[COPYUID %d %b %b] " % (mailbox.getUIDValidity(), *uids)
    connection.sendPositiveResponse(tag, code + b"COPY completed")


async def _copyTheirWay(
    connection: Any, tag: bytes, messages: MessageSet, name: str, uid: int, mailbox: Any
) -> None:
    # Each command has an object of its own here.
    command = connection._jmaCommand
    await settled(connection._cbCopySelectedMailbox, mailbox, tag, messages, name, uid)
    while (
        connection._jmaRunning is not None
        and connection._jmaCommand is command
        and not connection._jmaEnded
    ):
        looked: Deferred[None] = Deferred()
        connection.callLater(_LOOK, partial(looked.callback, None))
        await looked


async def _copyAll(
    connection: Any, originals: list[Any], mailbox: Any, uidNext: Any
) -> list[int] | None:
    """
    @return: the UIDs of the copies, or L{None} when they are not known.
    """
    copier: Any = IMessageCopier(mailbox, None)
    if copier is None:
        added = [await _addCopy(connection, message, mailbox) for message in originals]
        return certainUIDs(added, uidNext)
    # All at once, so that a mailbox can carry them out together.
    copying = [maybeDeferred(copier.copy, message) for message in originals]
    results = await DeferredList(copying, consumeErrors=True)
    failures = [result for succeeded, result in results if not succeeded]
    for failure in failures:
        if not failure.check(MailboxException):
            _log.failure("A message was not copied", failure=failure)
            raise CommandRefused(b"[SERVERBUG] Some messages were not copied")
    if failures:
        raise CommandRefused(refusalOf(failures[0].value))
    uids = [uid for _, uid in results]
    return uids if uids and all(isinstance(uid, int) for uid in uids) else None


async def _addCopy(connection: Any, message: Any, mailbox: Any) -> Any:
    flags, date = message.getFlags(), message.getInternalDate()
    with closing(await openMessage(message, turns(connection))) as file:
        return await ask(mailbox.addMessage, file, flags, date)


async def announceNew(connection: Any, name: str, mailbox: Any, existsSent: int) -> None:
    """
    Send EXISTS at once when messages have come into the selected mailbox (RFC 3501, section
    6.3.11), unless the mailbox has done so.

    @param existsSent: how many EXISTS responses were sent before they came.
    """
    selected = connection.mbox
    if selected is None or (name != connection._jmaSelectedName and mailbox is not selected):
        return
    await pollMailbox(connection)
    if connection._jmaExistsSent == existsSent:
        connection.newMessages(selected.getMessageCount(), None)
