# -*- test-case-name: tests.ldap.test_protocol -*-
"""
The requests of a connection that wait for their answers, and which answer is whose. No I/O.

An answer belongs to the request that has its message ID, and must be of a type that this request
can get. Whatever else comes is a L{ProtocolViolation}, but for what was on its way when a search
was abandoned, and for unsolicited notifications.
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
#: Answers to so many abandoned searches are still recognized.
_REMEMBERED_ABANDONED = 1024


class OutstandingRequest:
    """
    A request that waits for its answer.

    @ivar final: the tag of the message that completes it.
    @ivar deferred: fires with the L{Result}, or with it and the entries of a search.
    @ivar limit: how many entries a search may find; L{None} for other operations.
    @ivar entries: what was found up to now.
    @ivar deadline: to be cancelled when the answer comes.
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
        @raise ProtocolViolation: for more entries than were asked for.
        """
        if self.limit is None or len(self.entries) >= self.limit:
            raise ProtocolViolation("the server sent more entries than requested")
        self.entries.append(entry)

    def done(self, result: Any) -> None:
        """
        The last message of the answer came.
        """
        self.deadline.cancel()
        self.deferred.callback(result if self.limit is None else (result, self.entries))

    def failed(self, reason: Exception) -> None:
        """
        No answer will come. Nothing happens when it was cancelled meanwhile.
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
        Nobody waits for the answer any more. What comes for a search is dropped from now on.

        @return: the request, or L{None} when it was answered.
        """
        request = self._requests.pop(messageID, None)
        if request is not None:
            request.deadline.cancel()
            if request.isSearch:
                self._abandoned.append(messageID)
        return request

    def answered(self, messageID: int, tag: int, answer: Result | Entry | None) -> None:
        """
        Give an answer to its request.

        @raise ProtocolViolation: when it has none.
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
        No more answers will come.

        @return: the requests that have got none; L{OutstandingRequest.failed} is to be called on
            each.
        """
        requests, self._requests = self._requests, {}
        return list(requests.values())
