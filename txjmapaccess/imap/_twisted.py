# -*- test-case-name: tests.test_server -*-
"""
What our mixins rely on in L{twisted.mail.imap4.IMAP4Server}, which has no type annotations, in one
place. At run time the base of a mixin is L{object}, so that it works with any server class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.mail.imap4 import IMAP4Server
from twisted.python.failure import Failure

__all__ = ["AnyCommands", "ServerBase"]

if TYPE_CHECKING:

    class ServerBase(IMAP4Server):
        """
        The attributes and methods of L{twisted.mail.imap4.IMAP4Server} and its bases that we use or
        override, with types. To a type checker it is a subclass, so that a mixin and a foreign
        server class can be the bases of one class.
        """

        account: Any
        mbox: Any
        parseState: str
        paused: bool
        startedTLS: bool
        state: str
        timeOut: Any
        transport: Any
        _buffer: bytes
        _busyReceiving: bool
        _pendingLiteral: Any

        def callLater(self, period: float, func: Callable[[], object]) -> Any: ...
        def capabilities(self) -> dict[bytes, Any]: ...
        def clearLineBuffer(self) -> bytes: ...
        def connectionLost(self, reason: Failure = ...) -> None: ...
        def connectionMade(self) -> None: ...
        def dataReceived(self, data: bytes) -> None: ...
        def dispatchCommand(
            self, tag: bytes, cmd: bytes, rest: bytes | None, uid: int | None = None
        ) -> None: ...
        def do_STARTTLS(self, tag: bytes) -> None: ...
        def flagsChanged(self, newFlags: Any) -> None: ...
        def listCapabilities(self) -> list[bytes]: ...
        def lookupCommand(self, cmd: bytes) -> tuple[Any, ...] | None: ...
        def newMessages(self, exists: int | None, recent: int | None) -> None: ...
        def parse_command(self, line: bytes) -> None: ...
        def parse_pending(self, line: bytes) -> None: ...
        def resetTimeout(self) -> None: ...
        def sendBadResponse(self, tag: bytes | None = None, message: bytes = b"") -> None: ...
        def sendLine(self, line: bytes) -> None: ...
        def sendNegativeResponse(self, tag: bytes | None = None, message: bytes = b"") -> None: ...
        def sendPositiveResponse(self, tag: bytes | None = None, message: bytes = b"") -> None: ...
        def sendUntaggedResponse(self, message: bytes, isAsync: Any = None) -> None: ...
        def setRawMode(self) -> None: ...
        def setTimeout(self, period: float | None) -> float | None: ...
        def timeoutConnection(self) -> None: ...
        def _respond(self, state: bytes, tag: bytes | None, message: Any) -> None: ...

else:
    ServerBase = object


class AnyCommands:
    """
    For type checkers only: the commands that we replace. Those of a foreign server class may have
    any signature, because each is called with the results of its own parsers.
    """

    auth_CAPABILITY: Any
    do_APPEND: Any
    do_AUTHENTICATE: Any
    do_CAPABILITY: Any
    do_CHECK: Any
    do_CLOSE: Any
    do_COPY: Any
    do_CREATE: Any
    do_DELETE: Any
    do_EXPUNGE: Any
    do_FETCH: Any
    do_IDLE: Any
    do_LOGIN: Any
    do_NAMESPACE: Any
    do_NOOP: Any
    do_RENAME: Any
    do_SEARCH: Any
    do_STARTTLS: Any
    do_STATUS: Any
    do_STORE: Any
    do_SUBSCRIBE: Any
    do_UNSUBSCRIBE: Any
    logout_CAPABILITY: Any
    select_CAPABILITY: Any
    unauth_AUTHENTICATE: Any
    unauth_CAPABILITY: Any
    unauth_LOGIN: Any
    unauth_STARTTLS: Any
