# -*- test-case-name: tests.imap.test_updates -*-
"""
IDLE (RFC 2177).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.imap.dispatch import command
from txjmapaccess.imap.selectedmailbox import isPollable, pollMailbox
from txjmapaccess.imap.storeaccess import isTwisteds

#: Seconds between two polls of a mailbox during IDLE.
POLL_SECONDS = 5


@command(IMAP4Server.do_IDLE)
async def idle(connection: Any, tag: bytes) -> None:
    """
    IDLE. It ends with DONE. Any other line ends it too, with BAD, and is not carried out.
    """
    if not isTwisteds(connection, "parse_idle"):
        connection._jmaSuper("do_IDLE")(tag)
        return
    connection._jmaIdle = Idle(connection)
    await connection._jmaIdle.run(tag)


class Idle:
    """
    An IDLE that goes on until the client ends it.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._line: bytes | None = None
        self._waiting: Deferred[None] | None = None

    async def run(self, tag: bytes) -> None:
        """
        Poll the mailbox until the client sends a line, or is gone.
        """
        connection = self._connection
        connection._jmaNextLine().addCallback(self._received)
        connection.sendContinuationRequest(b"Idling")
        while self._isIdle():
            await pollMailbox(connection)
            if self._isIdle():
                await self._wait()
        connection._jmaIdle = None
        if self._line == b"DONE":
            connection.sendPositiveResponse(tag, b"IDLE terminated")
        elif self._line is not None:
            connection.sendBadResponse(tag, b"Expected DONE")

    def _isIdle(self) -> bool:
        return self._line is None and not self._connection._jmaEnded

    def _received(self, line: bytes) -> None:
        self._connection._jmaNoteLiteral(line)
        self._line = line.upper()
        self.wake()

    async def _wait(self) -> None:
        self._waiting = Deferred()
        timer = None
        if isPollable(self._connection.mbox):
            timer = self._connection.callLater(POLL_SECONDS, self.wake)
        await self._waiting
        if timer is not None and timer.active():
            timer.cancel()

    def wake(self) -> None:
        """
        Look again whether it goes on.
        """
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)
