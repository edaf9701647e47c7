# -*- test-case-name: tests.maildir.test_realm -*-
"""
The realm of the embedded store: a directory for each user.
"""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from typing import Any
from weakref import WeakValueDictionary

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred
from twisted.mail.interfaces import IAccountIMAP
from zope.interface import implementer

from txjmapaccess.errors import ConfigurationError, TemporaryFailure
from txjmapaccess.maildir.account import Account
from txjmapaccess.maildir.directorynames import userDirectory
from txjmapaccess.maildir.jobqueue import JobQueue
from txjmapaccess.threads import ReactorThreadPool

_THREADS = 4

#: Accounts to keep in memory without a session, for clients that reconnect often.
_KEPT = 16


@implementer(IRealm)
class MaildirRealm:
    """
    Avatars for L{twisted.mail.interfaces.IAccountIMAP}.

    @param path: the directory of the users' directories, created at the first login if its parent
        exists.
    @param reactor: receives the results of the store's threads, which stop when it shuts down. By
        default, the global one.
    @param threadPool: waits for the disk. By default, a small one.

    @raise ConfigurationError: for a path that cannot be used.
    """

    def __init__(
        self, path: str | os.PathLike[str], reactor: Any = None, threadPool: Any = None
    ) -> None:
        self._path = os.path.abspath(os.fspath(path))
        if os.path.exists(self._path) and not os.path.isdir(self._path):
            raise ConfigurationError(f"{self._path} is not a directory")
        if not os.path.isdir(os.path.dirname(self._path)):
            raise ConfigurationError(
                f"{os.path.dirname(self._path)} does not exist or is not a directory"
            )
        writable = self._path if os.path.isdir(self._path) else os.path.dirname(self._path)
        if not os.access(writable, os.W_OK | os.X_OK):
            raise ConfigurationError(f"{writable} is not writable")
        if reactor is None:
            from twisted.internet import reactor
        self._reactor = reactor
        self._pool = threadPool
        self._recent: deque[Account] = deque(maxlen=_KEPT)
        self._accounts: WeakValueDictionary[str, Account] = WeakValueDictionary()

    def requestAvatar(self, avatarId: object, mind: object, *interfaces: Any) -> Deferred[Any]:
        """
        @return: a Deferred that fires with the interface, the L{Account} and its logout. It fails
            with L{txjmapaccess.errors.Refused} for a user name that cannot be that of a directory.

        @raise NotImplementedError: when none of the interfaces is
            L{twisted.mail.interfaces.IAccountIMAP}.
        """
        if IAccountIMAP not in interfaces:
            raise NotImplementedError("This realm supports only IAccount")
        return Deferred.fromCoroutine(self._avatar(avatarId))

    async def _avatar(self, avatarId: object) -> tuple[Any, Account, Any]:
        user = userDirectory(avatarId)
        account = self._accounts.get(user)
        if account is None:
            root = os.fsencode(os.path.join(self._path, user))
            account = Account(user, root, JobQueue(self._reactor, self._threads()))
            self._accounts[user] = account
        if account not in self._recent:
            self._recent.append(account)
        try:
            await account.prepare()
        except (OSError, sqlite3.Error) as e:
            # The operator needs to know where, and that no back end of logins is at fault.
            problem = getattr(e, "strerror", None) or e
            raise TemporaryFailure(f"the mail of {user} in {self._path}: {problem}") from e
        return IAccountIMAP, account, lambda: None

    def _threads(self) -> Any:
        if self._pool is None:
            self._pool = ReactorThreadPool(self._reactor, "txjmapaccess maildir", _THREADS)
        return self._pool
