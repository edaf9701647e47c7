# -*- test-case-name: tests.jmap.test_resource -*-
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
    BearerToken,
    LoginRecord,
    UsernamePassword,
    authenticationOf,
)
from txjmapaccess.errors import (
    Refused,
    TemporaryFailure,
    couldTell,
    reasonOf,
)
from txjmapaccess.jmap.problems import NotForJMAP
from txjmapaccess.pacing import Turns
from txjmapaccess.policy import Policy, verdictFor
from txjmapaccess.store.accountidentifiers import AccountIdentifiers
from txjmapaccess.store.openaccount import OpenAccount
from txjmapaccess.store.serveridentifiers import ServerIdentifiers
from txjmapaccess.verdict import Usable


class JMAPLogin(NamedTuple):
    """
    A login that is good for JMAP.

    @ivar username: the user's name, C{""} when nobody knows it.
    @ivar account: the avatar.
    @ivar accountID: the JMAP accountId.
    @ivar identifiers: of the account.
    @ivar logout: to be called when the request is over.
    """

    username: str
    account: Any
    accountID: str
    identifiers: AccountIdentifiers
    logout: Callable[[], None]


class Authenticator:
    """
    Takes credentials through the portal, and asks the policy whether they are good for JMAP.

    @param portal: the L{Portal} of the IMAP server, or one with the same checkers and realm.
    @param policy: the L{txjmapaccess.interfaces.IJMAPAccessPolicy} of the IMAP server.
    @param identification: who vouches for identifiers.
    @param reactor: where this runs.
    """

    _log = Logger()

    def __init__(
        self,
        portal: Portal,
        policy: Policy,
        identification: ServerIdentifiers,
        reactor: Any,
    ) -> None:
        self._portal = portal
        self._policy = policy
        self._identification = identification
        self._reactor = reactor

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

    async def enter(self, credentials: UsernamePassword | BearerToken) -> JMAPLogin:
        """
        @raise NotForJMAP: when the credentials are good for IMAP only.
        @raise Refused: when they are good for nothing.
        @raise TemporaryFailure: when nobody could tell. The log says why.
        """
        account, logout = await self._requestAvatar(credentials)
        try:
            authentication = authenticationOf(credentials)
            promised = self._identification.arePromised(account)
            verdict = await verdictFor(self._policy, authentication, promised)
            if not isinstance(verdict, Usable):
                raise NotForJMAP("accepted, but not good for JMAP")
            username = authentication.username or ""
            record = LoginRecord(username, "JMAP", verdict, self._reactor.seconds())
            opened = OpenAccount(account, record, self._turns)
            if not await self._identification.areShared(opened):
                # The client is not to think that its password is wrong.
                raise TemporaryFailure("the identifiers of an account could not be read")
            accountID, identifiers = await self._identify(opened, username)
        except BaseException:
            logout()
            raise
        return JMAPLogin(username, account, accountID, identifiers, logout)

    async def _requestAvatar(self, credentials: Any) -> tuple[Any, Callable[[], None]]:
        try:
            interface, account, logout = await maybeDeferred(
                self._portal.login, credentials, None, IAccountIMAP
            )
        except Exception as e:
            if couldTell(Failure()):
                raise Refused("not these credentials") from None
            self._log.error(
                "A JMAP login could not be checked: {reason}", reason=reasonOf(Failure())
            )
            raise TemporaryFailure("a login could not be checked") from e
        if interface is not IAccountIMAP:
            self._loggedOut(logout)
            raise TemporaryFailure("the portal gave no IAccount")
        return account, lambda: self._loggedOut(logout)

    async def _identify(self, opened: OpenAccount, username: str) -> tuple[str, AccountIdentifiers]:
        """
        @return: the accountId, and the other identifiers.
        """
        try:
            accountID = await self._identification.accountID(opened.account, username)
            identifiers = self._identification.of(opened, raises=True)
            identifiers.source()  # Now is the time to find out that there is none.
            return accountID, identifiers
        except Exception as e:
            self._log.failure("The identifiers of an account could not be read")
            raise TemporaryFailure("the identifiers of an account could not be read") from e

    def _turns(self) -> Turns:
        return Turns(self._reactor.seconds, self._reactor.callLater)

    def _loggedOut(self, logout: Callable[[], Any]) -> None:
        done = maybeDeferred(logout)
        done.addErrback(lambda failure: self._log.failure("A logout failed", failure=failure))
