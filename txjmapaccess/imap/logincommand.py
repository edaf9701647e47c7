# -*- test-case-name: tests.imap.test_login -*-
"""
A LOGIN or AUTHENTICATE command: from credentials to an avatar and a verdict.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.mail.imap4 import IAccount
from twisted.python.failure import Failure

from txjmapaccess.coroutines import begun, settled
from txjmapaccess.credentials import (
    Authentication,
    LoginRecord,
    UsernamePassword,
    authenticationOf,
)
from txjmapaccess.errors import TemporaryFailure, couldTell
from txjmapaccess.imap.grammar import quote
from txjmapaccess.imap.loginfailures import refusalText
from txjmapaccess.imap.loginlog import logAccepted, logRefused
from txjmapaccess.imap.objectidentifiers import identifiersShared
from txjmapaccess.imap.portallogin import EvidencePortal, PortalLogin
from txjmapaccess.imap.tlsrequirement import checksPasswordsItself
from txjmapaccess.policy import verdictFor
from txjmapaccess.redaction import Presented
from txjmapaccess.verdict import Unknown, Usable, Verdict

# Not on the class: that would make a new logger for each event.
_log = Logger()

Avatar = tuple[Any, Any, Callable[[], object]]


class LoginCommand:
    """
    A LOGIN or AUTHENTICATE command until it is answered. All credentials go one way: L{enter}
    takes them through the portal, asks the policy, records the verdict and answers.

    @ivar started: when the command, or the last response of its exchange, came.
    @ivar secrets: what the client presented, or L{None} when it has presented nothing.
    """

    started = 0.0
    secrets: Presented | None = None

    _task: Deferred[None] | None = None
    _portalLogin: PortalLogin | None = None
    _waiting: Deferred[Any] | None = None
    _isDeciding = False

    def __init__(self, connection: Any, tag: bytes, mechanism: str) -> None:
        self.connection = connection
        self.tag = tag
        self.mechanism = mechanism
        self._settings = connection._jmaSettings
        self.seconds = self._settings.seconds

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """
        Carry the command out, at the pace of the settings.
        """
        pace = self._settings.pace
        if pace is None:
            self._run(coroutine)
        else:
            pace.soon(self._run, coroutine)

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        if self.hasGone():
            coroutine.close()
            return
        self.started = self.seconds()
        self.connection._jmaLogin = self
        try:
            task = begun(coroutine)
        except Exception:
            self._failed(Failure())
            task = None
        if task is None:
            self._ended(None)
            return
        self._task = task
        task.addErrback(self._failed)
        task.addBoth(self._ended)
        if self.hasGone():
            self.abandon()

    def _failed(self, failure: Failure) -> None:
        if not (failure.check(CancelledError) and self.hasGone()):
            self.connection._jmaCommandFailed(failure, self.tag)

    def _ended(self, _: object) -> None:
        self._task = None
        self.connection._jmaLogin = None

    def hasGone(self) -> bool:
        """
        @return: whether the client is gone, or had BYE.
        """
        connection = self.connection
        return connection._jmaEnded or connection.state not in ("unauth", "auth")

    def abandon(self) -> None:
        """
        The client is gone: cancel the login. An avatar that is being made will be logged out.
        """
        login = self._portalLogin
        checkerHasIt = login is not None and login.canBeCancelled
        isWaiting = self._waiting is not None or checkerHasIt or self._isDeciding
        if self._task is not None and isWaiting:
            self._task.cancel()

    def countHastyLeave(self) -> None:
        """
        The client hangs up before the answer: count that as a refusal, unless the checker was slow.
        Otherwise passwords could be tried without limit.
        """
        login = self._portalLogin
        if login is None or not login.canBeCancelled:
            return
        if self.seconds() - login.began < self._settings.refusalSeconds:
            self.connection._jmaCountRefusal()

    async def wait(self, deferred: Deferred[Any]) -> Any:
        """
        Wait for the client, or for a time.
        """
        self._waiting = deferred
        try:
            return await deferred
        finally:
            self._waiting = None

    # Logins that succeed

    async def enter(self, credentials: Any) -> None:
        """
        Log in and answer the command. The exceptions of the checker and the realm pass.
        """
        interface, account, logout = await self._requestAvatar(credentials)
        checked = self.seconds()
        try:
            if interface is not IAccount:
                raise TemporaryFailure(f"the portal returned {interface!r} instead of an IAccount")
            authentication = authenticationOf(credentials, self.mechanism)
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
        connection = self.connection
        self._record(authentication, verdict)
        connection.account = account
        connection._onLogout = logout
        connection.state = "auth"
        connection.setTimeout(connection.POSTAUTH_TIMEOUT)
        connection._jmaAdmitted()
        elapsed = self.seconds() - self.started
        checking = checked - self.started
        record = connection.loginRecord
        logAccepted(connection._jmaNumber, self._address(), record, elapsed, checking)
        self._sendVerdict(verdict)
        connection.sendPositiveResponse(self.tag, self._capabilityCode() + b"Logged in")

    async def _requestAvatar(self, credentials: Any) -> Avatar:
        connection = self.connection
        portal = connection.portal
        if isinstance(credentials, UsernamePassword) and checksPasswordsItself(connection):
            if portal is not None:
                connection.portal = EvidencePortal(portal, credentials)
            try:
                username, password = credentials.username, credentials.password
                avatar: Avatar = await settled(connection.authenticateLogin, username, password)
                return avatar
            finally:
                connection.portal = portal
        if portal is None:
            raise TemporaryFailure("no portal is set")
        self._portalLogin = PortalLogin(portal, credentials, self.seconds())
        return await self._portalLogin.login()

    async def _decide(self, authentication: Authentication, account: Any) -> Verdict:
        settings = self._settings
        if settings.jmapAccessPolicy is None:
            return Unknown()
        shared = b"OBJECTID" in settings.offered
        if shared:
            shared = await identifiersShared(self.connection, authentication, account)
        if self.hasGone():
            raise CancelledError()
        return await verdictFor(settings.jmapAccessPolicy, authentication, shared)

    def _record(self, authentication: Authentication, verdict: Verdict) -> None:
        evidence = authentication.evidence
        now = time.time()
        expires = None if evidence is None else evidence.expires
        self.connection.loginRecord = LoginRecord(
            authentication.username, authentication.mechanism, verdict, now, expires
        )
        if evidence is not None and evidence.endAtExpiry and expires is not None:
            self.connection._jmaExpiry = self.connection.callLater(
                max(0, expires - now),
                lambda: self.connection._jmaDismiss(b"The access token has expired"),
            )

    def _sendVerdict(self, verdict: Verdict) -> None:
        """
        Send the response codes of draft-ietf-extra-jmapaccess.
        """
        if not self._settings.debugging or b"JMAPACCESS" not in self._settings.offered:
            return
        if isinstance(verdict, Usable):
            text = b"[JMAPACCESS " + quote(verdict.url.encode("ascii")) + b"] For JMAP access"
        else:
            reason = quote(verdict.reason.value.encode("ascii"))
            text = b"[DEBUGGING " + reason + b"] No JMAP access"
        self.connection.sendPositiveResponse(None, text)

    def _capabilityCode(self) -> bytes:
        try:
            return b"[CAPABILITY " + b" ".join(self.connection.listCapabilities()) + b"] "
        except Exception:
            # The server's own list. The login stands.
            _log.failure("The capabilities could not be listed")
            return b""

    # Logins that fail

    async def refuse(self, failure: Failure) -> None:
        """
        Answer a login that failed.
        """
        if not self.hasGone():
            await self.noteRefusal(failure)
            self.answerRefusal(b"NO", refusalText(failure))

    async def noteRefusal(self, failure: Failure) -> None:
        """
        Log and count a refusal, and wait until the time at which every refusal is answered.
        """
        connection = self.connection
        elapsed = self.seconds() - self.started
        number, address = connection._jmaNumber, self._address()
        logRefused(number, address, self.mechanism, failure, elapsed, self.secrets)
        delay = self._settings.refusalSeconds * 2**connection._jmaFailures
        if couldTell(failure):
            connection._jmaCountRefusal()
            if elapsed > delay > 0:
                # The time that a slow checker takes must not show what it does for which user.
                delay *= math.ceil(elapsed / delay)
        remaining = self.started + delay - self.seconds()
        if remaining > 0:
            timer: list[IDelayedCall] = []
            awakened: Deferred[None] = Deferred(lambda _: timer[0].cancel())
            timer.append(connection.callLater(remaining, lambda: awakened.callback(None)))
            await self.wait(awakened)

    def answerRefusal(self, status: bytes, text: bytes) -> None:
        """
        Send the tagged response, and BYE after one refusal too many.
        """
        self.connection._respond(status, self.tag, text)
        if self.connection._jmaFailures >= self._settings.failuresPerConnection:
            self.connection._jmaDismiss(b"Too many failed logins")

    def _address(self) -> str:
        peer = self.connection.transport.getPeer()
        return str(getattr(peer, "host", peer))
