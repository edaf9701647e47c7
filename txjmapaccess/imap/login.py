# -*- test-case-name: tests.imap.test_login -*-
"""
From credentials to an avatar. All credentials go one way: L{Login.enter} takes them through the
portal, asks the policy, records the verdict and answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.mail.imap4 import IAccount
from twisted.python.failure import Failure

from txjmapaccess.coroutines import begun, settled
from txjmapaccess.credentials import (
    Authentication,
    Evidence,
    LoginRecord,
    UsernamePassword,
    authenticationOf,
)
from txjmapaccess.errors import (
    TemporaryFailure,
)
from txjmapaccess.imap.loginfailures import LoginFailures
from txjmapaccess.imap.loginlog import logAccepted
from txjmapaccess.imap.portallogin import EvidencePortal, PortalLogin
from txjmapaccess.verdict import Unknown, Verdict

# Not on the class: that would make a new logger for each event.
_log = Logger()


class Login(LoginFailures):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.

    @ivar loginRecord: the L{LoginRecord} of this connection, or L{None} before the login.
    """

    loginRecord: LoginRecord | None = None

    _exchange: Deferred[None] | None = None
    _expiry: IDelayedCall | None = None
    _portalLogin: PortalLogin | None = None
    _isDeciding = False

    def begin(self, tag: bytes, coroutine: Coroutine[Any, Any, None]) -> None:
        """
        Run a login command to its end. It is cancelled when the client goes away.
        """
        pace = self._jmaSettings.pace
        if pace is None:
            self._run((tag, coroutine))
        else:
            pace.soon(self._run, (tag, coroutine))

    def _run(self, command: tuple[bytes, Coroutine[Any, Any, None]]) -> None:
        tag, coroutine = command
        if self.hasGone():
            coroutine.close()
            return
        try:
            exchange = begun(coroutine)
        except Exception:
            self._exchangeFailed(Failure(), tag)
            exchange = None
        if exchange is None:
            self._exchangeEnded(None)
            return
        self._exchange = exchange
        exchange.addErrback(self._exchangeFailed, tag)
        exchange.addBoth(self._exchangeEnded)
        if self.hasGone():
            self._abandonExchange()

    def _exchangeFailed(self, failure: Failure, tag: bytes) -> None:
        if not (failure.check(CancelledError) and self.hasGone()):
            self.commandFailed(failure, tag)

    def _exchangeEnded(self, _: object) -> None:
        self._exchange = self._portalLogin = self._waiting = None

    async def enter(self, tag: bytes, credentials: Any, mechanism: str, started: float) -> None:
        """
        Log in and answer the command.

        @param started: when its command, or the last response of its exchange, came.

        @raise Exception: whatever the checker, or the realm, objects with.
        """
        interface, account, logout = await self._requestAvatar(credentials)
        checked = self.seconds()
        try:
            if interface is not IAccount:
                raise TemporaryFailure(f"the portal gave {interface!r} instead of an IAccount")
            authentication = authenticationOf(credentials, mechanism)
            self._isDeciding = True
            verdict = await self._decide(authentication, account)
        except BaseException:
            logout()
            raise
        finally:
            self._isDeciding = False
        if self.hasGone():
            logout()
            return
        self._entered(authentication, verdict, account, logout)
        assert self.loginRecord is not None
        elapsed = self.seconds() - started
        logAccepted(self._jmaNumber, self._address(), self.loginRecord, elapsed, checked - started)
        self.announceVerdict(verdict)
        self.sendPositiveResponse(tag, self._capabilityCode() + b"Logged in")

    def _entered(
        self,
        authentication: Authentication,
        verdict: Verdict,
        account: Any,
        logout: Callable[[], object],
    ) -> None:
        evidence = authentication.evidence
        self.loginRecord = LoginRecord(
            authentication.username,
            authentication.mechanism,
            verdict,
            time.time(),
            None if evidence is None else evidence.expires,
        )
        self._watchExpiry(evidence)
        self.account = account
        self._onLogout = logout
        self.state = "auth"
        self.setTimeout(self.POSTAUTH_TIMEOUT)
        self.admitted()

    def _watchExpiry(self, evidence: Evidence | None) -> None:
        if evidence is not None and evidence.endAtExpiry and evidence.expires is not None:
            remaining = max(0, evidence.expires - time.time())
            self._expiry = self.callLater(remaining, self._tokenExpired)

    def _tokenExpired(self) -> None:
        self.dismiss(b"The access token has expired")

    def _capabilityCode(self) -> bytes:
        try:
            return b"[CAPABILITY " + b" ".join(self.listCapabilities()) + b"] "
        except Exception:
            # The server's own list, which somebody else wrote. The login stands.
            _log.failure("The capabilities could not be listed")
            return b""

    async def _requestAvatar(self, credentials: Any) -> tuple[Any, Any, Callable[[], object]]:
        if isinstance(credentials, UsernamePassword) and self.checksPasswordsItself():
            return await self._requestAvatarTheirWay(credentials)
        if self.portal is None:
            raise TemporaryFailure("this server has no portal")
        self._portalLogin = PortalLogin(self.portal, credentials, self.seconds())
        return await self._portalLogin.login()

    async def _requestAvatarTheirWay(
        self, credentials: UsernamePassword
    ) -> tuple[Any, Any, Callable[[], object]]:
        portal = self.portal
        if portal is not None:
            self.portal = EvidencePortal(portal, credentials)
        try:
            avatar: tuple[Any, Any, Callable[[], object]] = await settled(
                self.authenticateLogin, credentials.username, credentials.password
            )
            return avatar
        finally:
            self.portal = portal

    async def _decide(self, authentication: Authentication, account: Any) -> Verdict:
        """
        @return: the verdict, to be recorded. Overridden where the policy is.
        """
        return Unknown()

    def announceVerdict(self, verdict: Verdict) -> None:
        """
        Called before the tagged OK of a login.
        """

    # Connections that go away

    def timeoutConnection(self) -> None:
        """
        The client was silent for too long.
        """
        super().timeoutConnection()
        self._abandonExchange()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        A login in the back end is cancelled; an avatar that is being made will be logged out.
        """
        if self._expiry is not None and self._expiry.active():
            self._expiry.cancel()
        self._countHastyLeave()
        super().connectionLost(reason)
        self._abandonExchange()

    def _countHastyLeave(self) -> None:
        # Or else whoever hangs up before the answer could have any number of passwords tried. One
        # who gives up on a back end that hangs has waited longer.
        login = self._portalLogin
        if login is None or not login.canBeCancelled:
            return
        if self.seconds() - login.began < self._jmaSettings.refusalSeconds:
            self.countRefusal()

    def _abandonExchange(self) -> None:
        exchange, login = self._exchange, self._portalLogin
        if exchange is None:
            return
        checkerHasIt = login is not None and login.canBeCancelled
        if self._waiting is not None or checkerHasIt or self._isDeciding:
            exchange.cancel()
