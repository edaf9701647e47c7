# -*- test-case-name: tests.test_cache -*-
"""
A short-lived cache of what a back end said about a secret.

Three promises:

  - I{No secret is kept.} Keys are hashes under a key that is made when the cache is, so neither
    a memory dump nor a table made in advance leads from an entry back to a password or token.
  - I{One request at a time.} Callers that ask for the same secret during a request share its
    outcome. A caller that cancels does not disturb the others.
  - I{Only outcomes are cached.} A refusal is an outcome, with its own lifetime; any other failure
    says nothing about the secret, and the next caller asks again.

Size is bounded, separately for results and refusals: a flood of bad passwords or tokens does not
evict good ones.
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

#: Refusals are cached no longer than this, so that a password that was just changed, or a token
#: that was just issued, soon works.
REFUSAL_SECONDS = 5.0
#: Most results, and most refusals, in one cache.
MOST_KEPT = 10_000


class ResultCache(Generic[_T]):
    """
    See the module.

    @param clock: tells the time.
    @param lifetime: seconds for which a result may be cached; zero or less: not at all. Callers
        share results, so they must be immutable.
    @param refusalSeconds: seconds for which a refusal is cached.
    @param pace: paces the callbacks of callers that wait for the same request.
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
        self._lookups: dict[bytes, _PendingLookup[_T]] = {}
        self._hashKey = secrets.token_bytes(32)

    @property
    def entries(self) -> int:
        """
        Number of cached results and refusals, expired ones that were not yet removed included.
        """
        return len(self._results) + len(self._refusals)

    def get(self, secret: tuple[bytes, ...], ask: Callable[[], Deferred[_T]]) -> Deferred[_T]:
        """
        The outcome for C{secret}: from the cache, from a request in flight, or from a new one.

        @param secret: everything that the outcome depends on: C{(token,)}, C{(username, password)}.
        @param ask: sends a request. Its Deferred is cancelled when all callers have cancelled.

        @return: a Deferred of the result for this caller alone, which can be cancelled. It fails
            with an L{UnauthorizedLogin} for a refusal, and with whatever else C{ask} fails with.
        """
        key = self._key(secret)
        result = self._results.find(key)
        if result is not None:
            return succeed(result)
        refusal = self._refusals.find(key)
        if refusal is not None:
            return fail(copy.copy(refusal))
        lookup = self._lookups.get(key)
        return self._ask(key, ask) if lookup is None else lookup.wait()

    def _key(self, secret: tuple[bytes, ...]) -> bytes:
        digest = blake2b(key=self._hashKey, digest_size=32)
        for part in secret:
            # With its length before it, so that ("ab", "c") is not ("a", "bc").
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return digest.digest()

    def _ask(self, key: bytes, ask: Callable[[], Deferred[_T]]) -> Deferred[_T]:
        lookup = self._lookups[key] = _PendingLookup(self._lookups, key)
        waiter = lookup.wait()
        lookup.request = maybeDeferred(ask)
        lookup.request.addBoth(self._answered, key, lookup)
        return waiter

    def _answered(self, outcome: _T | Failure, key: bytes, lookup: _PendingLookup[_T]) -> None:
        lookup.leaveTable()
        if not isinstance(outcome, Failure):
            self._results.keep(key, outcome, self._lifetime(outcome))
        elif isinstance(outcome.value, UnauthorizedLogin):
            # The copy has no traceback, whose frames hold the secret.
            self._refusals.keep(key, copy.copy(outcome.value), self._refusalSeconds)
        lookup.tell(outcome, self._pace)


class _PendingLookup(Generic[_T]):
    """
    A request in flight, and the callers that wait for it.

    @param table: the lookups that others can join, by key.
    @ivar request: what C{ask} returned.
    """

    request: Deferred[_T]

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
            self.request.cancel()

    def leaveTable(self) -> None:
        # A cancelled request may still end after a new one for the same key began.
        if self._table.get(self._key) is self:
            del self._table[self._key]

    def tell(self, outcome: _T | Failure, pace: Pace) -> None:
        if len(self._waiters) == 1:
            self._waiters.popitem()[0].callback(outcome)
        else:
            pace.run(self._telling(outcome))

    def _telling(self, outcome: _T | Failure) -> Iterator[None]:
        # One by one from the dictionary, because a callback may cancel another caller.
        while self._waiters:
            waiter = next(iter(self._waiters))
            del self._waiters[waiter]
            waiter.callback(outcome)
            yield


class _Shelf(Generic[_V]):
    """
    At most C{size} values, each with an expiry; the oldest is evicted first.
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
        # An entry must not live longer because the clock was set back.
        if kept <= self._clock.seconds() < expires:
            return value
        del self._entries[key]
        return None
