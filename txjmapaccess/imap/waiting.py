# -*- test-case-name: tests.test_fetchcommand -*-
"""
Waiting: for what a store may answer at once or with a Deferred, and for a turn of the reactor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

#: Seconds that one command may keep the reactor before others have a turn.
SLICE = 0.005


class ClientGone(Exception):
    """
    The end of a command whose client will not hear the answer.
    """


async def settled(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """
    Call C{function}.

    @return: what it returns, or what the Deferred that it returns brings.
    """
    result = function(*args, **kwargs)
    return await result if hasattr(result, "__await__") else result


class Turns:
    """
    What a long command asks between its steps, so that other connections are not kept waiting.

    @param seconds: a clock.
    @param callLater: to get a further turn of the reactor.
    @param hasGone: whether there is nobody left to work for.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        callLater: Callable[..., Any],
        hasGone: Callable[[], bool] = lambda: False,
    ) -> None:
        self._seconds = seconds
        self._hasGone = hasGone
        self._callLater = callLater
        self._until = seconds() + SLICE

    def isOver(self) -> bool:
        """
        @return: whether it is time to L{pause}.
        """
        return self._seconds() >= self._until

    async def pause(self) -> None:
        """
        Let others have a turn.

        @raise ClientGone: when there is nobody left to work for.
        """
        turn: Deferred[None] = Deferred()
        self._callLater(0, lambda: turn.callback(None))
        await turn
        if self._hasGone():
            raise ClientGone()
        self._until = self._seconds() + SLICE
