# -*- test-case-name: tests.test_server -*-
"""
From a command line to its handler: arguments are parsed, the handler is called, and any error
becomes one tagged response without details.

Commands are looked up in class-level tuples, C{state_NAME = (handler, argument parsers...)}. Where
a tuple contains one of Twisted's own functions, ours is used instead (L{REPLACED}); what another
server put there stays.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import lru_cache, wraps
from typing import Any, ParamSpec, cast

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.mail.imap4 import (
    IllegalClientResponse,
    IllegalMailboxEncoding,
    IllegalOperation,
    IMAP4Server,
)
from twisted.python.failure import Failure

from txjmapaccess.imap import arguments
from txjmapaccess.imap.grammar import SyntaxProblem
from txjmapaccess.imap.mixinattributes import MixinAttributes
from txjmapaccess.imap.serializer import CommandSerializer
from txjmapaccess.imap.writeobserver import WriteObserver
from txjmapaccess.pacing import ClientGone

_log = Logger()
_P = ParamSpec("_P")

_OURS = ("twisted.mail.", "txjmapaccess.")

#: Twisted's functions, or whole tuples of them, and their replacements.
REPLACED: dict[object, object] = {
    IMAP4Server.arg_astring: arguments.astring,
    IMAP4Server.arg_finalastring: arguments.astring,
    IMAP4Server.arg_literal: arguments.message,
}

#: Commands that Twisted does not have, by state and name: the capability that announces them, and
#: the tuple. A server's own command of that name stays.
ADDED: dict[tuple[str, bytes], tuple[bytes, tuple[Any, ...]]] = {}

_replacedTuples: dict[tuple[Any, ...], tuple[Any, ...]] = {}


class CommandRefused(Exception):
    """
    What a handler or an argument parser raises to answer with NO.

    @ivar args: the response text, L{bytes}, with its response code; nothing secret is in it.
    """


def command(
    replaced: object = None,
) -> Callable[[Callable[_P, Coroutine[Any, Any, None]]], Callable[_P, Deferred[None]]]:
    """
    Make a handler of a coroutine function. Its failure is answered by the dispatch.

    @param replaced: the function of Twisted's that it replaces.
    """

    def made(handler: Callable[_P, Coroutine[Any, Any, None]]) -> Callable[_P, Deferred[None]]:
        @wraps(handler)
        def run(*args: _P.args, **kwargs: _P.kwargs) -> Deferred[None]:
            running = Deferred.fromCoroutine(handler(*args, **kwargs))
            return running.addErrback(lambda failure: failure.trap(ClientGone) and None)

        if replaced is not None:
            REPLACED[replaced] = run
        return run

    return made


def _replaced(command: tuple[Any, ...]) -> tuple[Any, ...]:
    replaced = _replacedTuples.get(command)
    if replaced is None:
        parts = cast(tuple[Any, ...], REPLACED.get(command, command))
        replaced = _replacedTuples[command] = tuple(
            REPLACED.get(part, part) if callable(part) else part for part in parts
        )
    return replaced


@lru_cache(1024)
def _isForeign(handler: Callable[..., Any]) -> bool:
    return not (getattr(handler, "__module__", None) or "").startswith(_OURS)


class CommandDispatch(CommandSerializer, MixinAttributes):
    """
    See the module. A mixin for L{twisted.mail.imap4.IMAP4Server} or a subclass.
    """

    def lookupCommand(self, cmd: bytes) -> tuple[Any, ...] | None:
        """
        @return: the handler of C{cmd} in the present state, and its argument parsers.
        """
        command = super().lookupCommand(cmd)
        if command is not None:
            return _replaced(command)
        capability, command = ADDED.get((self.state, cmd.upper()), (b"", None))
        return command if capability in self._jmaSettings.offered else None

    def _IMAP4Server__doCommand(
        self,
        tag: bytes,
        handler: Callable[..., Any],
        args: list[Any],
        parsers: tuple[Any, ...],
        line: bytes | None,
        uid: int | None,
    ) -> None:
        # Twisted's dispatchCommand comes here, even when a server overrides it: the one place where
        # a command's arguments are parsed, its handler is called, and its errors are seen.
        try:
            for done, parser in enumerate(parsers, 1):
                if not callable(parser):
                    args.append(parser)
                    continue
                parsed = parser(self, line or b"")
                if isinstance(parsed, Deferred):
                    parsed.addCallback(self._jmaGoOn, tag, handler, args, parsers[done:], uid)
                    parsed.addErrback(self._jmaCommandFailed, tag)
                    return
                value, line = parsed
                args.append(value)
            if line:
                raise SyntaxProblem("Too many arguments")
            if _isForeign(handler):
                # Until the command ends, look for its tagged response in what is written.
                self._jmaWatch = WriteObserver(self.transport, self._jmaWasWritten)
            result = handler(*args) if uid is None else handler(*args, uid=uid)
            if isinstance(result, Deferred):
                result.addErrback(self._jmaCommandFailed, tag)
        except Exception:
            self._jmaCommandFailed(Failure(), tag)

    def _jmaGoOn(
        self,
        parsed: arguments.Parsed,
        tag: bytes,
        handler: Callable[..., Any],
        args: list[Any],
        parsers: tuple[Any, ...],
        uid: int | None,
    ) -> None:
        value, line = parsed
        args.append(value)
        self._IMAP4Server__doCommand(tag, handler, args, parsers, line, uid)

    def _jmaCommandFailed(self, failure: Failure, tag: bytes) -> None:
        """
        Answer a command that failed, unless it has its answer. The exception is not shown, except
        for our own fixed sentences.
        """
        if failure.check(SyntaxProblem):
            respond, text = self.sendBadResponse, str(failure.value).encode("ascii")
        elif failure.check(IllegalClientResponse):
            respond, text = self.sendBadResponse, b"Illegal syntax"
        elif failure.check(CommandRefused):
            respond, text = self.sendNegativeResponse, cast(Any, failure.value).args[0]
        elif failure.check(IllegalOperation):
            respond, text = self.sendNegativeResponse, b"Illegal operation"
        elif failure.check(IllegalMailboxEncoding):
            respond, text = self.sendNegativeResponse, b"[CANNOT] Illegal mailbox name"
        else:
            _log.failure("A command failed", failure=failure)
            respond, text = self.sendNegativeResponse, b"[SERVERBUG] Internal error"
        if self._jmaRunning == tag and not self._jmaEnded:
            respond(tag, text)
