"""
Tests that are coroutines: Twisted 22.4 calls an C{async def} test and never runs it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

_T = TypeVar("_T")


def asynchronous(
    function: Callable[..., Coroutine[Any, Any, _T]],
) -> Callable[..., Deferred[_T]]:
    """
    A decorator that makes an C{async def} function return a Deferred.
    """

    @functools.wraps(function)
    def call(*args: Any, **keywords: Any) -> Deferred[_T]:
        return Deferred.fromCoroutine(function(*args, **keywords))

    return call


class AsyncTestCase(TestCase):
    """
    A test case whose C{async def} tests are all L{asynchronous}: none can be forgotten.
    """

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for name, function in list(vars(cls).items()):
            if name.startswith("test") and inspect.iscoroutinefunction(function):
                setattr(cls, name, asynchronous(function))
