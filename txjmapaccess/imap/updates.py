# -*- test-case-name: tests.imap.test_updates -*-
"""
What the server sends about the selected mailbox unasked (RFC 3501, sections 5.2, 5.5 and 7).

An EXPUNGE changes the numbers of messages. It must not be sent while no command is running, nor
with the response to FETCH, STORE or SEARCH (section 7.4.1), whose numbers would be ambiguous: it
waits, and everything after it waits with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from txjmapaccess.imap.bye import Bye
from txjmapaccess.store.mailboxes import closeMailbox

_NUMBERED = (b"FETCH", b"STORE", b"SEARCH")


class Updates(Bye):
    """
    See the module. A mixin for L{twisted.mail.imap4.IMAP4Server}.

    @ivar _jmaRunning: the tag of the running command, or L{None}.
    @ivar _jmaCommand: its name in upper case.
    @ivar _jmaExamining: whether the selected mailbox was opened with EXAMINE.
    @ivar _jmaExistsSent: how many EXISTS responses were sent.
    @ivar _jmaUnsent: untagged responses that wait.
    @ivar _jmaSelectedName: the name with which the client selected a mailbox, or L{None}.
    @ivar _jmaUnpollable: a mailbox that could not be polled.
    @ivar _jmaIdle: the L{txjmapaccess.imap.commands.idle.Idle} that runs, or L{None}.
    @ivar _jmaIDsOf: the message that FETCH sends, and its identifiers.
    @ivar _jmaIdentifiers: see L{txjmapaccess.imap.objectidentifiers.identifiersOf}.
    """

    _jmaRunning: bytes | None = None
    _jmaCommand = b""
    _jmaExamining = False
    _jmaExistsSent = 0
    _jmaUnsent: tuple[bytes, ...] = ()
    _jmaSelectedName: str | None = None
    _jmaUnpollable: Any = None
    _jmaIdle: Any = None
    _jmaIDsOf: Any = None
    _jmaIdentifiers: Any = None

    def messagesExpunged(self, sequences: Iterable[int]) -> None:
        """
        See L{txjmapaccess.interfaces.IPollableMailbox.poll}.
        """
        lines = tuple(b"%d EXPUNGE" % sequence for sequence in sequences)
        if self._jmaRunning is None or self._jmaCommand in _NUMBERED or self._jmaUnsent:
            self._jmaUnsent += lines
        else:
            for line in lines:
                super().sendUntaggedResponse(line)

    def sendUntaggedResponse(self, message: bytes, isAsync: Any = None, **kwargs: Any) -> None:
        """
        Send an untagged response. Those of a mailbox's listener (C{isAsync}) stay in order.
        """
        if isAsync and message[:1] == b"[":
            # Twisted sends the response code of modeChanged alone, which is no response.
            message = b"OK " + message + b" The mode has changed"
        self._jmaExistsSent += message.endswith(b" EXISTS")
        if isAsync and self._jmaUnsent:
            self._jmaUnsent += (message,)
        elif kwargs:  # The older name of isAsync in older versions of Twisted.
            super().sendUntaggedResponse(message, isAsync, **kwargs)
        else:
            super().sendUntaggedResponse(message, isAsync)

    def _respond(self, state: bytes, tag: bytes | None, message: Any) -> None:
        if self._jmaUnsent and tag == self._jmaRunning and self._jmaCommand not in _NUMBERED:
            lines, self._jmaUnsent = self._jmaUnsent, ()
            for line in lines:
                super().sendUntaggedResponse(line)
        if self._jmaExamining and tag is not None and message[:12] == b"[READ-WRITE]":
            # EXAMINE opens a mailbox read-only, whatever the mailbox says about itself.
            message = b"[READ-ONLY]" + message[12:]
        super()._respond(state, tag, message)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Twisted closes a mailbox when a client is silent for too long, but not when it is gone.
        """
        if self.mbox is not None:
            Deferred.fromCoroutine(closeMailbox(self.mbox, self))
        super().connectionLost(reason)
        if self._jmaIdle is not None:
            self._jmaIdle.wake()
