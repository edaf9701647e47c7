# -*- test-case-name: tests.imap.test_serializer -*-
"""
BYE is the last that a client hears (RFC 3501, section 7.1.5), and then the connection ends, whether
the client closes it or not.
"""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall

from txjmapaccess.imap._twisted import ServerBase

#: Seconds from a BYE to the end of a connection that the client does not close.
_AFTER_BYE = 5


class Bye(ServerBase):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.
    """

    _ended = False
    _hasSaidBye = False
    _hangUp: IDelayedCall | None = None

    def sendLine(self, line: bytes) -> None:
        """
        Send a line. A BYE is the last that a client hears, even when it does not hang up.
        """
        super().sendLine(line)
        if line.startswith(b"* BYE ") and not (self._hasSaidBye or self._ended):
            self._hasSaidBye = True
            # TLS goes on reading until the client has hung up as well.
            self.paused = True
            # A timer of its own: to move one to an earlier time, the reactor searches all.
            self._hangUp = self.callLater(_AFTER_BYE, self._abort)

    def resetTimeout(self) -> None:
        """
        A client that has not logged in gains no time by talking, nor one that has heard BYE.
        """
        if self.state != "unauth" and not self._hasSaidBye:
            super().resetTimeout()

    def timeoutConnection(self) -> None:
        """
        End a connection whose time is over, at once if it was told so already.
        """
        self.paused = True
        if not self._hasSaidBye:
            super().timeoutConnection()

    def _abort(self) -> None:
        self._hangUp = None
        self.transport.abortConnection()

    def cancelHangUp(self) -> None:
        """
        The connection has ended.
        """
        if self._hangUp is not None:
            self._hangUp.cancel()
            self._hangUp = None
