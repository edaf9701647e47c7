# -*- test-case-name: tests.jmap.test_requestturns -*-
"""
Long work of a request, in slices or in a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.threads import deferToThreadPool

from txjmapaccess.pacing import Turns

#: Octets. Parsing a message of this size takes about 2 ms, a malicious one 50 ms.
_SMALL = 20_000


class RequestTurns(Turns):
    """
    The L{Turns} of one request.

    @param reactor: where this runs.
    """

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor.seconds, reactor.callLater)
        self._reactor = reactor

    async def work(self, size: int, function: Callable[..., Any], *args: Any) -> Any:
        """
        Call C{function}, which uses nothing but its arguments: in a thread if there is much work.

        @param size: the number of octets that it goes through.
        """
        if size > _SMALL:
            result = await deferToThreadPool(
                self._reactor, self._reactor.getThreadPool(), function, *args
            )
            self.begin()
            return result
        if self.isOver():
            await self.pause()
        return function(*args)
