# -*- test-case-name: tests.maildir.test_realm -*-
"""
The blocking part of the store: a small pool of threads for all accounts, which runs one job at a
time for each account.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

_T = TypeVar("_T")


class JobQueue:
    """
    Runs the jobs of one account, one after the other.

    @param reactor: an L{IReactorFromThreads}.
    @param pool: a running thread pool.
    """

    def __init__(self, reactor: Any, pool: ThreadPool) -> None:
        self._reactor: IReactorFromThreads = reactor
        self._pool = pool
        self._lock = DeferredLock()

    def run(self, job: Callable[..., _T], *args: Any, **kwargs: Any) -> Deferred[_T]:
        """
        Run C{job} in a thread, when it is its turn.

        @return: a Deferred that fires with what it returns, or fails with what it raises.
        """
        done: Deferred[_T] = self._lock.run(self.inThread, job, *args, **kwargs)
        return done

    def turn(self, function: Callable[..., Coroutine[Any, Any, _T]], *args: Any) -> Deferred[_T]:
        """
        Run a coroutine, when it is its turn. It must wait for L{inThread} only.

        @return: a Deferred that fires with what it returns, or fails with what it raises.
        """
        done: Deferred[_T] = self._lock.run(lambda: Deferred.fromCoroutine(function(*args)))
        return done

    def inThread(self, job: Callable[..., _T], *args: Any, **kwargs: Any) -> Deferred[_T]:
        """
        Run C{job} in a thread at once. For coroutines whose L{turn} it is.
        """
        done: Deferred[_T] = deferToThreadPool(self._reactor, self._pool, job, *args, **kwargs)
        return done

    def soon(self) -> Deferred[None]:
        """
        @return: a Deferred that fires in the next turn of the reactor.
        """
        done: Deferred[None] = Deferred()
        self._reactor.callFromThread(done.callback, None)
        return done
