"""
C{async def} tests. Before Twisted 22.8 trial calls such a test and never runs the coroutine, so that
it passes whatever is in it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase


def asDeferred(
    function: Callable[..., Coroutine[Deferred[Any], Any, Any]],
) -> Callable[..., Deferred[Any]]:
    """
    @return: C{function}, returning a Deferred.
    """

    @functools.wraps(function)
    def run(*args: Any, **keywords: Any) -> Deferred[Any]:
        return Deferred.fromCoroutine(function(*args, **keywords))

    return run


class AsyncTestCase(TestCase):
    """
    A test case whose C{async def test_}, C{setUp} and C{tearDown} methods run on every Twisted.
    """

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for name, function in list(vars(cls).items()):
            isOurs = name.startswith("test") or name in ("setUp", "tearDown")
            if isOurs and inspect.iscoroutinefunction(function):
                setattr(cls, name, asDeferred(function))
