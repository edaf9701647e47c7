# -*- test-case-name: tests.test_limits -*-
"""
Who may connect, and for how long without a login.
"""

from __future__ import annotations

import itertools

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from txjmapaccess.imap.dispatch import CommandDispatch
from txjmapaccess.limits import FAILURES_OF_CONNECTION, LOGIN_SECONDS, TOO_OFTEN

_connections = itertools.count(1)


class ConnectionLimits(CommandDispatch):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.

    @ivar _jmaNumber: of this connection, for the log: no other of this process has it.
    @ivar _jmaFailures: refused logins so far.
    """

    _jmaNumber = 0
    _jmaFailures = 0

    _source: str | None = None
    _counted = False
    _unauthenticated = False

    def connectionMade(self) -> None:
        """
        Greet the client, or send it away.
        """
        self._jmaNumber = next(_connections)
        if not self._jmaReadSettings():
            self.dismiss(b"[UNAVAILABLE] This server is not set up")
            return
        limits = self._jmaSettings.limits
        if limits is not None:
            self._source = limits.source(self.transport.getPeer())
            objection = limits.enter(self._source)
            if objection is not None:
                self.dismiss(objection)
                return
            self._counted = self._unauthenticated = True
        self.timeOut = self._jmaSettings.loginSeconds
        super().connectionMade()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Count it no more.
        """
        self.admitted()
        limits = self._jmaSettings.limits
        if self._counted and limits is not None:
            self._counted = False
            limits.leave()
        super().connectionLost(reason)

    def admitted(self) -> None:
        """
        The client has logged in, or has gone.
        """
        limits = self._jmaSettings.limits
        if self._unauthenticated and limits is not None:
            self._unauthenticated = False
            limits.loggedIn(self._source)

    def countRefusal(self) -> None:
        """
        A login was refused.
        """
        self._jmaFailures += 1
        limits = self._jmaSettings.limits
        if limits is not None:
            limits.refused(self._source)
            if self._jmaFailures == self._jmaSettings.failuresPerConnection:
                limits.reached(FAILURES_OF_CONNECTION, self._source)

    def timeoutConnection(self) -> None:
        """
        The client was silent for too long, or has not logged in in time.
        """
        limits = self._jmaSettings.limits
        if self._unauthenticated and limits is not None:
            limits.reached(LOGIN_SECONDS, self._source)
        super().timeoutConnection()

    def mayTry(self, tag: bytes) -> bool:
        """
        Called before every login. A client that tries too often is sent away.
        """
        limits = self._jmaSettings.limits
        if limits is None or not limits.isBlocked(self._source):
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
