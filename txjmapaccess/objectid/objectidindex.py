# -*- test-case-name: tests.objectid.test_objectid -*-
"""
Object identifiers (RFC 8474) for a store that has none: L{ObjectIDIndex}.

It stands on what every Twisted store has: names, UIDVALIDITY and UIDs. A MAILBOXID belongs to a
name and UIDVALIDITY, and follows RENAME and DELETE that are done through a server with this index.
An EMAILID is a hash over what must never change of a message (its octets and its INTERNALDATE),
taken when the message is seen first, and carried from the source to the copy by COPY. A THREADID is
made from the first message of the conversation: the first of References, else In-Reply-To, else
Message-ID.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from txjmapaccess.errors import JMAPAccessError
from txjmapaccess.objectid.accountindex import AccountIndex
from txjmapaccess.objectid.indexedidentifiers import IndexedIdentifiers
from txjmapaccess.objectid.indexfile import IndexUnavailable, tryFile
from txjmapaccess.store.openaccount import OpenAccount
from txjmapaccess.threads import ReactorThreadPool

_LONGEST_FILE_NAME = 120
_THREADS = 4


def nameFromLogin(opened: OpenAccount) -> str:
    """
    @return: the user name of a login.

    @raise JMAPAccessError: when it is not known.
    """
    if not opened.username:
        raise JMAPAccessError("the name of the account is unknown: pass accountName")
    return str(opened.username)


class ObjectIDIndex:
    """
    Identifiers for the accounts of a server, one file for each, in one directory::

        extendFactory(factory, policy, objectIDs=ObjectIDIndex("/var/lib/mail/objectids"))

    @param path: the directory, made when it is missing.
    @param sharedWithJMAP: whether the JMAP server uses this index too; otherwise JMAPACCESS is
        never advertised over it.
    @param accountName: a function from a login (L{OpenAccount}, with the C{account} and the
        C{loginRecord} of a connection) to the name of its account, a L{str} that never changes.
        Without it, the user name of the login: then one user must not be able to log in under
        several names.
    @param reactor: L{None} for the global one.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        sharedWithJMAP: bool = False,
        *,
        accountName: Callable[[OpenAccount], str] = nameFromLogin,
        reactor: Any = None,
    ) -> None:
        self.path = os.path.abspath(os.fspath(path))
        self.sharedWithJMAP = sharedWithJMAP
        self._accountName = accountName
        self._reactor = reactor
        self._pool: ReactorThreadPool | None = None

    def identifiersOf(self, opened: OpenAccount) -> IndexedIdentifiers:
        """
        @return: the identifiers of an account.

        @raise JMAPAccessError: when it is not known whose account that is.
        """
        path = self.fileOf(self._accountName(opened))
        return IndexedIdentifiers(opened, AccountIndex(path), self.run)

    def check(self, opened: OpenAccount) -> Deferred[None]:
        """
        Try whether identifiers of an account can be read and kept.

        @return: a Deferred that fires when they can.

        @raise JMAPAccessError: when they cannot; or the Deferred fails with it.
        """
        return self.run(tryFile, self.fileOf(self._accountName(opened)))

    def fileOf(self, account: str) -> str:
        """
        @return: the path of an account's file.
        """
        name = quote(account, safe="")
        if len(name) > _LONGEST_FILE_NAME:
            name = "%" + hashlib.sha256(account.encode("utf-8", "surrogatepass")).hexdigest()
        return os.path.join(self.path, name + ".sqlite")

    def close(self) -> None:
        """
        Stop the threads. They stop with the reactor by themselves.
        """
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def run(self, job: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """
        Run a job that may wait for the disk.
        """
        if self._reactor is None:
            from twisted.internet import reactor

            self._reactor = reactor
        if self._pool is None:
            self._makeDirectory()
            self._pool = ReactorThreadPool(self._reactor, "objectids", _THREADS)
        return deferToThreadPool(self._reactor, self._pool, job, *args)

    def _makeDirectory(self) -> None:
        try:
            os.makedirs(self.path, 0o700, exist_ok=True)
        except OSError as e:
            raise IndexUnavailable(self.path, e.strerror) from None
