# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
How commands ask the mail store, and wait for its answer. What a store says in an exception is for
the log; the client gets a response code (RFC 5530) and a fixed sentence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
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
from txjmapaccess.imap.objectidentifiers import ObjectIdentifiers
from txjmapaccess.pacing import ClientGone
from txjmapaccess.store.mailboxes import openMailbox

NO_SUCH_MAILBOX = b"[NONEXISTENT] No such mailbox"


def refusalOf(error: MailboxException) -> bytes:
    """
    @return: what a client is told about a mailbox that will not do what it asked for (RFC 5530,
        section 3).
    """
    if isinstance(error, MailboxCollision):
        return b"[ALREADYEXISTS] There is such a mailbox already"
    if isinstance(error, NoSuchMailbox):
        return NO_SUCH_MAILBOX
    if isinstance(error, ReadOnlyMailbox):
        return b"[NOPERM] The mailbox is read-only"
    return b"[CANNOT] Not possible with this mailbox"


class StoreAccess(ObjectIdentifiers):
    """
    To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.
    """

    _log = Logger()

    def isTwisteds(self, name: str) -> bool:
        """
        @return: whether a method is Twisted's own. One that a server overrides is called as it
            is.
        """
        return getattr(type(self), name) is getattr(IMAP4Server, name)

    def carryOut(self, tag: bytes, coroutine: Coroutine[Any, Any, None]) -> Deferred[None]:
        """
        Let a command go on. Its failure is answered by the dispatch.
        """
        command = Deferred.fromCoroutine(coroutine)
        command.addErrback(lambda failure: failure.trap(ClientGone) and None)
        return command

    async def ask(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """
        Ask the account or a mailbox, and wait for the answer.

        @raise CommandRefused: when it says that it cannot.
        """
        try:
            return await settled(method, *args, **kwargs)
        except MailboxException as e:
            raise CommandRefused(refusalOf(e)) from e
        except TemporaryFailure as e:
            self._log.error("The mail store is not available: {reason}", reason=str(e))
            raise CommandRefused(b"[UNAVAILABLE] Temporarily not available") from e

    async def changing(
        self, what: str, args: tuple[Any, ...], work: Callable[[], Awaitable[Any]]
    ) -> Any:
        """
        Change mailboxes or messages, with the knowledge of those who keep identifiers.

        @param what: see L{ObjectIdentifiers.beginChange}, and C{args} with it.
        @param work: what asks the store.

        @return: what it gives.

        @raise CommandRefused: when it cannot be done, or when identifiers cannot be kept.
        """
        change = await self.ask(self.beginChange, what, *args)
        try:
            result = await work()
        except CommandRefused as e:
            wasRefused = isinstance(e.__cause__, MailboxException)
            await self.endChange(change, "refused" if wasRefused else "doubtful")
            raise
        except Exception:
            await self.endChange(change, "doubtful")
            raise
        await self.endChange(change, "done", result)
        return result

    async def openMailbox(self, name: str, *rw: int, missing: bytes = NO_SUCH_MAILBOX) -> Any:
        """
        @param rw: as L{twisted.mail.interfaces.IAccountIMAP.select} takes it.
        @param missing: the refusal when there is no such mailbox.

        @return: the mailbox.
        """
        mailbox = await self.ask(openMailbox, self.account, name, *rw)
        if mailbox is None:
            raise CommandRefused(missing)
        return mailbox
