# -*- test-case-name: tests.imap.test_serializer -*-
"""
BYE is the last response (RFC 3501, section 7.1.5); then the connection ends, whether or not the
client closes it.
"""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from txjmapaccess.imap._twisted import ServerBase

#: Seconds from a BYE to the end of a connection that the client does not close.
_AFTER_BYE = 5


class Bye(ServerBase):
    """
    See the module. A mixin for L{twisted.mail.imap4.IMAP4Server} or a subclass.
    """

    _jmaEnded = False
    _jmaHasSaidBye = False
    _jmaHangUp: IDelayedCall | None = None
    _jmaMade = False

    def connectionMade(self) -> None:
        """
        See L{twisted.internet.interfaces.IProtocol.connectionMade}.
        """
        self._jmaMade = True
        super().connectionMade()

    def sendLine(self, line: bytes) -> None:
        """
        Send a line. After BYE the connection ends, even if the client does not hang up.
        """
        super().sendLine(line)
        if line.startswith(b"* BYE ") and not (self._jmaHasSaidBye or self._jmaEnded):
            self._jmaHasSaidBye = True
            # TLS goes on reading until the client has hung up as well.
            self.paused = True
            # A timer of its own: to move one to an earlier time, the reactor searches all.
            self._jmaHangUp = self.callLater(_AFTER_BYE, self._jmaAbort)

    def resetTimeout(self) -> None:
        """
        A client gains no time by sending before it has logged in, nor after BYE.
        """
        if self.state != "unauth" and not self._jmaHasSaidBye:
            super().resetTimeout()

    def timeoutConnection(self) -> None:
        """
        End a connection whose time is up, without a second BYE.
        """
        self.paused = True
        if not self._jmaHasSaidBye:
            super().timeoutConnection()

    def _jmaAbort(self) -> None:
        self._jmaHangUp = None
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See L{twisted.internet.interfaces.IProtocol.connectionLost}. A connection that was turned
        away without a greeting is not known further down.
        """
        if self._jmaHangUp is not None:
            self._jmaHangUp.cancel()
            self._jmaHangUp = None
        if self._jmaMade:
            super().connectionLost(reason)
