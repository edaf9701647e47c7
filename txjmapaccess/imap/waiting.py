# -*- test-case-name: tests.imap.test_fetchcommand -*-
"""
Waiting: for what a store may answer at once or with a Deferred, and for a turn of the reactor.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

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

    @raise Exception: what it raises, or what the L{Failure} that it returns holds.
    """
    result = function(*args, **kwargs)
    if hasattr(result, "__await__"):
        return await result
    if isinstance(result, Failure):
        result.raiseException()
    return result


def begun(coroutine: Coroutine[Any, Any, None]) -> Deferred[None] | None:
    """
    Run a coroutine until it waits for something. Most do not: whatever they ask for is there, and
    then a Deferred costs more than they do.

    @return: L{None} when it has ended, or a Deferred of its end.

    @raise Exception: what it raises before it waits.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    return Deferred.fromCoroutine(_continued(coroutine, awaited))


def _continued(coroutine: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    while True:
        try:
            try:
                value = yield awaited
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as e:
                awaited = coroutine.throw(e)
            else:
                awaited = coroutine.send(value)
        except StopIteration:
            return


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
