# -*- test-case-name: tests.ldap.test_protocol -*-
"""
One LDAP connection: bind, search, StartTLS.

Rules:
  - During a bind nothing else may be sent (RFC 4511, section 4.2.1). The caller is responsible.
  - After L{LDAPConnection.startTLS} nothing else is sent unencrypted, and nothing received
    unencrypted is trusted (section 4.14.2).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from txjmapaccess.ldap import codec
from txjmapaccess.ldap.codec import Entry, Result, SearchRequest
from txjmapaccess.ldap.deadlines import Deadlines
from txjmapaccess.ldap.errors import ConnectionBroken, DeadlineExceeded, ProtocolViolation
from txjmapaccess.ldap.messageprotocol import MessageProtocol

SearchResult = tuple[Result, list[Entry]]


@implementer(IHandshakeListener)
class LDAPConnection(MessageProtocol):
    """
    See the module. Every deadline is a time of the clock, in seconds.
    """

    def __init__(self, clock: IReactorTime, deadlines: Deadlines) -> None:
        super().__init__(clock, deadlines)
        self._handshake: Deferred[None] | None = None

    @property
    def isWaiting(self) -> bool:
        """
        Whether a request, or the TLS handshake, waits for its response.
        """
        return super().isWaiting or (self._end is None and self._handshake is not None)

    def bind(self, dn: bytes, password: bytes, deadline: float) -> Deferred[Result]:
        """
        A simple bind.

        @return: a Deferred of the L{Result}, whatever its code. It fails with a L{ServerFailed
            <txjmapaccess.ldap.errors.ServerFailed>} if there is no response.
        """
        messageID = self._nextID()
        return self._send(
            messageID,
            codec.bindRequest(messageID, dn, password),
            codec.BIND_RESPONSE,
            deadline,
        )

    def search(self, search: SearchRequest, deadline: float) -> Deferred[SearchResult]:
        """
        @return: a Deferred of the L{Result} and the entries that were found. Fails as L{bind} does.
        """
        messageID = self._nextID()
        return self._send(
            messageID,
            codec.searchRequest(messageID, search),
            codec.SEARCH_DONE,
            deadline,
            search.sizeLimit,
        )

    def startTLS(self, contextFactory: Any, deadline: float) -> Deferred[None]:
        """
        Request and negotiate TLS (RFC 4511, section 4.14).

        @return: a Deferred that fires when the server's certificate was verified. It fails as
            L{bind} does.
        """
        messageID = self._nextID()
        asked: Deferred[Result] = self._send(
            messageID, codec.startTLSRequest(messageID), codec.EXTENDED_RESPONSE, deadline
        )
        self.usable = False
        return asked.addCallback(self._mayStartTLS, contextFactory, deadline)

    def beginTLS(self, contextFactory: Any, deadline: float) -> Deferred[None]:
        """
        Negotiate TLS at once, for C{ldaps}.

        @return: see L{startTLS}.
        """
        self.usable = False
        done: Deferred[None] = Deferred(self._handshakeCancelled)
        self._handshake = done
        late = self._deadlines.add(deadline, self._lateHandshake)

        def settled(outcome: Any) -> Any:
            late.cancel()
            return outcome

        self.transport.startTLS(contextFactory)  # type: ignore[union-attr]
        return done.addBoth(settled)

    def _mayStartTLS(self, result: Result, contextFactory: Any, deadline: float) -> Deferred[None]:
        if result.code != 0:
            reason = ConnectionBroken(f"StartTLS was refused with result {result.code}")
            self.abort(reason)
            raise reason
        if self._buffer:
            # Anyone on the network can have sent it.
            violation = ProtocolViolation(
                "the server sent unencrypted data after the StartTLS response"
            )
            self.abort(violation)
            raise violation
        return self.beginTLS(contextFactory, deadline)

    def _handshakeCancelled(self, _: Deferred[None]) -> None:
        # Before the connection is lost, which would fire it.
        self._handshake = None
        self.abort(ConnectionBroken("not wanted"))

    def _lateHandshake(self) -> None:
        self.abort(DeadlineExceeded("TLS was not negotiated in time"))

    def handshakeCompleted(self) -> None:
        """
        The certificate is valid: requests can be sent (L{IHandshakeListener}).
        """
        if getattr(getattr(self.transport, "protocol", None), "disconnecting", False):
            # Some versions of Twisted call this even after they refused the certificate for its
            # name, just before they close the connection.
            return
        self.usable = self._end is None
        handshake, self._handshake = self._handshake, None
        if handshake is not None:
            handshake.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection has ended: everything that waits fails.
        """
        super().connectionLost(reason)
        handshake, self._handshake = self._handshake, None
        if handshake is not None:
            handshake.errback(self._end or reason)
