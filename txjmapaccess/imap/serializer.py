# -*- test-case-name: tests.imap.test_serializer -*-
"""
One command at a time (RFC 3501, section 5.5).

Twisted answers commands after an asynchronous LOGIN or SELECT with BAD, lets two logins run at the
same time, and with literals after a FETCH runs mail text as commands. L{CommandSerializer} starts a
command only when the previous one has ended:

  - A command I{ends} with its tagged response. The return value of its handler does not matter:
    Twisted's own return L{None} while they wait. A foreign handler may write the response directly
    to the transport, so its C{write} is watched meanwhile.
  - The next command I{starts} after the handler has returned, never from inside the tagged
    response: Twisted sets C{state} and C{mbox} after it.
  - Meanwhile lines stay in the buffer of L{twisted.protocols.basic.LineReceiver}, which is
    C{paused}. The transport is paused only when the buffer is large: a paused transport does not
    notice that the client is gone.
  - After some commands other connections have a turn; a client that does not read its responses
    must read them first.
  - A I{continuation request} lets in what the command waits for.
  - A non-synchronizing literal (RFC 7888) of a refused or unknown command is read and discarded.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from txjmapaccess.imap.backpressure import Backpressure, backpressureOf
from txjmapaccess.imap.grammar import SyntaxProblem, announcedLiteral, commandName, tagOf
from txjmapaccess.imap.literals import DiscardedLiteral
from txjmapaccess.imap.updates import Updates
from txjmapaccess.imap.writeobserver import WriteObserver, endsCommand

#: Octets that may wait for a running command before the transport is paused.
_HIGH_WATER = 64 * 1024
#: Commands of one client that run before others have a turn, or before we check that it reads.
_COMMANDS_IN_A_TURN = 32
#: Octets of an unwanted literal that are read and discarded; a larger one ends the connection.
_MOST_THROWN_AWAY = 64 * 1024 * 1024


class CommandSerializer(Updates):
    """
    See the module. A mixin for L{twisted.mail.imap4.IMAP4Server} or a subclass.

    @cvar MAX_LENGTH: the longest line that is read at all, in octets: a token of 48 KiB as
        AUTHENTICATE carries it, in base64 of base64.
    @cvar _jmaMaxCommandLine: the longest line of any other command, in octets.
    """

    MAX_LENGTH = 96 * 1024
    _jmaMaxCommandLine = 16 * 1024

    _jmaLine: Deferred[bytes] | None = None
    _jmaAnnounced: int | None = None
    _jmaInTurn = 0
    _jmaAnswered = 0
    _jmaBacklog: Backpressure | None = None
    _jmaStalled = False
    _jmaNextCommand: IDelayedCall | None = None
    _jmaWatch: WriteObserver | None = None

    def dataReceived(self, data: bytes) -> None:
        """
        Pause the transport when too many octets wait for a running command.
        """
        if not self._busyReceiving:
            self._jmaInTurn = 0
        super().dataReceived(data)
        if self.paused and not self._jmaStalled and len(self._buffer) > _HIGH_WATER:
            self._jmaStalled = True
            self.transport.pauseProducing()

    def lineLengthExceeded(self, line: bytes) -> None:
        """
        The end of the command cannot be found: close the connection.
        """
        self.sendUntaggedResponse(b"BYE Line too long")
        self.transport.loseConnection()

    def parse_command(self, line: bytes) -> None:
        """
        Check the tag and the name of a command.
        """
        self._jmaNoteLiteral(line)
        try:
            name = commandName(line)
        except SyntaxProblem as e:
            self._jmaRefuseLine(tagOf(line), str(e).encode("ascii"))
            return
        if len(line) > self._jmaMaxCommandLine and name.upper() != b"AUTHENTICATE":
            self._jmaRefuseLine(tagOf(line), b"Line too long")
            return
        super().parse_command(line)

    def _jmaRefuseLine(self, tag: bytes | None, text: bytes) -> None:
        self._jmaAnswering()
        self.sendBadResponse(tag, text)
        self._jmaCommandEnded()

    def parse_pending(self, line: bytes) -> None:
        """
        Parse what follows a literal.
        """
        self.paused = True
        self._jmaNoteLiteral(line)
        received = getattr(self._pendingLiteral, "defer", None)
        if len(line) > self._jmaMaxCommandLine and received is not None:
            self.parseState = "command"
            self._pendingLiteral = None
            received.errback(SyntaxProblem("Line too long"))
            return
        super().parse_pending(line)

    def _jmaNextLine(self) -> Deferred[bytes]:
        """
        Let the running command have the next line, or what follows a discarded literal.
        """
        self.parseState = "jmaLine"
        self._jmaLine = Deferred()
        return self._jmaLine

    def parse_jmaLine(self, line: bytes) -> None:
        """
        Take a line that is not a command.
        """
        self.parseState = "command"
        self.paused = True
        waiting, self._jmaLine = self._jmaLine, None
        if waiting is not None:
            waiting.callback(line)

    def dispatchCommand(
        self, tag: bytes, cmd: bytes, rest: bytes | None, uid: int | None = None
    ) -> None:
        """
        Start a command. UID comes here twice, the second time with C{uid}.
        """
        if uid is None:
            self._jmaRunning = tag
            self.paused = True
        self._jmaCommand = cmd.upper()
        super().dispatchCommand(tag, cmd, rest, uid)

    def sendContinuationRequest(self, msg: bytes = b"Ready for additional command text") -> None:
        """
        Ask for more, and let it in.
        """
        # Twisted leaves the space out when there is no text (RFC 3501, section 7.5).
        self.sendLine(b"+ " + (msg or b""))
        self._jmaTakeInput()

    def _jmaTakeInput(self) -> None:
        """
        Let lines and literals in: the next command, or what the running one waits for.
        """
        if self._jmaEnded or self._jmaHasSaidBye or self.transport.disconnecting:
            return
        self.paused = False
        if self._jmaStalled:
            self._jmaStalled = False
            self.transport.resumeProducing()
        if not self._busyReceiving:
            self.dataReceived(b"")

    def _respond(self, state: bytes, tag: bytes | None, message: Any) -> None:
        if isinstance(message, str):
            # Some of Twisted's own handlers do this, and so may others.
            message = message.encode("ascii", "replace")
        if message and message[:1] == b"[" and message[-1:] == b"]":
            message += b" Ok"  # RFC 3501, section 9: resp-text is never empty.
        if tag is None or tag != self._jmaRunning:
            super()._respond(state, tag, message)
            return
        self._jmaAnswering()
        super()._respond(state, tag, message)
        if tag == self._jmaRunning:
            self._jmaCommandEnded()

    def _jmaAnswering(self) -> None:
        self._jmaAnswered += 1
        if self._jmaAnswered >= _COMMANDS_IN_A_TURN and not self._jmaHasSaidBye:
            self._jmaAnswered = 0
            self._jmaBacklog = backpressureOf(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See L{twisted.internet.interfaces.IProtocol.connectionLost}.
        """
        self._jmaEnded = True
        if self._jmaNextCommand is not None:
            self._jmaNextCommand.cancel()
            self._jmaNextCommand = None
        self.setTimeout(None)
        self._jmaUnwatchTransport()
        super().connectionLost(reason)

    def _jmaWasWritten(self, data: bytes) -> None:
        if self._jmaRunning is not None and endsCommand(data, self._jmaRunning):
            self._jmaCommandEnded()

    def _jmaUnwatchTransport(self) -> None:
        watch, self._jmaWatch = self._jmaWatch, None
        if watch is not None:
            watch.stop()

    def _jmaCommandEnded(self) -> None:
        self._jmaRunning = None
        self._jmaUnwatchTransport()
        if self._jmaAnnounced is not None:
            self._jmaThrowAwayLiteral()
        if self._jmaHasSaidBye:
            return
        self._jmaInTurn += 1
        hasTurn = self._jmaInTurn < _COMMANDS_IN_A_TURN and self._jmaBacklog is None
        if self._busyReceiving and hasTurn:
            self.paused = False
        elif self._jmaNextCommand is None and not self._jmaEnded:
            self.paused = True
            self._jmaNextCommand = self.callLater(0, self._jmaNextTurn)

    def _jmaNextTurn(self) -> None:
        self._jmaNextCommand = None
        backlog, self._jmaBacklog = self._jmaBacklog, None
        if backlog is None:
            self._jmaTakeInput()
        else:
            backlog.sent().addCallback(lambda _: self._jmaTakeInput())

    def _jmaNoteLiteral(self, line: bytes) -> None:
        self._jmaAnnounced = announcedLiteral(line) if line.endswith(b"+}") else None

    def _jmaThrowAwayLiteral(self) -> None:
        size, self._jmaAnnounced = self._jmaAnnounced, None
        if size is None:
            return
        if size > _MOST_THROWN_AWAY:
            self.sendUntaggedResponse(b"BYE Literal too long")
            self.transport.loseConnection()
            return
        self._pendingLiteral = DiscardedLiteral(size)
        self._jmaNextLine().addCallback(self._jmaDiscarded)
        self.setRawMode()

    def _jmaDiscarded(self, line: bytes) -> None:
        self._jmaNoteLiteral(line)
        self._jmaCommandEnded()
