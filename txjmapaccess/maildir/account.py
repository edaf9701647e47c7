# -*- test-case-name: tests.maildir.test_account -*-
"""
An account, as Twisted's IMAP server wants it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.mail.imap4 import MailboxException
from twisted.mail.interfaces import IAccountIMAP, IMailboxIMAPInfo, INamespacePresenter
from zope.interface import implementer

from txjmapaccess.interfaces import IObjectIDAccount
from txjmapaccess.maildir import subscriptions
from txjmapaccess.maildir.accountdirectory import AccountDirectory
from txjmapaccess.maildir.directorynames import DELIMITER, canonical, directoryOf, matches, parents
from txjmapaccess.maildir.jobqueue import JobQueue
from txjmapaccess.maildir.mailbox import Mailbox
from txjmapaccess.message.identifiers import accountID


@implementer(IMailboxIMAPInfo)
class MailboxInfo:
    """
    A line of LIST.

    @param attributes: C{\\Noselect} and the like (RFC 3501, section 7.2.2).
    """

    def __init__(self, attributes: list[str]) -> None:
        self._attributes = attributes

    def getFlags(self) -> list[str]:
        """
        @return: the attributes.
        """
        return self._attributes

    def getHierarchicalDelimiter(self) -> str:
        """
        @return: what stands between the levels of a name.
        """
        return DELIMITER


@implementer(IAccountIMAP, INamespacePresenter, IObjectIDAccount)
class Account:
    """
    The avatar of the realm. All sessions of a user in this process share it.

    Names are L{str}, or L{bytes} of modified UTF-7. What returns a Deferred fails with
    L{MailboxException} for what the user did wrong.

    @param user: the user's directory name.
    @param root: the path of that directory.
    @param worker: the account's.
    """

    def __init__(self, user: str, root: bytes, worker: JobQueue) -> None:
        self.user = user
        self._root = root
        self._worker = worker
        self._store = AccountDirectory(root)
        self._subscribed: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"<Account {self.user!r}>"

    async def prepare(self) -> None:
        """
        Make what is missing on disk. To be called at every login.
        """
        await self._worker.run(self._store.prepare)
        await self._readSubscriptions()

    async def _readSubscriptions(self) -> None:
        self._subscribed = await self._worker.run(subscriptions.read, self._root)

    def getAccountID(self) -> str:
        """
        See L{IObjectIDAccount}.
        """
        return accountID(self.user)

    def getPersonalNamespaces(self) -> list[list[bytes]]:
        """
        @return: the one namespace that there is (RFC 2342).
        """
        return [[b"", DELIMITER.encode("ascii")]]

    def getSharedNamespaces(self) -> None:
        """
        There are none.
        """

    def getUserNamespaces(self) -> None:
        """
        There are none.
        """

    def select(self, name: str | bytes, rw: bool | int | None = None) -> Deferred[Mailbox | None]:
        """
        @param rw: whether a session wants to change the mailbox. Twisted leaves it out where it
            only adds messages (APPEND, COPY): then what is \\Recent stays so for others.

        @return: a Deferred that fires with a view of the mailbox, or L{None}.
        """
        return Deferred.fromCoroutine(self._select(name, rw))

    async def _select(self, name: str | bytes, rw: bool | int | None) -> Mailbox | None:
        try:
            folder = await self._worker.run(self._store.open, canonical(name))
            if folder is None:
                return None
            snapshot = await self._worker.run(folder.sync, claim=bool(rw))
        except MailboxException:  # There is none, or can be none.
            return None
        isWriteable = rw is None or bool(rw)
        return Mailbox(self._worker, folder, snapshot, isWriteable=isWriteable, claims=bool(rw))

    def addMailbox(self, name: str | bytes, mbox: Any = None) -> Deferred[bool]:
        """
        @param mbox: L{None}: what is stored elsewhere cannot be added here.
        """
        if mbox is not None:
            raise MailboxException("Only mailboxes of this store can be added")
        return self.create(name)

    def create(self, pathspec: str | bytes) -> Deferred[bool]:
        """
        See L{IAccountIMAP.create}.
        """
        return self._do(self._store.create, canonical(pathspec))

    def delete(self, name: str | bytes) -> Deferred[bool]:
        """
        See L{IAccountIMAP.delete}.
        """
        return self._do(self._store.delete, canonical(name))

    def rename(self, oldname: str | bytes, newname: str | bytes) -> Deferred[bool]:
        """
        See L{IAccountIMAP.rename}.
        """
        return self._do(self._store.rename, canonical(oldname), canonical(newname))

    def _do(self, job: Any, *args: str) -> Deferred[bool]:
        return self._worker.run(job, *args).addCallback(lambda _: True)

    def isSubscribed(self, name: str | bytes) -> bool:
        """
        @return: whether it was subscribed to when the mailboxes were listed last.
        """
        return canonical(name) in self._subscribed

    def subscribe(self, name: str | bytes) -> Deferred[bool]:
        """
        Subscribe to a mailbox, which need not be there (RFC 3501, section 6.3.6).
        """
        wanted = canonical(name)
        directoryOf(wanted)
        return Deferred.fromCoroutine(self._changeSubscriptions({wanted}, set()))

    def unsubscribe(self, name: str | bytes) -> Deferred[bool]:
        """
        End the subscription to a mailbox, if there is one.
        """
        return Deferred.fromCoroutine(self._changeSubscriptions(set(), {canonical(name)}))

    async def _changeSubscriptions(self, more: set[str], less: set[str]) -> bool:
        self._subscribed = await self._worker.run(
            subscriptions.change, self._root, lambda now: (now | more) - less
        )
        return True

    def listMailboxes(
        self, ref: str | bytes, wildcard: str | bytes
    ) -> Deferred[list[tuple[str, MailboxInfo]]]:
        """
        @return: a Deferred that fires with names and L{MailboxInfo}s. Names that only have others
            below them are C{\\Noselect}.
        """
        parts = (p if isinstance(p, str) else p.decode("imap4-utf-7") for p in (ref, wildcard))
        return Deferred.fromCoroutine(self._list("".join(parts)))

    async def _list(self, pattern: str) -> list[tuple[str, MailboxInfo]]:
        await self._readSubscriptions()
        names = await self._worker.run(self._store.names)
        above: set[str] = set().union(*map(parents, names))
        return [
            (name, MailboxInfo(_attributes(name in names, name in above)))
            for name in sorted(names | above)
            if matches(pattern, name)
        ]


def _attributes(isMailbox: bool, hasChildren: bool) -> list[str]:
    children = "\\HasChildren" if hasChildren else "\\HasNoChildren"  # RFC 3348
    return [children] if isMailbox else ["\\Noselect", children]
