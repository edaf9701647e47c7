"""
Whether what was asked on a connection that failed is asked again.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.ldap.connectionpool import Lease
from txjmapaccess.ldap.errors import (
    ConnectionBroken,
    ConnectionSpoiled,
    DeadlineExceeded,
    ServerFailed,
    ServiceRefused,
)
from txjmapaccess.ldap.retry import DOUBTFUL_AFTER, ConnectionChoice, deadlineFor, nextChoice

BROKEN, SPOILED = ConnectionBroken("x"), ConnectionSpoiled("x")
LATE, REFUSED = DeadlineExceeded("x"), ServiceRefused("x")


def lease(idleSeconds: float | None) -> Lease:
    """
    @return: the lease of a connection that was idle for so long, or is new.
    """
    connection: Any = object()
    return Lease(connection, idleSeconds)


class WhereNextTests(SynchronousTestCase):
    """
    L{nextChoice}.
    """

    def assertNext(
        self,
        expected: ConnectionChoice | None,
        where: ConnectionChoice,
        given: Lease | None,
        *problems: ServerFailed,
        othersWork: tuple[bool, ...] = (True, False),
    ) -> None:
        """
        All of C{problems} lead to C{expected}.
        """
        for problem in problems:
            for live in othersWork:
                self.assertIs(nextChoice(where, given, problem, live), expected, problem)

    def test_used(self) -> None:
        """
        What broke on a connection that was used before is asked on a fresh one, and so is what was
        in bad company, and what was late where there was reason to doubt.
        """
        self.assertNext(ConnectionChoice.FRESH, ConnectionChoice.ANY, lease(0.1), BROKEN, SPOILED)
        self.assertNext(
            ConnectionChoice.FRESH,
            ConnectionChoice.ANY,
            lease(DOUBTFUL_AFTER + 1),
            BROKEN,
            SPOILED,
            LATE,
        )
        self.assertNext(None, ConnectionChoice.ANY, lease(0.1), LATE)

    def test_fresh(self) -> None:
        """
        What broke on a fresh one, or could not be asked because none could be made, is asked on one
        of those that live, when there are any.
        """
        for where in (ConnectionChoice.ANY, ConnectionChoice.FRESH):
            for given in (lease(None), None):
                self.assertNext(ConnectionChoice.LIVING, where, given, BROKEN, othersWork=(True,))
                self.assertNext(None, where, given, BROKEN, othersWork=(False,))
                self.assertNext(None, where, given, LATE, REFUSED)
        self.assertNext(ConnectionChoice.FRESH, ConnectionChoice.ANY, lease(None), SPOILED)
        self.assertNext(None, ConnectionChoice.FRESH, lease(None), SPOILED)

    def test_last(self) -> None:
        """
        That was the last time.
        """
        for given in (lease(None), lease(0.1), lease(DOUBTFUL_AFTER + 1), None):
            self.assertNext(None, ConnectionChoice.LIVING, given, BROKEN, SPOILED, LATE, REFUSED)

    def test_deadline(self) -> None:
        """
        Where there is reason to doubt, half of the time is kept for another connection; but only
        the first time.
        """
        for where, idleSeconds, expected in (
            (ConnectionChoice.ANY, None, 14.0),
            (ConnectionChoice.ANY, 0.1, 14.0),
            (ConnectionChoice.ANY, DOUBTFUL_AFTER + 1, 12.0),
            (ConnectionChoice.FRESH, None, 14.0),
            (ConnectionChoice.LIVING, DOUBTFUL_AFTER + 1, 14.0),
        ):
            self.assertEqual(deadlineFor(where, lease(idleSeconds), 10.0, 14.0), expected)
