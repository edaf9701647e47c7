# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
Many clients in one thread: L{keepBusy} runs as many as the server can serve, L{pace} a number in
each second, L{Crowd} all at once, and they stay.
"""

from __future__ import annotations

import itertools
import select
import time
from collections import Counter
from dataclasses import dataclass, field

from benchmarks.load.session import Script, Session, SessionFailed, Target

#: For how long a whole load may hear nothing before it gives up, in seconds.
SILENCE = 15.0


@dataclass
class Outcome:
    """
    The outcome of a load.

    @ivar count: sessions that came to their end as they should.
    @ivar seconds: how long the load took.
    @ivar logins: how long each of them took from connecting to being logged in, in seconds.
    @ivar failures: sessions that failed, by reason.
    """

    count: int = 0
    seconds: float = 0.0
    logins: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    def add(self, other: Outcome) -> None:
        """
        Count what another process did at the same time.
        """
        self.count += other.count
        self.seconds = max(self.seconds, other.seconds)
        self.logins += other.logins
        self.failures += other.failures


class Loop:
    """
    Concurrent sessions. Subclasses decide what follows when one ends.
    """

    def __init__(self, target: Target, script: Script) -> None:
        self._target = target
        self._ends = script.ends
        self._lines = itertools.cycle(script.lines())
        self._poll = select.epoll()
        self._sessions: dict[int, Session] = {}
        self.outcome = Outcome()

    def start(self) -> None:
        """
        Start one more session.
        """
        try:
            session = Session(self._target, next(self._lines), self._ends)
        except SessionFailed as e:
            self.outcome.failures[str(e)] += 1
            self.failed()
            return
        number = session.socket.fileno()
        self._sessions[number] = session
        self._poll.register(number, session.wants)

    def turn(self, seconds: float) -> int:
        """
        Wait for events, with a timeout, and handle them.

        @return: how much has happened.
        """
        events = self._poll.poll(seconds)
        for number, _ in events:
            session = self._sessions[number]
            wanted = session.wants
            try:
                session.proceed()
            except SessionFailed as e:
                self.outcome.failures[str(e)] += 1
                self._forget(number)
                session.socket.close()
                self.failed()
                continue
            if session.isOver:
                self._forget(number)
                self.outcome.count += 1
                self.outcome.logins.append(session.loggedIn)
                self.succeeded(session)
            elif session.wants != wanted:
                self._poll.modify(number, session.wants)
        return len(events)

    def _forget(self, number: int) -> None:
        self._poll.unregister(number)
        del self._sessions[number]

    def drain(self) -> None:
        """
        Wait for all sessions to end. Those that do not are failures.
        """
        while self._sessions and self.turn(SILENCE):
            pass
        self.outcome.failures["silence"] += len(self._sessions)
        for session in self._sessions.values():
            session.socket.close()
        self._sessions.clear()
        self._poll.close()
        self.outcome.failures = +self.outcome.failures

    def succeeded(self, session: Session) -> None:
        """
        A session came to its end as it should.
        """
        session.socket.close()

    def failed(self) -> None:
        """
        A session failed.
        """


class _Busy(Loop):
    end = 0.0

    def succeeded(self, session: Session) -> None:
        """
        The next one follows.
        """
        session.socket.close()
        if time.perf_counter() < self.end:
            self.start()

    def failed(self) -> None:
        """
        The next one follows, unless nothing works here.
        """
        if time.perf_counter() < self.end and self.outcome.failures.total() < 1000:
            self.start()


def keepBusy(target: Target, script: Script, atOnce: int, seconds: float) -> Outcome:
    """
    @param atOnce: how many sessions run at one time.
    @param seconds: for how long to start new ones.
    """
    loop = _Busy(target, script)
    began = time.perf_counter()
    loop.end = began + seconds
    for _ in range(atOnce):
        loop.start()
    loop.drain()
    loop.outcome.seconds = time.perf_counter() - began
    return loop.outcome


def pace(target: Target, script: Script, rate: float, seconds: float) -> Outcome:
    """
    @param rate: the number of sessions to start in each second, whether or not earlier ones ended.
    """
    loop = Loop(target, script)
    began = time.perf_counter()
    for n in range(int(rate * seconds)):
        while (left := began + n / rate - time.perf_counter()) > 0:
            loop.turn(left)
        loop.start()
    loop.drain()
    loop.outcome.seconds = time.perf_counter() - began
    return loop.outcome


class Crowd(Loop):
    """
    Clients that log in and stay.

    @param script: one that does not end.
    @param patience: how long a client whose attempt failed waits for the next, in seconds.
    @param timeout: after how many seconds an attempt has failed. When too many come at once, the
        kernel drops some accepted connections, which would then wait for ever.
    """

    def __init__(
        self, target: Target, script: Script, patience: float = 1.0, timeout: float = 20.0
    ) -> None:
        super().__init__(target, script)
        self._patience = patience
        self._timeout = timeout
        self._again: list[float] = []
        self._here: list[Session] = []

    def succeeded(self, session: Session) -> None:
        """
        It stays.
        """
        self._here.append(session)

    def failed(self) -> None:
        """
        It tries again, after a while.
        """
        self._again.append(time.perf_counter() + self._patience)

    def gather(self, count: int, atOnce: int = 0, seconds: float = 60.0) -> Outcome:
        """
        Let clients log in until so many are there.

        @param atOnce: how many may be logging in at one time; 0 for all.
        @param seconds: after which to give up. Who is not in then is a failure called "late".
        """
        self.outcome = Outcome()
        began = time.perf_counter()
        wanted = count - len(self._here) - len(self._sessions)
        looked = began
        while len(self._here) < count and time.perf_counter() < began + seconds:
            now = time.perf_counter()
            due = sum(when <= now for when in self._again)
            self._again = [when for when in self._again if when > now]
            wanted += due
            new = max(0, min(wanted, (atOnce or count) - len(self._sessions)))
            wanted -= new
            for _ in range(new):
                self.start()
            self.turn(0.1)
            if now > looked + 0.5:
                looked = now
                self._giveUp(now - self._timeout)
        self.outcome.seconds = time.perf_counter() - began
        if len(self._here) < count:
            self.outcome.failures["late"] += count - len(self._here)
        return self.outcome

    def _giveUp(self, before: float) -> None:
        for number in [n for n, each in self._sessions.items() if each.started < before]:
            self._sessions[number].socket.close()
            # Closing has ended epoll's interest.
            del self._sessions[number]
            self.outcome.failures["timeout"] += 1
            self.failed()

    def leave(self) -> None:
        """
        Close all connections, without LOGOUT, as when a network goes away.
        """
        for session in [*self._here, *self._sessions.values()]:
            session.socket.close()
        self._here = []
        self._sessions = {}
        self._again = []
        self._poll.close()
        self._poll = select.epoll()
