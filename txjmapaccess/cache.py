# -*- test-case-name: tests.test_cache -*-
"""
What a back end said about a secret, remembered for a short while.

Three promises:

  - I{No secret is kept.} Keys are hashes under a key that is made when the cache is, so neither
    a memory dump nor a table made in advance leads from an entry back to a password or token.
  - I{One question at a time.} Whoever asks while the same question is on its way waits for the
    same answer. One who stops waiting does not disturb the others.
  - I{Only answers are kept.} A refusal is an answer and has a lifetime of its own; any other
    failure says nothing about the secret, and the next one asks again.

Room is bounded, separately for results and refusals: no flood of bad passwords or tokens
pushes a good one out.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Generic, TypeVar

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txjmapaccess.pacing import Pace

_T = TypeVar("_T")
_V = TypeVar("_V")

#: A refusal may be kept no longer than this, so that a password that was just changed, or a token
#: that was just issued, is soon good.
REFUSAL_SECONDS = 5.0
#: How many results, and how many refusals, are kept at most.
MOST_KEPT = 10_000


class ResultCache(Generic[_T]):
    """
    See the module.

    @param clock: tells the time.
    @param lifetime: for how many seconds a result may be kept. Zero or less: not at all. Results
        are given to several askers, so they must be immutable.
    @param refusalSeconds: for how many seconds a refusal is kept.
    @param pace: at which those are answered who wait for the same answer.
    """

    def __init__(
        self,
        clock: IReactorTime,
        lifetime: Callable[[_T], float],
        refusalSeconds: float = REFUSAL_SECONDS,
        pace: Pace | None = None,
    ) -> None:
        self._pace = pace or Pace(clock)
        self._lifetime = lifetime
        self._refusalSeconds = refusalSeconds
        self._results: _Shelf[_T] = _Shelf(clock, MOST_KEPT)
        self._refusals: _Shelf[UnauthorizedLogin] = _Shelf(clock, MOST_KEPT)
        self._questions: dict[bytes, _PendingLookup[_T]] = {}
        self._hashKey = secrets.token_bytes(32)

    @property
    def entries(self) -> int:
        """
        How many results and refusals are kept. Those whose time is over are among them until
        somebody asks for them, or they have to make room.
        """
        return len(self._results) + len(self._refusals)

    def get(self, secret: tuple[bytes, ...], ask: Callable[[], Deferred[_T]]) -> Deferred[_T]:
        """
        The answer for C{secret}: kept, on its way, or asked for now.

        @param secret: all that the answer depends on: C{(token,)}, C{(username, password)}.
        @param ask: asks the back end. Its Deferred is cancelled when nobody waits any more.

        @return: a Deferred of its own for every caller, which can be cancelled. It fires with the
            result; fails with an L{UnauthorizedLogin} for a refusal, and with whatever else
            C{ask} fails with.
        """
        key = self._key(secret)
        result = self._results.find(key)
        if result is not None:
            return succeed(result)
        refusal = self._refusals.find(key)
        if refusal is not None:
            return fail(copy.copy(refusal))
        question = self._questions.get(key)
        return self._ask(key, ask) if question is None else question.wait()

    def _key(self, secret: tuple[bytes, ...]) -> bytes:
        digest = blake2b(key=self._hashKey, digest_size=32)
        for part in secret:
            # With its length before it, so that ("ab", "c") is not ("a", "bc").
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return digest.digest()

    def _ask(self, key: bytes, ask: Callable[[], Deferred[_T]]) -> Deferred[_T]:
        question = self._questions[key] = _PendingLookup(self._questions, key)
        waiter = question.wait()
        question.answer = maybeDeferred(ask)
        question.answer.addBoth(self._answered, key, question)
        return waiter

    def _answered(self, answer: _T | Failure, key: bytes, question: _PendingLookup[_T]) -> None:
        question.leaveTable()
        if not isinstance(answer, Failure):
            self._results.keep(key, answer, self._lifetime(answer))
        elif isinstance(answer.value, UnauthorizedLogin):
            # The copy has no traceback, whose frames hold the secret.
            self._refusals.keep(key, copy.copy(answer.value), self._refusalSeconds)
        question.tell(answer, self._pace)


class _PendingLookup(Generic[_T]):
    """
    A question that is on its way, and who waits for the answer.

    @param table: where it is found by its key while others may join.
    @ivar answer: what C{ask} returned.
    """

    answer: Deferred[_T]

    def __init__(self, table: dict[bytes, _PendingLookup[_T]], key: bytes) -> None:
        self._table = table
        self._key = key
        self._waiters: dict[Deferred[_T], None] = {}

    def wait(self) -> Deferred[_T]:
        waiter: Deferred[_T] = Deferred(self._leave)
        self._waiters[waiter] = None
        return waiter

    def _leave(self, waiter: Deferred[_T]) -> None:
        self._waiters.pop(waiter, None)
        if not self._waiters:
            self.leaveTable()
            self.answer.cancel()

    def leaveTable(self) -> None:
        # One that was given up may still be answered after the same was asked anew.
        if self._table.get(self._key) is self:
            del self._table[self._key]

    def tell(self, answer: _T | Failure, pace: Pace) -> None:
        if len(self._waiters) == 1:
            self._waiters.popitem()[0].callback(answer)
        else:
            pace.run(self._telling(answer))

    def _telling(self, answer: _T | Failure) -> Iterator[None]:
        # One by one from the dictionary, because any of them may make another one leave.
        while self._waiters:
            waiter = next(iter(self._waiters))
            del self._waiters[waiter]
            waiter.callback(answer)
            yield


class _Shelf(Generic[_V]):
    """
    Values that expire, and no more than C{size} of them: the oldest makes room.
    """

    def __init__(self, clock: IReactorTime, size: int) -> None:
        self._clock = clock
        self._size = size
        self._entries: dict[bytes, tuple[float, float, _V]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def keep(self, key: bytes, value: _V, seconds: float) -> None:
        if seconds <= 0:
            return
        self._entries.pop(key, None)
        if len(self._entries) >= self._size:
            del self._entries[next(iter(self._entries))]
        now = self._clock.seconds()
        self._entries[key] = (now, now + seconds, value)

    def find(self, key: bytes) -> _V | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        kept, expires, value = entry
        # When the machine's clock is set back, an entry must not live the longer for it.
        if kept <= self._clock.seconds() < expires:
            return value
        del self._entries[key]
        return None
