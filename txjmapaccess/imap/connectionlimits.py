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
    See the module. A mixin for L{twisted.mail.imap4.IMAP4Server} or a subclass.

    @ivar _jmaNumber: the number of this connection in the log, unique in this process.
    @ivar _jmaFailures: refused logins so far.
    @ivar _jmaSource: the address that the limits count, or L{None}.
    """

    _jmaNumber = 0
    _jmaFailures = 0
    _jmaSource: str | None = None
    _jmaCounted = False
    _jmaUnauthenticated = False

    def connectionMade(self) -> None:
        """
        Greet the client, or turn it away.
        """
        self._jmaNumber = next(_connections)
        if not self._jmaReadSettings():
            self._jmaDismiss(b"[UNAVAILABLE] This server is not set up")
            return
        limits = self._jmaSettings.limits
        if limits is not None:
            self._jmaSource = limits.source(self.transport.getPeer())
            objection = limits.enter(self._jmaSource)
            if objection is not None:
                self._jmaDismiss(objection)
                return
            self._jmaCounted = self._jmaUnauthenticated = True
        self.timeOut = self._jmaSettings.loginSeconds
        super().connectionMade()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Release its place.
        """
        self._jmaAdmitted()
        limits = self._jmaSettings.limits
        if self._jmaCounted and limits is not None:
            self._jmaCounted = False
            limits.leave()
        super().connectionLost(reason)

    def timeoutConnection(self) -> None:
        """
        The client was silent for too long, or did not log in in time.
        """
        limits = self._jmaSettings.limits
        if self._jmaUnauthenticated and limits is not None:
            limits.reached(LOGIN_SECONDS, self._jmaSource)
        super().timeoutConnection()

    def _jmaAdmitted(self) -> None:
        """
        The client has logged in, or is gone.
        """
        limits = self._jmaSettings.limits
        if self._jmaUnauthenticated and limits is not None:
            self._jmaUnauthenticated = False
            limits.loggedIn(self._jmaSource)

    def _jmaCountRefusal(self) -> None:
        self._jmaFailures += 1
        limits = self._jmaSettings.limits
        if limits is not None:
            limits.refused(self._jmaSource)
            if self._jmaFailures == self._jmaSettings.failuresPerConnection:
                limits.reached(FAILURES_OF_CONNECTION, self._jmaSource)

    def _jmaMayTry(self, tag: bytes) -> bool:
        """
        @return: whether the client may try to log in. If not, it has had its answer.
        """
        limits = self._jmaSettings.limits
        if limits is None or not limits.isBlocked(self._jmaSource):
            return True
        self.sendNegativeResponse(tag, b"[UNAVAILABLE] Not now")
        self._jmaDismiss(TOO_OFTEN)
        return False

    def _jmaDismiss(self, text: bytes) -> None:
        """
        Say BYE and close the connection.
        """
        self.paused = True
        self.state = "timeout"
        self.sendUntaggedResponse(b"BYE " + text)
        self.transport.loseConnection()
