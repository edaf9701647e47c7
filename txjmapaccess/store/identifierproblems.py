# -*- test-case-name: tests.store.test_identifierproblems -*-
"""
What the sessions of one server know together about the identifiers of its accounts: for which of
them JMAPACCESS is withheld, which MAILBOXIDs were seen, and which problems the log has.

All of it is bounded in number. Failures are forgotten after a while, so that an account gets
JMAPACCESS again once its store has been repaired.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any
from weakref import ref

from twisted.logger import Logger
from twisted.python.failure import Failure

#: How long an account goes without JMAPACCESS after its identifiers could not be read.
WITHHELD_SECONDS = 300
#: How long the same problem is not logged again.
REPORTED_SECONDS = 24 * 60 * 60
#: Objects for which one problem is logged.
MOST_OBJECTS = 100
#: Accounts, problems and mailboxes to remember.
MOST = 10_000
#: Accounts whose mailbox names are remembered.
_MOST_ACCOUNTS = 1000


class IdentifierProblems:
    """
    Of one server. A user name that is L{None} or C{""} is unknown: nothing is kept for it.

    @ivar seconds: a clock.
    @ivar withheld: by user name, the time until which JMAPACCESS is withheld.
    @ivar mailboxIDs: by user name and mailbox name, the MAILBOXID, and when it changed.
    """

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.withheld: OrderedDict[str, float] = OrderedDict()
        self.mailboxIDs: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()
        self._names: OrderedDict[object, dict[str, str]] = OrderedDict()
        self._reported: OrderedDict[object, tuple[float, set[object]]] = OrderedDict()

    def isNews(self, problem: object, subject: object = None) -> int:
        """
        @param subject: the object that has the problem.

        @return: the number of this report within L{REPORTED_SECONDS}, from 1; 0 when there was one
            for the same object, or L{MOST_OBJECTS} of them.
        """
        now = self.seconds()
        until, subjects = self._reported.get(problem, (-math.inf, set()))
        if until <= now:
            until, subjects = now + REPORTED_SECONDS, set()
        _remember(self._reported, problem, (until, subjects))
        if subject in subjects or len(subjects) >= MOST_OBJECTS:
            return 0
        subjects.add(subject)
        return len(subjects)

    def report(self, log: Logger, problem: str, failure: Failure | None = None) -> None:
        """
        Log why JMAPACCESS is withheld, unless the log has it from the last L{REPORTED_SECONDS}.

        @param failure: with a traceback, for a foreign exception.
        """
        if self.isNews(problem):
            log.error(
                "JMAPACCESS is withheld for {seconds} seconds, because identifiers cannot be read:"
                " {problem}",
                seconds=WITHHELD_SECONDS,
                problem=problem,
                **({} if failure is None else {"log_failure": failure}),
            )

    def withhold(self, username: str | None) -> None:
        """
        The identifiers of an account could not be read.
        """
        if username:
            _remember(self.withheld, username, self.seconds() + WITHHELD_SECONDS)

    def isWithheld(self, username: str | None) -> bool:
        """
        @return: whether that was less than L{WITHHELD_SECONDS} ago.
        """
        return self.withheld.get(username or "", -math.inf) > self.seconds()

    def hasChangedAgain(self, username: str | None, name: str, mailboxID: str) -> bool:
        """
        A mailbox was opened.

        @return: whether its MAILBOXID has changed twice within L{WITHHELD_SECONDS}. One change is
            fine: another program may have deleted the mailbox and made a new one.
        """
        if not username:
            return False
        before, changedAt = self.mailboxIDs.get((username, name), (mailboxID, -math.inf))
        now = self.seconds()
        hasChanged = mailboxID != before
        after = (mailboxID, now if hasChanged else changedAt)
        _remember(self.mailboxIDs, (username, name), after)
        return hasChanged and now - changedAt < WITHHELD_SECONDS

    def forgetMailboxes(self, username: str | None, *names: str) -> None:
        """
        These mailboxes are being created, renamed or deleted.
        """
        for name in names:
            self.mailboxIDs.pop((username or "", name), None)

    def mailboxNames(self, account: object) -> dict[str, str]:
        """
        @param account: a key for the account.

        @return: the names of its mailboxes by MAILBOXID, to be read and changed.
        """
        names = self._names.get(account, {})
        _remember(self._names, account, names, _MOST_ACCOUNTS)
        return names


def _remember(
    memory: OrderedDict[Any, Any], key: object, value: object, most: int | None = None
) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > (most or MOST):
        memory.popitem(last=False)


#: By the identity of a realm or portal: a weak reference to it, and what is known.
_remembered: dict[int, tuple[ref[Any], IdentifierProblems]] = {}


def problemsOf(portal: Any) -> IdentifierProblems:
    """
    @param portal: what the sessions of a server have in common: the portal, or L{None}. Where each
        session has a portal of its own, they have its realm in common.

    @return: what they know; a new one where nothing can be remembered.
    """
    for shared in (getattr(portal, "realm", None), portal):
        # By identity: many a portal or realm is equal to others, or cannot be hashed.
        found = _remembered.get(id(shared))
        if found is not None and found[0]() is shared:
            return found[1]
        with suppress(TypeError):  # Not to everything there are weak references.
            problems = IdentifierProblems()
            _remembered[id(shared)] = ref(shared, partial(_forget, id(shared))), problems
            return problems
    return IdentifierProblems()


def _forget(key: int, _: object) -> None:
    _remembered.pop(key, None)
