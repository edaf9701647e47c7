# -*- test-case-name: tests.store.test_identifierfailures -*-
"""
What the logins of one server know together about accounts whose identifiers could not be had. It is
bounded in time, so that a store that has been repaired gets JMAPACCESS again, and in number.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.logger import Logger
from twisted.python.failure import Failure

#: For how long an account goes without JMAPACCESS after its identifiers could not be had.
WITHHELD_SECONDS = 300
#: For how long the same problem is not logged again.
REPORTED_SECONDS = 24 * 60 * 60
#: Accounts, problems and mailboxes that are remembered.
MOST = 10_000


class IdentifierFailures:
    """
    Of all accounts of a server.

    @ivar seconds: a clock.
    @ivar withheld: until when, by user name.
    @ivar mailboxes: the MAILBOXID, and when it changed, by user name and name.
    """

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.withheld: OrderedDict[str, float] = OrderedDict()
        self.mailboxes: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()
        self._reported: OrderedDict[str, float] = OrderedDict()

    def isNews(self, problem: str) -> bool:
        """
        @return: whether C{problem} has not been reported for a day.
        """
        now = self.seconds()
        isNews = self._reported.get(problem, -math.inf) <= now
        if isNews:
            remember(self._reported, problem, now + REPORTED_SECONDS)
        return isNews


def remember(memory: OrderedDict[Any, Any], key: object, value: object) -> None:
    """
    Keep a value, and no more than L{MOST}.
    """
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > MOST:
        memory.popitem(last=False)


class AccountFailures(NamedTuple):
    """
    Of one account.

    @ivar ofServer: what is known about all accounts of the server.
    @ivar username: whose account it is; L{None} or C{""} when nobody knows: then nothing is kept.
    """

    ofServer: IdentifierFailures
    username: str | None

    def add(self) -> None:
        """
        Its identifiers could not be had. Somebody else reports why.
        """
        if self.username:
            until = self.ofServer.seconds() + WITHHELD_SECONDS
            remember(self.ofServer.withheld, self.username, until)

    def withhold(self, log: Logger, problem: str, failure: Failure | None = None) -> None:
        """
        Its identifiers could not be read.

        @param log: where that is reported, unless it was within L{REPORTED_SECONDS}.
        @param failure: its traceback, where it is not of our own making.
        """
        self.add()
        if self.ofServer.isNews(problem):
            log.error(
                "JMAPACCESS is withheld for {seconds} seconds, because identifiers cannot be read:"
                " {problem}",
                seconds=WITHHELD_SECONDS,
                problem=problem,
                **({} if failure is None else {"log_failure": failure}),
            )

    def areRecent(self) -> bool:
        """
        @return: whether that was less than L{WITHHELD_SECONDS} ago.
        """
        until = self.ofServer.withheld.get(self.username or "", -math.inf)
        return until > self.ofServer.seconds()

    def hasChangedAgain(self, name: str, mailboxID: str) -> bool:
        """
        A mailbox has been opened.

        @return: whether its MAILBOXID has changed twice within L{WITHHELD_SECONDS}. Once is
            nothing: another program may have deleted the mailbox and made it again.
        """
        if not self.username:
            return False
        key = (self.username, name)
        before, changedAt = self.ofServer.mailboxes.get(key, (mailboxID, -math.inf))
        now = self.ofServer.seconds()
        hasChanged = mailboxID != before
        after = (mailboxID, now if hasChanged else changedAt)
        remember(self.ofServer.mailboxes, key, after)
        return hasChanged and now - changedAt < WITHHELD_SECONDS

    def forget(self, *names: str) -> None:
        """
        These mailboxes are being made, renamed or deleted.
        """
        for name in names:
            self.ofServer.mailboxes.pop((self.username or "", name), None)
