# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
How commands call the mail store and wait for it. The text of a store's exception goes to the log;
the client gets a response code (RFC 5530) and a fixed sentence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.logger import Logger
from twisted.mail.imap4 import (
    IMAP4Server,
    MailboxCollision,
    MailboxException,
    NoSuchMailbox,
    ReadOnlyMailbox,
)

from txjmapaccess.coroutines import settled
from txjmapaccess.errors import TemporaryFailure
from txjmapaccess.imap.dispatch import CommandRefused
from txjmapaccess.imap.objectidentifiers import hasObjectIDs, identifiersOf
from txjmapaccess.store.mailboxes import openMailbox

NO_SUCH_MAILBOX = b"[NONEXISTENT] No such mailbox"
READ_ONLY = b"[NOPERM] The mailbox is read-only"

_log = Logger()


def refusalOf(error: MailboxException) -> bytes:
    """
    @return: the response text for a store's refusal (RFC 5530, section 3).
    """
    if isinstance(error, MailboxCollision):
        return b"[ALREADYEXISTS] There is such a mailbox already"
    if isinstance(error, NoSuchMailbox):
        return NO_SUCH_MAILBOX
    if isinstance(error, ReadOnlyMailbox):
        return READ_ONLY
    return b"[CANNOT] Not possible with this mailbox"


def isTwisteds(connection: Any, name: str) -> bool:
    """
    @return: whether a method is Twisted's own. One that a server overrides is called as it is.
    """
    return getattr(type(connection), name) is getattr(IMAP4Server, name)


async def ask(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """
    Call a method of the account or of a mailbox, and wait for its result.

    @raise CommandRefused: when the store refuses, or is not available.
    """
    try:
        return await settled(method, *args, **kwargs)
    except MailboxException as e:
        raise CommandRefused(refusalOf(e)) from e
    except TemporaryFailure as e:
        _log.error("The mail store is not available: {reason}", reason=str(e))
        raise CommandRefused(b"[UNAVAILABLE] Temporarily not available") from e


async def changing(
    connection: Any, what: str, args: tuple[Any, ...], work: Callable[[], Awaitable[Any]]
) -> Any:
    """
    Change mailboxes or messages, and record the change where identifiers are kept.

    @param what: see L{txjmapaccess.store.accountidentifiers.AccountIdentifiers.beginChange},
        and C{args} with it.
    @param work: calls the store.

    @return: the result of C{work}.

    @raise CommandRefused: when it is not possible, or when identifiers cannot be kept.
    """
    if not hasObjectIDs(connection):
        return await work()
    identifiers = identifiersOf(connection)
    change = await ask(identifiers.beginChange, what, *args)
    try:
        result = await work()
    except Exception as e:
        wasRefused = isinstance(e, CommandRefused) and isinstance(e.__cause__, MailboxException)
        await identifiers.endChange(change, "refused" if wasRefused else "doubtful")
        raise
    await identifiers.endChange(change, "done", result)
    return result


async def mailboxNamed(
    connection: Any, name: str, *rw: int, missing: bytes = NO_SUCH_MAILBOX
) -> Any:
    """
    Open a mailbox.

    @param rw: as L{twisted.mail.interfaces.IAccountIMAP.select} takes it.
    @param missing: the refusal when there is no such mailbox.
    """
    mailbox = await ask(openMailbox, connection.account, name, *rw)
    if mailbox is None:
        raise CommandRefused(missing)
    return mailbox
