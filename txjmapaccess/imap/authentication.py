# -*- test-case-name: tests.imap.test_login -*-
"""
LOGIN, AUTHENTICATE and STARTTLS on the wire (RFC 3501, section 6.2; RFC 4959).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from txjmapaccess.credentials import LoginRecord, UsernamePassword
from txjmapaccess.imap import arguments
from txjmapaccess.imap.connectionlimits import ConnectionLimits
from txjmapaccess.imap.dispatch import CommandRefused
from txjmapaccess.imap.grammar import SyntaxProblem
from txjmapaccess.imap.logincommand import LoginCommand
from txjmapaccess.imap.loginfailures import hasTokenError, refusalText, tokenErrorOf
from txjmapaccess.imap.sasl import (
    Malformed,
    Mechanism,
    decodeBase64,
    decodeInitialResponse,
    encodeBase64,
)
from txjmapaccess.imap.tlsrequirement import knownMechanisms, loginDisabled, privacyRequired
from txjmapaccess.redaction import presented

_CANCELLED = b"Authentication cancelled"
_PRIVACY_REQUIRED = b"[PRIVACYREQUIRED] TLS is needed first"


class ExchangeCancelled(Exception):
    """
    The client sent C{*} (RFC 3501, section 6.2.2).
    """


def userNameArgument(connection: Any, line: bytes) -> arguments.Parsed | Deferred[arguments.Parsed]:
    """
    The first argument of LOGIN.
    """
    # Here, so that a literal with a password is never asked for.
    if loginDisabled(connection):
        raise CommandRefused(_PRIVACY_REQUIRED)
    return arguments.astring(connection, line)


def mechanismArgument(connection: Any, line: bytes) -> tuple[Any, bytes]:
    """
    The name of a mechanism, and an initial response (RFC 4959, section 3) or L{None}.
    """
    name, space, initial = line.rstrip(b" ").partition(b" ")
    if not name:
        raise SyntaxProblem("Missing argument")
    return (name.upper(), initial if space else None), b""


async def _logIn(login: LoginCommand, credentials: UsernamePassword) -> None:
    login.secrets = presented(credentials)
    try:
        await login.enter(credentials)
    except Exception:
        await login.refuse(Failure())


async def _authenticate(login: LoginCommand, mechanism: Mechanism, initial: bytes | None) -> None:
    try:
        credentials = await _converse(login, mechanism, initial)
        login.secrets = presented(credentials)
        if initial is None:
            login.started = login.seconds()
        await login.enter(credentials)
    except Malformed as e:
        login.connection.sendBadResponse(login.tag, str(e).encode("ascii"))
    except ExchangeCancelled:
        login.connection.sendBadResponse(login.tag, _CANCELLED)
    except Exception:
        await _refuse(login, mechanism, Failure())


async def _converse(login: LoginCommand, mechanism: Mechanism, initial: bytes | None) -> Any:
    """
    @return: the credentials.
    """
    exchange = mechanism.exchange()
    try:
        challenge = next(exchange)
        if initial is not None:
            challenge = exchange.send(decodeInitialResponse(initial))
        while True:
            challenge = exchange.send(decodeBase64(await _response(login, challenge)))
    except StopIteration as e:
        return e.value


async def _response(login: LoginCommand, challenge: bytes) -> bytes:
    """
    @return: the client's response to a challenge, still in base64.
    """
    received = login.connection._jmaNextLine()
    login.connection.sendContinuationRequest(encodeBase64(challenge))
    line: bytes = await login.wait(received)
    if line == b"*":
        raise ExchangeCancelled()
    return line


async def _refuse(login: LoginCommand, mechanism: Mechanism, failure: Failure) -> None:
    if mechanism.failure is None or not hasTokenError(failure) or login.hasGone():
        await login.refuse(failure)
        return
    await login.noteRefusal(failure)
    try:
        await _response(login, mechanism.failure(tokenErrorOf(failure, login.connection.portal)))
    except ExchangeCancelled:
        login.answerRefusal(b"BAD", _CANCELLED)
    else:
        login.answerRefusal(b"NO", refusalText(failure))


class AuthenticationCommands(ConnectionLimits):
    """
    See the module. A mixin for L{twisted.mail.imap4.IMAP4Server} or a subclass.

    @ivar loginRecord: the L{LoginRecord} of this connection, or L{None} before the login.
    """

    loginRecord: LoginRecord | None = None

    _jmaLogin: LoginCommand | None = None
    _jmaExpiry: IDelayedCall | None = None

    def timeoutConnection(self) -> None:
        """
        See L{twisted.protocols.policies.TimeoutMixin.timeoutConnection}.
        """
        super().timeoutConnection()
        if self._jmaLogin is not None:
            self._jmaLogin.abandon()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See L{twisted.internet.interfaces.IProtocol.connectionLost}.
        """
        if self._jmaExpiry is not None and self._jmaExpiry.active():
            self._jmaExpiry.cancel()
        if self._jmaLogin is not None:
            self._jmaLogin.countHastyLeave()
        super().connectionLost(reason)
        if self._jmaLogin is not None:
            self._jmaLogin.abandon()

    def do_LOGIN(self, tag: bytes, user: bytes, password: bytes) -> None:
        """
        LOGIN (RFC 3501, section 6.2.3).
        """
        if self._jmaMayTry(tag):
            login = LoginCommand(self, tag, "LOGIN")
            login.run(_logIn(login, UsernamePassword(user, password, "LOGIN")))

    unauth_LOGIN: Any = (do_LOGIN, userNameArgument, arguments.astring)

    def do_AUTHENTICATE(self, tag: bytes, request: tuple[bytes, bytes | None]) -> None:
        """
        AUTHENTICATE (RFC 3501, section 6.2.2), with or without an initial response.
        """
        name, initial = request
        mechanism = knownMechanisms(self).get(name)
        if mechanism is None:
            self.sendNegativeResponse(tag, b"[CANNOT] Mechanism not supported")
        elif privacyRequired(self, mechanism, loginDisabled(self)):
            self.sendNegativeResponse(tag, _PRIVACY_REQUIRED)
        elif initial is not None and b"SASL-IR" not in self._jmaSettings.offered:
            self.sendBadResponse(tag, b"Too many arguments")
        elif initial is not None and not mechanism.clientFirst:
            self.sendBadResponse(tag, b"This mechanism has no initial response")
        elif self._jmaMayTry(tag):
            login = LoginCommand(self, tag, mechanism.name.decode("ascii"))
            login.run(_authenticate(login, mechanism, initial))

    unauth_AUTHENTICATE: Any = (do_AUTHENTICATE, mechanismArgument)

    def do_STARTTLS(self, tag: bytes) -> None:
        """
        STARTTLS (RFC 3501, section 6.2.1). What came in the clear after it is discarded.
        """
        wasProtected = self.startedTLS
        super().do_STARTTLS(tag)
        if self.startedTLS and not wasProtected:
            self.clearLineBuffer()

    unauth_STARTTLS: Any = (do_STARTTLS,)
