# -*- test-case-name: tests.ldap.test_protocol -*-
"""
The outstanding requests of a connection, and how responses are matched to them. No I/O.

A response belongs to the request with its message ID, and must have a type that fits the request.
Anything else is a L{ProtocolViolation}, except for responses to abandoned searches and unsolicited
notifications.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txjmapaccess.ldap import codec
from txjmapaccess.ldap.codec import Entry, Result
from txjmapaccess.ldap.deadlines import Deadline
from txjmapaccess.ldap.errors import ConnectionBroken, ProtocolViolation

#: The largest message ID (RFC 4511, section 4.1.1.1), with some left to abandon and to unbind.
LAST_MESSAGE_ID = 2**31 - 8
#: Abandoned searches whose responses are still recognized.
_REMEMBERED_ABANDONED = 1024


class OutstandingRequest:
    """
    A request that waits for its response.

    @ivar final: the tag of the message that completes it.
    @ivar deferred: fires with the L{Result}, or with it and the entries of a search.
    @ivar limit: most entries of a search; L{None} for other operations.
    @ivar entries: those found so far.
    @ivar deadline: cancelled when the response is complete.
    """

    __slots__ = ("deadline", "deferred", "entries", "final", "limit")

    deadline: Deadline

    def __init__(self, final: int, deferred: Deferred[Any], limit: int | None) -> None:
        self.final = final
        self.deferred = deferred
        self.limit = limit
        self.entries: list[Entry] = []

    @property
    def isSearch(self) -> bool:
        """
        Whether it can be abandoned (RFC 4511, section 4.11).
        """
        return self.limit is not None

    def found(self, entry: Entry) -> None:
        """
        @raise ProtocolViolation: for more entries than requested.
        """
        if self.limit is None or len(self.entries) >= self.limit:
            raise ProtocolViolation("the server sent more entries than requested")
        self.entries.append(entry)

    def done(self, result: Any) -> None:
        """
        The last message of the response arrived.
        """
        self.deadline.cancel()
        self.deferred.callback(result if self.limit is None else (result, self.entries))

    def failed(self, reason: Exception) -> None:
        """
        There will be no response. Does nothing if the request was cancelled.
        """
        self.deadline.cancel()
        if not self.deferred.called:
            self.deferred.errback(Failure(reason))


class OutstandingRequests:
    """
    See the module.
    """

    def __init__(self) -> None:
        self._requests: dict[int, OutstandingRequest] = {}
        self._abandoned: deque[int] = deque(maxlen=_REMEMBERED_ABANDONED)

    def __len__(self) -> int:
        return len(self._requests)

    def add(self, messageID: int, request: OutstandingRequest) -> None:
        """
        A request is about to be sent.
        """
        self._requests[messageID] = request

    def forget(self, messageID: int) -> OutstandingRequest | None:
        """
        Remove a request. Later responses to it are dropped, if it is a search.

        @return: the request, or L{None} if it is complete.
        """
        request = self._requests.pop(messageID, None)
        if request is not None:
            request.deadline.cancel()
            if request.isSearch:
                self._abandoned.append(messageID)
        return request

    def answered(self, messageID: int, tag: int, answer: Result | Entry | None) -> None:
        """
        Match a response to its request.

        @raise ProtocolViolation: if there is none.
        @raise ConnectionBroken: for a notice of disconnection.
        """
        request = self._requests.get(messageID)
        if request is None:
            self._unmatched(messageID, tag, answer)
        elif tag == request.final:
            del self._requests[messageID]
            request.done(answer)
        elif not request.isSearch or tag not in (codec.SEARCH_ENTRY, codec.SEARCH_REFERENCE):
            raise ProtocolViolation("a response does not match the type of its request")
        elif isinstance(answer, Entry):
            request.found(answer)

    def _unmatched(self, messageID: int, tag: int, answer: object) -> None:
        if messageID in self._abandoned:
            return
        if messageID != 0 or tag != codec.EXTENDED_RESPONSE or not isinstance(answer, Result):
            raise ProtocolViolation("a response belongs to no request")
        if answer.name == codec.NOTICE_OF_DISCONNECTION:
            raise ConnectionBroken(f"the server closed the connection with result {answer.code}")
        # Other notifications may be ignored (RFC 4511, section 4.4).

    def forgetAll(self) -> list[OutstandingRequest]:
        """
        There will be no more responses.

        @return: the incomplete requests; the caller calls L{OutstandingRequest.failed} on each.
        """
        requests, self._requests = self._requests, {}
        return list(requests.values())
