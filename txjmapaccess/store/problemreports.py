# -*- test-case-name: tests.objectid.test_objectid -*-
"""
What the sessions of a server know together about the identifiers of its stores: which problems have
been reported to the operator, and which mailbox has which MAILBOXID.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any
from weakref import WeakKeyDictionary

from txjmapaccess.store.identifierfailures import IdentifierFailures

#: Objects of which one problem is reported.
MOST_OBJECTS = 100
#: Accounts whose MAILBOXIDs are remembered.
_ACCOUNTS = 1000


class ProblemReports:
    """
    Of one server.

    @ivar failures: the accounts whose identifiers could not be read.
    """

    def __init__(self) -> None:
        self.failures = IdentifierFailures()
        self._reported: dict[object, set[object]] = {}
        self._names: OrderedDict[object, dict[str, str]] = OrderedDict()

    def isNews(self, problem: object, subject: object) -> int:
        """
        @return: 0 for a problem that has been reported of this object, or of so many others that it
            is clear; else which report this is, from 1.
        """
        subjects = self._reported.setdefault(problem, set())
        if subject in subjects or len(subjects) >= MOST_OBJECTS:
            return 0
        subjects.add(subject)
        return len(subjects)

    def mailboxNames(self, account: object) -> dict[str, str]:
        """
        @param account: what identifies an account.

        @return: the names of its mailboxes by MAILBOXID, to be read and changed.
        """
        names = self._names.setdefault(account, {})
        self._names.move_to_end(account)
        if len(self._names) > _ACCOUNTS:
            self._names.popitem(last=False)
        return names


_ofPortals: WeakKeyDictionary[Any, ProblemReports] = WeakKeyDictionary()


def reportsOf(portal: Any) -> ProblemReports:
    """
    @param portal: what the sessions of a server have in common, or L{None}.

    @return: what they know; a new one where it is not to be remembered.
    """
    try:
        return _ofPortals.setdefault(portal, ProblemReports())
    except TypeError:
        return ProblemReports()
