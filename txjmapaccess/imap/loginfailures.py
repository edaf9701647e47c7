# -*- test-case-name: tests.imap.test_login -*-
"""
Logins that came to nothing. What the answer shows is in L{refusalText}, and nothing else is ever
shown; when it comes tells nothing either.
"""

from __future__ import annotations

import math
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txjmapaccess.errors import ForeignAuthorizationIdentity, PasswordExpired, couldTell
from txjmapaccess.imap.loginlog import logRefused
from txjmapaccess.imap.tlsrequirement import TLSRequirement
from txjmapaccess.redaction import Presented


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


class LoginFailures(TLSRequirement):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.
    """

    _waiting: Deferred[Any] | None = None

    def seconds(self) -> float:
        """
        @return: the time, by the clock that logins are measured with.
        """
        return self._jmaSettings.seconds()

    def hasGone(self) -> bool:
        """
        @return: whether nobody waits for the end of this login any more.
        """
        return self._ended or self.state not in ("unauth", "auth")

    async def refuse(
        self,
        tag: bytes,
        failure: Failure,
        mechanism: str,
        started: float,
        secrets: Presented | None,
    ) -> None:
        """
        Answer a login that came to nothing.

        @param started: when its command, or the last response of its exchange, came.
        @param secrets: what the client presented; L{None} when it has presented nothing.
        """
        if not self.hasGone():
            await self.noteRefusal(failure, mechanism, started, secrets)
            self.answerRefusal(tag, b"NO", refusalText(failure))

    async def noteRefusal(
        self, failure: Failure, mechanism: str, started: float, secrets: Presented | None
    ) -> None:
        """
        Log and count a refusal, and wait for the time when every one is answered.
        """
        elapsed = self.seconds() - started
        logRefused(self._jmaNumber, self._address(), mechanism, failure, elapsed, secrets)
        delay = self._jmaSettings.refusalSeconds * 2**self._jmaFailures
        if couldTell(failure):
            self.countRefusal()
            if elapsed > delay > 0:
                # A slow checker does not tell by its time what it does for which user.
                delay *= math.ceil(elapsed / delay)
        await self._sleepUntil(started + delay)

    def answerRefusal(self, tag: bytes, status: bytes, text: bytes) -> None:
        """
        Send the tagged line; one refusal too many is the last.
        """
        self._respond(status, tag, text)
        if self._jmaFailures >= self._jmaSettings.failuresPerConnection:
            self.dismiss(b"Too many failed logins")

    def _address(self) -> str:
        peer = self.transport.getPeer()
        return str(getattr(peer, "host", peer))

    async def _sleepUntil(self, when: float) -> None:
        remaining = when - self.seconds()
        if remaining <= 0:
            return
        timer: list[Any] = []
        awakened: Deferred[None] = Deferred(lambda _: timer[0].cancel())
        timer.append(self.callLater(remaining, lambda: awakened.callback(None)))
        self._waiting = awakened
        await awakened
