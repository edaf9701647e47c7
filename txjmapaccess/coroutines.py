# -*- test-case-name: tests.test_coroutines -*-
"""
Coroutines: results that come at once or with a Deferred, and coroutines that may end at once.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


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
    Run a coroutine until it waits for something. Most never wait, and cost less than a Deferred.

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
