# -*- test-case-name: tests.test_authentication -*-
"""
LOGIN, AUTHENTICATE and STARTTLS on the wire (RFC 3501, section 6.2; RFC 4959).

All credentials go one way: L{AuthenticationCommands._enter} takes them through the portal, asks
the policy, and answers. What the answer to a refusal shows is in L{refusalText}, and nothing else
is ever shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import LoginFailed, UnhandledCredentials
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IAddress, ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.mail.imap4 import IAccount, IMAP4Server
from twisted.python.failure import Failure

from txjmapaccess import arguments
from txjmapaccess.credentials import LoginRecord, UsernamePassword, authenticationOf
from txjmapaccess.dispatch import CommandDispatch, CommandRefused
from txjmapaccess.errors import (
    ForeignAuthorizationIdentity,
    PasswordExpired,
    Refused,
    TemporaryFailure,
    TokenRefused,
)
from txjmapaccess.grammar import SyntaxProblem
from txjmapaccess.portals import EvidencePortal, PortalLogin
from txjmapaccess.sasl import (
    MECHANISMS,
    Exchange,
    Malformed,
    Mechanism,
    decodeBase64,
    decodeInitialResponse,
    encodeBase64,
    foreignMechanism,
)
from txjmapaccess.sessionurl import isLoopback
from txjmapaccess.verdict import Unknown, Verdict

_PRIVACY_REQUIRED = b"[PRIVACYREQUIRED] TLS is needed first"


class ExchangeCancelled(Exception):
    """
    The client sent C{*} (RFC 3501, section 6.2.2).
    """


def refusalText(failure: Failure) -> bytes:
    """
    @return: what the client is told about a login that came to nothing, for any reason
        (RFC 5530, section 3).
    """
    if failure.check(PasswordExpired):
        return b"[EXPIRED] The password has expired"
    if failure.check(ForeignAuthorizationIdentity):
        return b"[AUTHORIZATIONFAILED] Not allowed for that authorization identity"
    if not couldTell(failure):
        return b"[UNAVAILABLE] Temporary authentication failure"
    return b"[AUTHENTICATIONFAILED] Authentication failed"


def couldTell(failure: Failure) -> bool:
    """
    @return: whether this is a refusal, by somebody who knows.
    """
    return bool(failure.check(LoginFailed)) and not failure.check(UnhandledCredentials)


def mechanismArgument(server: Any, line: bytes) -> tuple[Any, bytes]:
    """
    The name of a mechanism, and an initial response (RFC 4959, section 3) or L{None}.
    """
    name, space, initial = line.rstrip(b" ").partition(b" ")
    if not name:
        raise SyntaxProblem("Missing argument")
    return (name.upper(), initial if space else None), b""


class AuthenticationCommands(CommandDispatch):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.

    @ivar loginRecord: the L{LoginRecord} of this connection, or L{None} before the login.
    @ivar requireTLS: L{True} when no password or token may come in clear, L{False} when they may,
        L{None} to leave passwords as the server has them (in clear unless it can do TLS), and to
        take tokens in clear from loopback addresses only (RFC 7628, section 4).
    @ivar refusalSeconds: every refusal is answered so long after its command came, so that
        nothing can be learned from the time that it took; doubled for each further one.
    @ivar seconds: the clock that this is measured with.
    """

    _log = Logger()

    loginRecord: LoginRecord | None = None
    requireTLS: bool | None = None
    refusalSeconds: float = 1
    seconds: Callable[[], float] = staticmethod(time.monotonic)

    _refusals = 0
    _exchange: Deferred[None] | None = None
    _portalLogin: PortalLogin | None = None
    _waiting: Deferred[Any] | None = None

    # What is offered

    def offeredMechanisms(self) -> dict[bytes, Mechanism]:
        """
        @return: the mechanisms for which there is a checker, and which may be used now.
        """
        return {
            name: mechanism
            for name, mechanism in self._mechanisms().items()
            if not self._privacyRequired(mechanism)
        }

    def loginDisabled(self) -> bool:
        """
        @return: whether passwords in clear are refused (LOGINDISABLED).
        """
        if self.requireTLS is None:
            return b"LOGINDISABLED" in super().capabilities()
        return self.requireTLS and not self._isProtected()

    def _mechanisms(self) -> dict[bytes, Mechanism]:
        found = {
            name: foreignMechanism(name, makeChallenger)
            for name, makeChallenger in self.challengers.items()
            if name not in MECHANISMS
        }
        for mechanism in MECHANISMS.values():
            if self._canCheck(mechanism.credentials):
                found[mechanism.name] = mechanism
        return found

    def _canCheck(self, credentials: Any) -> bool:
        if credentials is IUsernamePassword and self._checksPasswordsItself():
            return True
        return credentials in getattr(self.portal, "checkers", ())

    def _checksPasswordsItself(self) -> bool:
        method = getattr(self.authenticateLogin, "__func__", None)
        return method is not IMAP4Server.authenticateLogin

    def _isProtected(self) -> bool:
        return self.startedTLS or ISSLTransport(self.transport, None) is not None

    def _privacyRequired(self, mechanism: Mechanism) -> bool:
        if not mechanism.secretInClear:
            return False
        if mechanism.credentials is IUsernamePassword or self.requireTLS is not None:
            return self.loginDisabled()
        return not self._isProtected() and not _isFromLoopback(self.transport.getPeer())

    # The commands

    def _arg_protected(self, line: bytes) -> tuple[None, bytes]:
        # In front of the other arguments, so that a literal with a password is never asked for.
        if self.loginDisabled():
            raise CommandRefused(_PRIVACY_REQUIRED)
        return None, line

    def do_LOGIN(self, tag: bytes, _: None, user: bytes, password: bytes) -> None:
        """
        LOGIN (RFC 3501, section 6.2.3).
        """
        self._begin(tag, self._logIn(tag, UsernamePassword(user, password, "LOGIN")))

    unauth_LOGIN = (do_LOGIN, _arg_protected, arguments.astring, arguments.astring)

    def do_AUTHENTICATE(self, tag: bytes, request: tuple[bytes, bytes | None]) -> None:
        """
        AUTHENTICATE (RFC 3501, section 6.2.2), with an initial response or without.
        """
        name, initial = request
        mechanism = self._mechanisms().get(name)
        if mechanism is None:
            self.sendNegativeResponse(tag, b"[CANNOT] Mechanism not supported")
        elif self._privacyRequired(mechanism):
            self.sendNegativeResponse(tag, _PRIVACY_REQUIRED)
        elif initial is not None and not mechanism.clientFirst:
            self.sendBadResponse(tag, b"This mechanism has no initial response")
        else:
            self._begin(tag, self._authenticate(tag, mechanism, initial))

    unauth_AUTHENTICATE = (do_AUTHENTICATE, mechanismArgument)

    def do_STARTTLS(self, tag: bytes) -> None:
        """
        STARTTLS (RFC 3501, section 6.2.1). What came in clear behind it is thrown away.
        """
        wasProtected = self.startedTLS
        super().do_STARTTLS(tag)
        if self.startedTLS and not wasProtected:
            self.clearLineBuffer()

    unauth_STARTTLS = (do_STARTTLS,)

    # From credentials to an avatar

    def _begin(self, tag: bytes, coroutine: Coroutine[Any, Any, None]) -> None:
        exchange = self._exchange = Deferred.fromCoroutine(coroutine)
        exchange.addErrback(self.commandFailed, tag)
        exchange.addBoth(self._exchangeEnded)

    def _exchangeEnded(self, _: object) -> None:
        self._exchange = self._portalLogin = self._waiting = None

    async def _logIn(self, tag: bytes, credentials: UsernamePassword) -> None:
        started = self.seconds()
        try:
            await self._enter(tag, credentials, "LOGIN")
        except Exception:
            await self._refuse(tag, Failure(), started)

    async def _authenticate(self, tag: bytes, mechanism: Mechanism, initial: bytes | None) -> None:
        started = self.seconds()
        try:
            credentials = await self._converse(mechanism.exchange(), initial)
            started = self.seconds() if initial is None else started
            await self._enter(tag, credentials, mechanism.name.decode("ascii"))
        except Malformed as e:
            self.sendBadResponse(tag, str(e).encode("ascii"))
        except ExchangeCancelled:
            self.sendBadResponse(tag, b"Authentication cancelled")
        except TokenRefused as e:
            await self._refuseToken(tag, mechanism, e, started)
        except Exception:
            await self._refuse(tag, Failure(), started)

    async def _converse(self, exchange: Exchange, initial: bytes | None) -> Any:
        """
        @return: the credentials.
        """
        try:
            challenge = next(exchange)
            if initial is not None:
                challenge = exchange.send(decodeInitialResponse(initial))
            while True:
                challenge = exchange.send(decodeBase64(await self._ask(challenge)))
        except StopIteration as e:
            return e.value

    async def _ask(self, challenge: bytes) -> bytes:
        """
        @return: the client's answer to a challenge, still in base64.
        """
        answer: Deferred[bytes] = Deferred()
        self._waiting = answer
        self.parseState = "response"
        self.sendContinuationRequest(encodeBase64(challenge))
        line = await answer
        if line == b"*":
            raise ExchangeCancelled()
        return line

    def parse_response(self, line: bytes) -> None:
        """
        Take the client's answer to a challenge.
        """
        self.parseState = "command"
        self.paused = True
        answer, self._waiting = self._waiting, None
        if answer is not None:
            answer.callback(line)

    async def _enter(self, tag: bytes, credentials: Any, mechanism: str) -> None:
        interface, account, logout = await self._requestAvatar(credentials)
        try:
            if interface is not IAccount:
                raise TemporaryFailure(f"the portal gave {interface!r} instead of an IAccount")
            authentication = authenticationOf(credentials, mechanism)
            verdict = await self._decide(authentication, account)
        except BaseException:
            logout()
            raise
        if self._hasGone():
            logout()
            return
        evidence = authentication.evidence
        self.loginRecord = LoginRecord(
            authentication.username,
            mechanism,
            verdict,
            time.time(),
            None if evidence is None else evidence.expires,
        )
        self._entered(tag, account, logout)

    def _entered(self, tag: bytes, account: Any, logout: Callable[[], object]) -> None:
        self.account = account
        self._onLogout = logout
        self.state = "auth"
        self.setTimeout(self.POSTAUTH_TIMEOUT)
        record = self.loginRecord
        assert record is not None
        self._log.info(
            "{username} logged in with {mechanism}, JMAP is {access}",
            username=record.username,
            mechanism=record.mechanism,
            access=type(record.verdict).__name__.lower(),
        )
        self.announceVerdict(record.verdict)
        capabilities = b" ".join(self.listCapabilities())
        self.sendPositiveResponse(tag, b"[CAPABILITY " + capabilities + b"] Logged in")

    async def _requestAvatar(self, credentials: Any) -> tuple[Any, Any, Callable[[], object]]:
        if isinstance(credentials, UsernamePassword) and self._checksPasswordsItself():
            return await self._requestAvatarTheirWay(credentials)
        if self.portal is None:
            raise TemporaryFailure("this server has no portal")
        self._portalLogin = PortalLogin(self.portal, credentials)
        return await self._portalLogin.start()  # type: ignore[no-any-return]

    async def _requestAvatarTheirWay(
        self, credentials: UsernamePassword
    ) -> tuple[Any, Any, Callable[[], object]]:
        portal = self.portal
        if portal is not None:
            self.portal = EvidencePortal(portal, credentials)
        try:
            return await maybeDeferred(
                self.authenticateLogin, credentials.username, credentials.password
            )
        finally:
            self.portal = portal

    async def _decide(self, authentication: Any, account: Any) -> Verdict:
        """
        @return: the verdict, to be recorded. Overridden where the policy is.
        """
        return Unknown()

    def announceVerdict(self, verdict: Verdict) -> None:
        """
        Called before the tagged OK of a login.
        """

    # Refusals

    async def _refuse(self, tag: bytes, failure: Failure, started: float) -> None:
        if self._hasGone():
            return
        self._logRefusal(failure)
        await self._sleepUntil(started + self.refusalSeconds * 2**self._refusals)
        self._refusals += 1
        self.sendNegativeResponse(tag, refusalText(failure))

    def _logRefusal(self, failure: Failure) -> None:
        # Of an exception that is not ours nobody knows what its text holds.
        isOurs = failure.check(Refused, TemporaryFailure)
        reason = str(failure.value) if isOurs else type(failure.value).__name__
        if couldTell(failure):
            self._log.info("A login was refused: {reason}", reason=reason)
        else:
            self._log.error("A login could not be checked: {reason}", reason=reason)

    async def _refuseToken(
        self, tag: bytes, mechanism: Mechanism, refusal: TokenRefused, started: float
    ) -> None:
        failure = Failure(refusal)
        if mechanism.failure is None or self._hasGone():
            await self._refuse(tag, failure, started)
            return
        try:
            await self._ask(mechanism.failure(refusal))
        except ExchangeCancelled:
            self.sendBadResponse(tag, b"Authentication cancelled")
        else:
            await self._refuse(tag, failure, started)

    async def _sleepUntil(self, when: float) -> None:
        remaining = when - self.seconds()
        if remaining <= 0:
            return
        timer: list[Any] = []
        awakened: Deferred[None] = Deferred(lambda _: timer[0].cancel())
        timer.append(self.callLater(remaining, awakened.callback, None))
        self._waiting = awakened
        await awakened

    # Connections that go away

    def _hasGone(self) -> bool:
        return self._ended or self.state != "unauth"

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
        super().connectionLost(reason)
        self._abandonExchange()

    def _abandonExchange(self) -> None:
        exchange, login = self._exchange, self._portalLogin
        if exchange is None:
            return
        if self._waiting is not None or (login is not None and login.canBeCancelled):
            exchange.cancel()


def _isFromLoopback(peer: IAddress) -> bool:
    host = getattr(peer, "host", None)
    # A UNIX socket has no host, and does not leave the machine.
    return host is None or isLoopback(host)
