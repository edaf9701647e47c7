# -*- test-case-name: tests.test_limits -*-
"""
Who may connect, and for how long without a login.
"""

from __future__ import annotations

import itertools

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from txjmapaccess.imap.dispatch import CommandDispatch
from txjmapaccess.limits import FAILURES_OF_CONNECTION, LOGIN_SECONDS, TOO_OFTEN, Limits

_connections = itertools.count(1)


class Admission(CommandDispatch):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.

    @ivar number: of this connection, for the log: no other of this process has it.
    @ivar limits: the L{Limits} that this connection shares with others, or L{None}.
    @ivar loginSeconds: from connect to login.
    @ivar failuresPerConnection: refused logins, then BYE.
    @ivar failures: refused logins so far.
    """

    number = 0
    limits: Limits | None = None
    loginSeconds: float = 60
    failuresPerConnection = 3

    _source: str | None = None
    _counted = False
    _unauthenticated = False
    failures = 0

    def connectionMade(self) -> None:
        """
        Greet the client, or send it away.
        """
        self.number = next(_connections)
        if self.limits is not None:
            self._source = self.limits.source(self.transport.getPeer())
            objection = self.limits.enter(self._source)
            if objection is not None:
                self.dismiss(objection)
                return
            self._counted = self._unauthenticated = True
        self.timeOut = self.loginSeconds
        super().connectionMade()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Count it no more.
        """
        self.admitted()
        if self._counted and self.limits is not None:
            self._counted = False
            self.limits.leave()
        super().connectionLost(reason)

    def admitted(self) -> None:
        """
        The client has logged in, or has gone.
        """
        if self._unauthenticated and self.limits is not None:
            self._unauthenticated = False
            self.limits.loggedIn(self._source)

    def countRefusal(self) -> None:
        """
        A login was refused.
        """
        self.failures += 1
        if self.limits is not None:
            self.limits.refused(self._source)
            if self.failures == self.failuresPerConnection:
                self.limits.reached(FAILURES_OF_CONNECTION, self._source)

    def timeoutConnection(self) -> None:
        """
        The client was silent for too long, or has not logged in in time.
        """
        if self._unauthenticated and self.limits is not None:
            self.limits.reached(LOGIN_SECONDS, self._source)
        super().timeoutConnection()

    def mayTry(self, tag: bytes) -> bool:
        """
        Called before every login. A client that tries too often is sent away.
        """
        if self.limits is None or not self.limits.isBlocked(self._source):
            return True
        self.sendNegativeResponse(tag, b"[UNAVAILABLE] Not now")
        self.dismiss(TOO_OFTEN)
        return False

    def dismiss(self, text: bytes) -> None:
        """
        End the connection, and say why.
        """
        self.paused = True
        self.state = "timeout"
        self.sendUntaggedResponse(b"BYE " + text)
        self.transport.loseConnection()
