# -*- test-case-name: tests.imap.test_serializer -*-
"""
One command at a time (RFC 3501, section 5.5).

Twisted answers commands behind an asynchronous LOGIN or SELECT with BAD, lets two logins be in
flight, and with literals behind a FETCH runs mail text as commands. L{CommandSerializer} lets a
command in only when the one before has ended:

  - A command I{ends} with its tagged line. What its handler returns says nothing: Twisted's own
    return L{None} while they wait. A handler that somebody else wrote may write that line
    straight to the transport, so while one runs, the transport's C{write} is watched.
  - The next command I{starts} after the handler has returned, never from inside the tagged
    response: Twisted sets C{state} and C{mbox} behind that line.
  - Meanwhile lines stay in the buffer of L{twisted.protocols.basic.LineReceiver}, which is
    C{paused}. The transport is stopped only when much has come in: one that is stopped does not
    notice that the client went away.
  - After some commands the other connections have a turn, however many a client has sent at once;
    a client that does not read the answers has to, first.
  - A I{continuation request} lets in what the command waits for.
  - A non-synchronizing literal (RFC 7888) that nobody asked for, because its command was refused
    or unknown, is read and thrown away.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from txjmapaccess.imap.backpressure import Backpressure, backpressureOf
from txjmapaccess.imap.bye import Bye
from txjmapaccess.imap.grammar import SyntaxProblem, announcedLiteral, commandName, tagOf
from txjmapaccess.imap.literals import DiscardedLiteral
from txjmapaccess.imap.writeobserver import WriteObserver, endsCommand

#: Octets that may wait behind a running command before the transport is stopped.
_HIGH_WATER = 64 * 1024
#: Commands of one client that are carried out before others have a turn, or answered before it is
#: seen whether it reads.
_COMMANDS_IN_A_TURN = 32
#: Octets of an unwanted literal that are read and thrown away; a larger one ends the connection.
_MOST_THROWN_AWAY = 64 * 1024 * 1024
_BRACKET = ord("[")


class CommandSerializer(Bye):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.

    @cvar MAX_LENGTH: the longest line that is read at all, in octets: a token of 48 KiB as
        AUTHENTICATE carries it, in base64 of base64.
    @cvar maxCommandLine: the longest line of any other command, in octets.
    """

    MAX_LENGTH = 96 * 1024
    maxCommandLine = 16 * 1024

    _running: bytes | None = None
    _command = b""
    _unsent: tuple[bytes, ...] = ()
    _announced: int | None = None
    _inTurn = 0
    _answered = 0
    _backlog: Backpressure | None = None
    _stalled = False
    _made = False
    _nextCommand: IDelayedCall | None = None
    _watch: WriteObserver | None = None

    def connectionMade(self) -> None:
        """
        See L{twisted.internet.interfaces.IProtocol.connectionMade}.
        """
        self._made = True
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:
        """
        Take octets in; stop the transport when too many wait behind a running command.
        """
        if not self._busyReceiving:
            self._inTurn = 0
        super().dataReceived(data)
        if self.paused and not self._stalled and len(self._buffer) > _HIGH_WATER:
            self._stalled = True
            self.transport.pauseProducing()

    def lineLengthExceeded(self, line: bytes) -> None:
        """
        There is no telling where a command ends in a line that does not.
        """
        self.sendUntaggedResponse(b"BYE Line too long")
        self.transport.loseConnection()

    def parse_command(self, line: bytes) -> None:
        """
        Take one command line, whose tag and name are checked before anything else sees them.
        """
        self._noteLiteral(line)
        try:
            name = commandName(line)
        except SyntaxProblem as e:
            self._refuseLine(tagOf(line), str(e).encode("ascii"))
            return
        if len(line) > self.maxCommandLine and name.upper() != b"AUTHENTICATE":
            self._refuseLine(tagOf(line), b"Line too long")
            return
        super().parse_command(line)

    def _refuseLine(self, tag: bytes | None, text: bytes) -> None:
        self._answering()
        self.sendBadResponse(tag, text)
        self._commandEnded()

    def parse_pending(self, line: bytes) -> None:
        """
        Take what follows a literal.
        """
        self.paused = True
        self._noteLiteral(line)
        received = getattr(self._pendingLiteral, "defer", None)
        if len(line) > self.maxCommandLine and received is not None:
            self.parseState = "command"
            self._pendingLiteral = None
            received.errback(SyntaxProblem("Line too long"))
            return
        super().parse_pending(line)

    def parse_discarded(self, line: bytes) -> None:
        """
        Throw away what follows a literal that was thrown away.
        """
        self.parseState = "command"
        self._noteLiteral(line)
        self._commandEnded()

    def dispatchCommand(
        self, tag: bytes, cmd: bytes, rest: bytes | None, uid: int | None = None
    ) -> None:
        """
        Start a command. UID comes here twice, the second time with C{uid}.
        """
        if uid is None:
            self._running = tag
            self.paused = True
        self._command = cmd.upper()
        super().dispatchCommand(tag, cmd, rest, uid)

    def sendContinuationRequest(self, msg: bytes = b"Ready for additional command text") -> None:
        """
        Ask for more, and let it in.
        """
        # Twisted leaves the space out when there is no text (RFC 3501, section 7.5).
        self.sendLine(b"+ " + (msg or b""))
        self.takeInput()

    def takeInput(self) -> None:
        """
        Let lines and literals in: the next command, or what the running one waits for.
        """
        if self._ended or self._hasSaidBye or self.transport.disconnecting:
            return
        self.paused = False
        if self._stalled:
            self._stalled = False
            self.transport.resumeProducing()
        if not self._busyReceiving:
            self.dataReceived(b"")

    def _respond(self, state: bytes, tag: bytes | None, message: Any) -> None:
        if self._unsent:
            self.sayUnsaid(tag)
        if isinstance(message, str):
            # Some of Twisted's own handlers do this, and so may others.
            message = message.encode("ascii", "replace")
        if message and message[0] == _BRACKET:
            message = self.readable(tag, message)
        if tag is not None and tag == self._running:
            self._answering()
        super()._respond(state, tag, message)
        if tag is not None and tag == self._running:
            self._commandEnded()

    def _answering(self) -> None:
        self._answered += 1
        if self._answered >= _COMMANDS_IN_A_TURN and not self._hasSaidBye:
            self._answered = 0
            self._backlog = backpressureOf(self.transport)

    def sayUnsaid(self, tag: bytes | None) -> None:
        """
        Called before a response, when something is unsaid that must come before it.
        """

    def readable(self, tag: bytes | None, message: bytes) -> bytes:
        """
        @param message: the text of a response, with a response code.

        @return: what is sent: there must be a text (RFC 3501, section 9: resp-text).
        """
        return message + b" Ok" if message[-1:] == b"]" else message

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Nothing that waits here runs any more.
        """
        self._ended = True
        if self._nextCommand is not None:
            self._nextCommand.cancel()
            self._nextCommand = None
        self.cancelHangUp()
        self.setTimeout(None)
        self._unwatchTransport()
        if self._made:
            super().connectionLost(reason)

    def watchTransport(self) -> None:
        """
        Until the running command ends, look for its tagged line in what is written.
        """
        self._watch = WriteObserver(self.transport, self._wasWritten)

    def _wasWritten(self, data: bytes) -> None:
        if self._running is not None and endsCommand(data, self._running):
            self._commandEnded()

    def _unwatchTransport(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()

    def _commandEnded(self) -> None:
        self._running = None
        self._unwatchTransport()
        if self._announced is not None:
            self._throwAwayLiteral()
        if self._hasSaidBye:
            return
        self._inTurn += 1
        if self._busyReceiving and self._inTurn < _COMMANDS_IN_A_TURN and self._backlog is None:
            self.paused = False
        elif self._nextCommand is None and not self._ended:
            self.paused = True
            self._nextCommand = self.callLater(0, self._nextTurn)

    def _nextTurn(self) -> None:
        self._nextCommand = None
        backlog, self._backlog = self._backlog, None
        if backlog is None:
            self.takeInput()
        else:
            backlog.sent().addCallback(lambda _: self.takeInput())

    def _noteLiteral(self, line: bytes) -> None:
        self._announced = announcedLiteral(line) if line.endswith(b"+}") else None

    def literalTaken(self) -> None:
        """
        The literal that the last line announced will be read as an argument.
        """
        self._announced = None

    def _throwAwayLiteral(self) -> None:
        size, self._announced = self._announced, None
        if size is None:
            return
        if size > _MOST_THROWN_AWAY:
            self.sendUntaggedResponse(b"BYE Literal too long")
            self.transport.loseConnection()
            return
        self._pendingLiteral = DiscardedLiteral(size)
        self.parseState = "discarded"
        self.setRawMode()
