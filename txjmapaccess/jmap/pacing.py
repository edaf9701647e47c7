# -*- test-case-name: tests.jmap.test_pacing -*-
"""
Long work in small pieces.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool

#: Octets. Parsing a message of this size takes about 2 ms, a malicious one 50 ms.
_SMALL = 20_000


class Pacer:
    """
    Lets the reactor turn from time to time.

    @param reactor: where this runs.
    @param longest: for how long the reactor may be kept, in seconds.
    @param seconds: the clock that this is measured with.
    """

    def __init__(
        self,
        reactor: Any,
        longest: float = 0.01,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reactor = reactor
        self._longest = longest
        self._seconds = seconds
        self._since = seconds()

    async def pause(self) -> None:
        """
        To be called after every small piece of work. Waits for the next turn of the reactor when
        it was kept for too long.
        """
        if self._seconds() - self._since > self._longest:
            await deferLater(self._reactor, 0)
            self._since = self._seconds()

    async def work(self, size: int, function: Callable[..., Any], *args: Any) -> Any:
        """
        Call C{function}, which touches nothing but its arguments: in a thread when the work is
        more than a small piece.

        @param size: how many octets it goes through.
        """
        if size > _SMALL:
            result = await deferToThreadPool(
                self._reactor, self._reactor.getThreadPool(), function, *args
            )
            self._since = self._seconds()
            return result
        await self.pause()
        return function(*args)
