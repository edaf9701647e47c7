# -*- test-case-name: tests.imap.test_login -*-
"""
LOGIN and AUTHENTICATE on the wire (RFC 3501, sections 6.2.2 and 6.2.3; RFC 4959).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txjmapaccess.credentials import UsernamePassword
from txjmapaccess.imap import arguments
from txjmapaccess.imap.dispatch import CommandRefused
from txjmapaccess.imap.grammar import SyntaxProblem
from txjmapaccess.imap.login import Login
from txjmapaccess.imap.loginfailures import refusalText
from txjmapaccess.imap.sasl import (
    Exchange,
    Malformed,
    Mechanism,
    decodeBase64,
    decodeInitialResponse,
    encodeBase64,
)
from txjmapaccess.imap.tokenerrors import hasTokenError, tokenErrorOf
from txjmapaccess.redaction import Presented, presented

_CANCELLED = b"Authentication cancelled"
_PRIVACY_REQUIRED = b"[PRIVACYREQUIRED] TLS is needed first"


class ExchangeCancelled(Exception):
    """
    The client sent C{*} (RFC 3501, section 6.2.2).
    """


def mechanismArgument(server: Any, line: bytes) -> tuple[Any, bytes]:
    """
    The name of a mechanism, and an initial response (RFC 4959, section 3) or L{None}.
    """
    name, space, initial = line.rstrip(b" ").partition(b" ")
    if not name:
        raise SyntaxProblem("Missing argument")
    return (name.upper(), initial if space else None), b""


class AuthenticationCommands(Login):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.
    """

    def _arg_userName(self, line: bytes) -> arguments.Parsed | Deferred[arguments.Parsed]:
        # Before the first argument, so that a literal with a password is never asked for.
        if self.loginDisabled():
            raise CommandRefused(_PRIVACY_REQUIRED)
        return arguments.astring(self, line)

    def do_LOGIN(self, tag: bytes, user: bytes, password: bytes) -> None:
        """
        LOGIN (RFC 3501, section 6.2.3).
        """
        if self.mayTry(tag):
            self.begin(tag, self._logIn(tag, UsernamePassword(user, password, "LOGIN")))

    unauth_LOGIN: Any = (do_LOGIN, _arg_userName, arguments.astring)

    def do_AUTHENTICATE(self, tag: bytes, request: tuple[bytes, bytes | None]) -> None:
        """
        AUTHENTICATE (RFC 3501, section 6.2.2), with an initial response or without.
        """
        name, initial = request
        mechanism = self.knownMechanisms().get(name)
        if mechanism is None:
            self.sendNegativeResponse(tag, b"[CANNOT] Mechanism not supported")
        elif self.privacyRequired(mechanism):
            self.sendNegativeResponse(tag, _PRIVACY_REQUIRED)
        elif initial is not None and b"SASL-IR" not in self._jmaSettings.offered:
            self.sendBadResponse(tag, b"Too many arguments")
        elif initial is not None and not mechanism.clientFirst:
            self.sendBadResponse(tag, b"This mechanism has no initial response")
        elif self.mayTry(tag):
            self.begin(tag, self._authenticate(tag, mechanism, initial))

    unauth_AUTHENTICATE: Any = (do_AUTHENTICATE, mechanismArgument)

    async def _logIn(self, tag: bytes, credentials: UsernamePassword) -> None:
        started = self.seconds()
        secrets = presented(credentials)
        try:
            await self.enter(tag, credentials, "LOGIN", started)
        except Exception:
            await self.refuse(tag, Failure(), "LOGIN", started, secrets)

    async def _authenticate(self, tag: bytes, mechanism: Mechanism, initial: bytes | None) -> None:
        started = self.seconds()
        secrets = None
        try:
            credentials = await self._converse(mechanism.exchange(), initial)
            secrets = presented(credentials)
            started = self.seconds() if initial is None else started
            await self.enter(tag, credentials, mechanism.name.decode("ascii"), started)
        except Malformed as e:
            self.sendBadResponse(tag, str(e).encode("ascii"))
        except ExchangeCancelled:
            self.sendBadResponse(tag, _CANCELLED)
        except Exception:
            await self._refuseMechanism(tag, mechanism, Failure(), started, secrets)

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

    async def _refuseMechanism(
        self,
        tag: bytes,
        mechanism: Mechanism,
        failure: Failure,
        started: float,
        secrets: Presented | None,
    ) -> None:
        name = mechanism.name.decode("ascii")
        if mechanism.failure is None or not hasTokenError(failure) or self.hasGone():
            await self.refuse(tag, failure, name, started, secrets)
            return
        await self.noteRefusal(failure, name, started, secrets)
        try:
            await self._ask(mechanism.failure(tokenErrorOf(failure, self.portal)))
        except ExchangeCancelled:
            self.answerRefusal(tag, b"BAD", _CANCELLED)
        else:
            self.answerRefusal(tag, b"NO", refusalText(failure))
