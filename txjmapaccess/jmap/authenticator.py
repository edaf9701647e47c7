# -*- test-case-name: tests.jmap.test_resource -*-
"""
Logins: with the portal and the policy of the IMAP side, so that the two agree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.cred.portal import Portal
from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from twisted.mail.interfaces import IAccountIMAP
from twisted.python.failure import Failure

from txjmapaccess.credentials import BearerToken, LoginRecord, UsernamePassword, authenticationOf
from txjmapaccess.errors import Refused, TemporaryFailure, couldTell, isOurs
from txjmapaccess.jmap.errors import NotForJMAP
from txjmapaccess.pacing import Turns
from txjmapaccess.policy import Policy, verdictFor
from txjmapaccess.redaction import Presented, presented, redactedReason, traced
from txjmapaccess.store.accountidentifiers import AccountIdentifiers
from txjmapaccess.store.openaccount import OpenAccount
from txjmapaccess.store.serveridentifiers import ServerIdentifiers
from txjmapaccess.verdict import Usable


class JMAPLogin(NamedTuple):
    """
    A login that is valid for JMAP.

    @ivar username: the user's name, C{""} if it is not known.
    @ivar account: the avatar.
    @ivar accountID: the JMAP accountId.
    @ivar identifiers: of the account.
    @ivar logout: to be called at the end of the request.
    """

    username: str
    account: Any
    accountID: str
    identifiers: AccountIdentifiers
    logout: Callable[[], None]


class Authenticator:
    """
    Logs in at the portal, and asks the policy whether the credentials are valid for JMAP.

    @ivar portal: the L{Portal} of the IMAP server, or one with the same checkers and realm.
    @param policy: the L{txjmapaccess.interfaces.IJMAPAccessPolicy} of the IMAP server.
    @param identification: the identifiers of the server's accounts.
    @param reactor: measures and gives turns.
    """

    _log = Logger()

    def __init__(
        self, portal: Portal, policy: Policy, identification: ServerIdentifiers, reactor: Any
    ) -> None:
        self.portal = portal
        self._policy = policy
        self._identification = identification
        self._reactor = reactor

    async def logIn(self, credentials: UsernamePassword | BearerToken) -> JMAPLogin:
        """
        @raise NotForJMAP: if the credentials are valid for IMAP only.
        @raise Refused: if they are not valid.
        @raise TemporaryFailure: if they could not be checked. The log says why.
        """
        account, logout = await self._requestAvatar(credentials)
        try:
            authentication = authenticationOf(credentials)
            promised = self._identification.arePromised(account)
            verdict = await verdictFor(self._policy, authentication, promised)
            if not isinstance(verdict, Usable):
                raise NotForJMAP("accepted, but not valid for JMAP")
            username = authentication.username or ""
            reactor = self._reactor
            record = LoginRecord(username, "JMAP", verdict, reactor.seconds())
            opened = OpenAccount(account, record, lambda: Turns(reactor.seconds, reactor.callLater))
            if not await self._identification.areShared(opened):
                # Not a refusal: the client must not think that its password is wrong.
                raise TemporaryFailure("the identifiers of an account could not be read")
            accountID, identifiers = await self._identify(opened, username)
        except BaseException:
            logout()
            raise
        return JMAPLogin(username, account, accountID, identifiers, logout)

    async def _requestAvatar(self, credentials: Any) -> tuple[Any, Callable[[], None]]:
        secrets = presented(credentials)
        try:
            interface, account, logout = await maybeDeferred(
                self.portal.login, credentials, None, IAccountIMAP
            )
        except Exception:
            raise self._failed(Failure(), secrets) from None
        if interface is not IAccountIMAP:
            self._loggedOut(logout)
            raise TemporaryFailure("the portal returned no IAccount")
        return account, lambda: self._loggedOut(logout)

    def _failed(self, failure: Failure, secrets: Presented) -> Refused | TemporaryFailure:
        reason = redactedReason(failure, secrets)
        if couldTell(failure):
            self._log.info("A JMAP login was refused: {reason}", reason=reason)
            return Refused("credentials refused")
        self._log.error("A JMAP login could not be checked: {reason}", reason=reason)
        if not isOurs(failure):
            self._log.error(
                "The checker or the realm failed: {traceback}", traceback=traced(failure)
            )
        return TemporaryFailure("a login could not be checked")

    async def _identify(self, opened: OpenAccount, username: str) -> tuple[str, AccountIdentifiers]:
        """
        @return: the accountId, and the other identifiers.
        """
        try:
            accountID = await self._identification.accountID(opened.account, username)
            identifiers = self._identification.of(opened, raises=True)
            identifiers.source()  # Raises if there is none.
            return accountID, identifiers
        except Exception as e:
            self._log.failure("The identifiers of an account could not be read")
            raise TemporaryFailure("the identifiers of an account could not be read") from e

    def _loggedOut(self, logout: Callable[[], Any]) -> None:
        done = maybeDeferred(logout)
        done.addErrback(lambda failure: self._log.failure("A logout failed", failure=failure))
