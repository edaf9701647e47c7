"""
Tests that are coroutines: Twisted 22.4 calls an C{async def} test and never runs it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

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
