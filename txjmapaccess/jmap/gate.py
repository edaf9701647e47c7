# -*- test-case-name: tests.test_jmap_resource -*-
"""
Who may come in: the same portal and the same policy as on the IMAP side, so that the two agree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.cred.portal import Portal
from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from twisted.mail.interfaces import IAccountIMAP
from twisted.python.failure import Failure

from txjmapaccess.credentials import (
    Authentication,
    BearerToken,
    UsernamePassword,
    authenticationOf,
)
from txjmapaccess.errors import ConfigurationError, Refused, TemporaryFailure, couldTell
from txjmapaccess.interfaces import IJMAPAccessPolicy, IObjectIDAccount
from txjmapaccess.server import checkedVerdict
from txjmapaccess.verdict import Unknown, Usable


class Entry(NamedTuple):
    """
    Somebody who has come in.

    @ivar username: the user's name, C{""} when nobody knows it.
    @ivar account: the avatar.
    @ivar accountID: the JMAP accountId.
    @ivar logout: to be called when the request is over.
    """

    username: str
    account: Any
    accountID: str
    logout: Callable[[], None]


class Gate:
    """
    Takes credentials through the portal, and asks the policy whether they are good for JMAP.

    @param portal: the L{Portal} of the IMAP server, or one with the same checkers and realm.
    @param policy: the L{IJMAPAccessPolicy} of the IMAP server.
    """

    _log = Logger()

    def __init__(self, portal: Portal, policy: IJMAPAccessPolicy) -> None:
        self._portal = portal
        self._policy = policy

    @property
    def checkers(self) -> Any:
        """
        The credential interfaces for which there is a checker.
        """
        return self._portal.checkers

    def knows(self, credentials: UsernamePassword | BearerToken) -> bool:
        """
        @return: whether there is a checker for such credentials.
        """
        return any(interface.providedBy(credentials) for interface in self.checkers)

    async def enter(self, credentials: UsernamePassword | BearerToken) -> Entry:
        """
        @raise Refused: when the credentials are not good for JMAP, whatever IMAP may say to them.
        @raise TemporaryFailure: when nobody could tell. The log says why.
        """
        account, logout = await self._requestAvatar(credentials)
        try:
            authentication = authenticationOf(credentials)
            identified: Any = IObjectIDAccount(account, None)
            await self._checkVerdict(authentication, identified is not None)
            accountID = await self._accountID(identified)
        except BaseException:
            logout()
            raise
        return Entry(authentication.username or "", account, accountID, logout)

    async def _requestAvatar(self, credentials: Any) -> tuple[Any, Callable[[], None]]:
        try:
            interface, account, logout = await maybeDeferred(
                self._portal.login, credentials, None, IAccountIMAP
            )
        except Exception as e:
            if couldTell(Failure()):
                raise Refused("not these credentials") from None
            self._log.failure("A JMAP login could not be checked")
            raise TemporaryFailure("a login could not be checked") from e
        if interface is not IAccountIMAP:
            self._loggedOut(logout)
            raise TemporaryFailure("the portal gave no IAccount")
        return account, lambda: self._loggedOut(logout)

    async def _checkVerdict(self, authentication: Authentication, identified: bool) -> None:
        """
        @param identified: whether the account has object identifiers.
        """
        try:
            decided = await maybeDeferred(self._policy.decide, authentication)
            verdict = checkedVerdict(decided, identified)
        except ConfigurationError as e:
            self._log.error("The JMAP session URL of a verdict {problem}", problem=str(e))
            verdict = Unknown()
        except Exception:
            self._log.failure("The policy could not decide about JMAP")
            verdict = Unknown()
        if not isinstance(verdict, Usable):
            raise Refused("accepted, but not good for JMAP")

    async def _accountID(self, identified: Any) -> str:
        try:
            accountID: str = await maybeDeferred(identified.getAccountID)
        except Exception as e:
            self._log.failure("The accountId could not be read")
            raise TemporaryFailure("the accountId could not be read") from e
        return accountID

    def _loggedOut(self, logout: Callable[[], Any]) -> None:
        done = maybeDeferred(logout)
        done.addErrback(lambda failure: self._log.failure("A logout failed", failure=failure))
