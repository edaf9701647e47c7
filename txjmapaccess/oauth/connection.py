# -*- test-case-name: tests.oauth.test_http -*-
"""
One connection to a provider, for one request at a time.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed, ConnectionDone
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from txjmapaccess.oauth.answer import Answer, AnswerReader, BrokenAnswer

if TYPE_CHECKING:
    from txjmapaccess.oauth.pool import ConnectionPool


class Unanswered(ConnectionClosed):
    """
    The connection was closed before anything of an answer came.
    """


class Connection(Protocol):
    """
    An HTTP/1.1 connection that is kept alive.

    @param pool: is told when it is open, free for the next request, and closed.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._reader = AnswerReader()
        self._asked: Deferred[Answer] | None = None
        self._hasWorked = False

    def ask(self, request: bytes) -> Deferred[Answer]:
        """
        @param request: the whole request.

        @return: a Deferred of the answer; cancelling it closes the connection. It fails with
            L{Unanswered}, L{BrokenAnswer}, or with the reason for which the connection was lost.
        """
        asked: Deferred[Answer] = Deferred(self._abandon)
        self._asked = asked
        self._transport.write(request)
        return asked

    def close(self) -> None:
        """
        Close it in order, which over TLS may take forever.
        """
        self._transport.loseConnection()

    def abort(self) -> None:
        """
        Close it now.
        """
        self._transport.abortConnection()

    @property
    def _transport(self) -> Any:
        return self.transport

    def _abandon(self, asked: Deferred[Answer]) -> None:
        # When the answer is there already, the connection may be used for something else.
        if self._asked is asked:
            self._asked = None
            self.abort()

    def connectionMade(self) -> None:
        """
        See L{Protocol}.
        """
        self._pool.opened(self)

    def dataReceived(self, data: bytes) -> None:
        """
        See L{Protocol}.
        """
        if self._asked is None:
            # Nobody has asked for that, or wants it any more.
            self.abort()
            return
        try:
            answer = self._reader.feed(data)
        except BrokenAnswer:
            self._end(Failure())
            self.abort()
        else:
            if answer is not None:
                self._answered(answer)

    def _answered(self, answer: Answer) -> None:
        asked, self._asked = self._asked, None
        self._hasWorked = True
        keepAlive = self._reader.keepAlive
        # Now, so that a connection that is idle holds nothing of what it was told.
        self._reader.expect()
        if keepAlive:
            self._pool.released(self)
        else:
            # All has been said. The other side may never let go.
            self.abort()
        assert asked is not None
        self._pool.pace.soon(partial(_tell, asked), answer)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See L{Protocol}.
        """
        self._pool.lost(self)
        if self._asked is None:
            return
        answer = self._reader.end() if reason.check(ConnectionDone) else None
        if answer is None and not self._reader.hasBegun and self._mayBeStale(reason):
            self._end(Failure(Unanswered()))
        else:
            self._end(reason if answer is None else answer)

    def _mayBeStale(self, reason: Failure) -> bool:
        # Once it has worked the certificate was good: what is said now is about the end. OpenSSL
        # makes an error of one without a farewell.
        return self._hasWorked or bool(reason.check(ConnectionClosed))

    def _end(self, result: Answer | Failure) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.callback(result)


def _tell(asked: Deferred[Answer], answer: Answer) -> None:
    # It may have been cancelled while it waited for its turn.
    if not asked.called:
        asked.callback(answer)
