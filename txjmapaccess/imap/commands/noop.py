# -*- test-case-name: tests.imap.test_updates -*-
"""
What a client is told about its mailbox without having asked (RFC 3501, sections 5.2, 5.5 and 7),
and the commands with which it gives occasion for that: NOOP, CHECK, IDLE (RFC 2177).

An EXPUNGE changes the numbers of messages. So it must not come while no command is running, nor
with the answer to FETCH, STORE or SEARCH (section 7.4.1), whose numbers would be doubtful: it
waits, and everything that comes after it waits with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.mail.imap4 import IMAP4Server
from twisted.python.failure import Failure

from txjmapaccess.coroutines import settled
from txjmapaccess.imap.commands.select import SelectCommands
from txjmapaccess.imap.dispatch import REPLACED
from txjmapaccess.interfaces import IPollableMailbox

_NUMBERED = (b"FETCH", b"STORE", b"SEARCH")


class Updates(SelectCommands):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.

    @ivar idlePollSeconds: the time between two looks at a mailbox during IDLE, when it is one
        that must be looked at (L{IPollableMailbox}).
    """

    _log = Logger()

    idlePollSeconds: float = 5

    existsTold = 0

    _unpollable: Any = None
    _idleLine: bytes | None = None
    _idleWake: Deferred[None] | None = None

    # What listeners are told

    def messagesExpunged(self, sequences: Iterable[int]) -> None:
        """
        See L{IPollableMailbox.poll}.
        """
        lines = tuple(b"%d EXPUNGE" % sequence for sequence in sequences)
        if self._running is None or self._command in _NUMBERED or self._unsent:
            self._unsent += lines
        else:
            for line in lines:
                super().sendUntaggedResponse(line)

    def sendUntaggedResponse(self, message: bytes, isAsync: Any = None, **kwargs: Any) -> None:
        """
        Send an untagged response. What listeners are told (C{isAsync}) stays in order.
        """
        if isAsync and message[:1] == b"[":
            # Twisted sends the response code of modeChanged alone, which is no response.
            message = b"OK " + message + b" The mode has changed"
        self.existsTold += message.endswith(b" EXISTS")
        if isAsync and self._unsent:
            self._unsent += (message,)
        elif kwargs:  # The older name of isAsync in older versions of Twisted.
            super().sendUntaggedResponse(message, isAsync, **kwargs)
        else:
            super().sendUntaggedResponse(message, isAsync)

    def sayUnsaid(self, tag: bytes | None) -> None:
        """
        Say what a client must hear before a command ends, unless it would doubt the numbers.
        """
        if tag == self._running and self._command not in _NUMBERED:
            lines, self._unsent = self._unsent, ()
            for line in lines:
                super().sendUntaggedResponse(line)

    async def leaveMailbox(self) -> None:
        """
        Leave the selected mailbox. What is still unsaid about it stays so.
        """
        self._unsent = ()
        await super().leaveMailbox()

    # NOOP and CHECK

    async def pollMailbox(self) -> None:
        """
        Let the selected mailbox look whether others have changed it.
        """
        pollable = None if self.mbox is None else IPollableMailbox(self.mbox, None)
        if pollable is not None and self._unpollable is not self.mbox:
            try:
                await settled(pollable.poll)
            except Exception:
                # Deleted by another session, perhaps. Once is enough.
                self._unpollable = self.mbox
                self._log.failure(
                    "A mailbox could not be looked at: {name}", name=self.selectedName
                )

    def do_NOOP(self, tag: bytes) -> Deferred[None]:
        """
        NOOP (RFC 3501, section 6.1.2).
        """
        return self.carryOut(tag, self._noop(tag))

    async def _noop(self, tag: bytes) -> None:
        await self.pollMailbox()
        self.sendPositiveResponse(tag, b"NOOP No operation performed")

    def do_CHECK(self, tag: bytes) -> Deferred[None]:
        """
        CHECK (RFC 3501, section 6.4.1). A server may override C{checkpoint}.
        """
        return self.carryOut(tag, self._check(tag))

    async def _check(self, tag: bytes) -> None:
        await self.ask(self.checkpoint)
        await self.pollMailbox()
        self.sendPositiveResponse(tag, b"CHECK completed")

    # IDLE

    def do_IDLE(self, tag: bytes) -> Deferred[None] | None:
        """
        IDLE (RFC 2177). It ends with DONE; with any other line it ends too, but badly, and that
        line is not carried out.
        """
        if not self.isTwisteds("parse_idle"):
            super().do_IDLE(tag)
            return None
        self._idleLine = None
        return self.carryOut(tag, self._idle(tag))

    async def _idle(self, tag: bytes) -> None:
        self.parseState = "idling"
        self.sendContinuationRequest(b"Idling")
        while self._isIdle():
            await self.pollMailbox()
            if self._isIdle():
                await self._waitIdle()
        if self._idleLine == b"DONE":
            self.sendPositiveResponse(tag, b"IDLE terminated")
        elif self._idleLine is not None:
            self.sendBadResponse(tag, b"Expected DONE")

    def _isIdle(self) -> bool:
        return self._idleLine is None and not self._ended

    async def _waitIdle(self) -> None:
        wake = self._idleWake = Deferred()
        timer = None
        if self.mbox is not None and IPollableMailbox(self.mbox, None) is not None:
            timer = self.callLater(self.idlePollSeconds, lambda: wake.callback(None))
        await wake
        self._idleWake = None
        if timer is not None and timer.active():
            timer.cancel()

    def parse_idling(self, line: bytes) -> None:
        """
        Take the line that ends IDLE.
        """
        self.parseState = "command"
        self.paused = True
        self._noteLiteral(line)
        self._idleLine = line.upper()
        self._wakeUp()

    def _wakeUp(self) -> None:
        wake, self._idleWake = self._idleWake, None
        if wake is not None:
            wake.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Nobody is idle any more.
        """
        super().connectionLost(reason)
        self._wakeUp()


REPLACED.update(
    {
        IMAP4Server.do_NOOP: Updates.do_NOOP,
        IMAP4Server.do_CHECK: Updates.do_CHECK,
        IMAP4Server.do_IDLE: Updates.do_IDLE,
    }
)
