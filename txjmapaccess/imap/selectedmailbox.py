# -*- test-case-name: tests.imap.test_messagecommands -*-
"""
The selected mailbox of a connection, and its messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from twisted.logger import Logger
from twisted.mail.imap4 import MessageSet

from txjmapaccess.coroutines import settled
from txjmapaccess.imap.dispatch import CommandRefused
from txjmapaccess.imap.storeaccess import READ_ONLY, ask
from txjmapaccess.interfaces import IPollableMailbox
from txjmapaccess.store.mailboxes import closeMailbox
from txjmapaccess.store.messageset import bounded, messageSet

#: UIDs may exceed a mailbox's own statement about them by this much.
_UID_MARGIN = 1_000_000

_log = Logger()


async def leaveMailbox(connection: Any) -> None:
    """
    Leave the selected mailbox, if there is one, without an expunge and without its unsent updates.
    """
    mailbox, connection.mbox, connection._jmaSelectedName = connection.mbox, None, None
    connection._jmaUnsent = ()
    connection._jmaExamining = False
    if connection.state == "select":
        connection.state = "auth"
    if mailbox is not None:
        await closeMailbox(mailbox, connection)


def isReadOnly(connection: Any) -> bool:
    """
    @return: whether the selected mailbox must not be changed.
    """
    return connection._jmaExamining or not connection.mbox.isWriteable()


def refuseReadOnly(connection: Any) -> None:
    """
    @raise CommandRefused: when the selected mailbox must not be changed.
    """
    if isReadOnly(connection):
        raise CommandRefused(READ_ONLY)


def isPollable(mailbox: Any) -> bool:
    """
    @return: whether a mailbox must be polled for changes by others.
    """
    return mailbox is not None and IPollableMailbox(mailbox, None) is not None


async def pollMailbox(connection: Any) -> None:
    """
    Let the selected mailbox check for changes by others.
    """
    mailbox = connection.mbox
    if isPollable(mailbox) and connection._jmaUnpollable is not mailbox:
        try:
            await settled(IPollableMailbox(mailbox).poll)
        except Exception:
            # Deleted by another session, perhaps. Once is enough.
            connection._jmaUnpollable = mailbox
            name = connection._jmaSelectedName
            _log.failure("A mailbox could not be checked for changes: {name}", name=name)


async def fetchMessages(connection: Any, messages: MessageSet, uid: int) -> list[tuple[int, Any]]:
    """
    @return: messages of the selected mailbox, with their sequence numbers.
    """
    chosen = boundedSet(connection, messages, uid)
    # Twisted's sets cannot be asked anything when they are empty.
    return list(await ask(connection.mbox.fetch, chosen, uid=uid)) if chosen.ranges else []


def boundedSet(connection: Any, messages: MessageSet, uid: int) -> MessageSet:
    """
    @return: C{messages} without numbers that no message of the selected mailbox can have.
    """
    count = connection.mbox.getMessageCount()
    if not count:
        return messageSet(())
    if not uid:
        return bounded(messages, count)
    try:
        greatest = max(connection.mbox.getUIDNext(), connection.mbox.getUID(count))
    except Exception:
        return messages  # Twisted seldom asks for them, so not every mailbox can tell.
    return bounded(messages, greatest + _UID_MARGIN)


def sendFlags(connection: Any, changed: Mapping[int, Iterable[str]], uid: int) -> None:
    """
    Send FETCH responses with flags.

    @param changed: the flags by sequence number.
    @param uid: whether the command is a UID command: then the responses have UIDs too (RFC 3501,
        section 6.4.8).
    """
    for sequence, flags in changed.items():
        ofMessage = b" UID %d" % connection.mbox.getUID(sequence) if uid else b""
        text = " ".join(flags).encode("ascii")
        connection.sendUntaggedResponse(b"%d FETCH (FLAGS (%b)%b)" % (sequence, text, ofMessage))
