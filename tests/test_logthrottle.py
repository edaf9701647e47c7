"""
Tests for L{txjmapaccess.logthrottle}. What it is for is tested in L{tests.test_limits} and
L{tests.oauth.test_checker}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.logthrottle import MOST_EVENTS, OTHERS, PAUSE, LogThrottle


class LogThrottleTests(SynchronousTestCase):
    """
    L{LogThrottle.admit}.
    """

    def setUp(self) -> None:
        self.now = 1000.0
        self.throttle = LogThrottle(lambda: self.now)

    def test_once(self) -> None:
        """
        An event is admitted again when its minute is over, and others do not prolong it.
        """
        self.assertEqual(self.throttle.admit("a"), "a")
        self.now += PAUSE - 1
        self.assertIsNone(self.throttle.admit("a"))
        self.assertEqual(self.throttle.admit("b"), "b")
        self.now += 1
        self.assertEqual(self.throttle.admit("a"), "a")
        self.assertIsNone(self.throttle.admit("b"))

    def test_others(self) -> None:
        """
        When there are too many different ones, all others are one event.
        """
        for number in range(MOST_EVENTS):
            self.assertEqual(self.throttle.admit(number), number)
        self.assertIs(self.throttle.admit("x"), OTHERS)
        self.assertIsNone(self.throttle.admit("y"))
        self.assertIsNone(self.throttle.admit(0))

    def test_clockGoesBack(self) -> None:
        """
        A clock that is set back does not silence anything until it has caught up.
        """
        self.throttle.admit("a")
        self.now -= 3600
        self.assertEqual(self.throttle.admit("a"), "a")
