# -*- test-case-name: tests.jmap.test_standardmethods -*-
"""
Tests for L{txjmapaccess.jmap.standardmethods}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.jmap.errors import MethodError
from txjmapaccess.jmap.standardmethods import window


class WindowTests(SynchronousTestCase):
    """
    Which part of the result is given (RFC 8620, section 5.5).
    """

    def window(self, **arguments: Any) -> dict[str, Any]:
        """
        @return: the window over C{abcde}, of which 3 are given at most.
        """
        return window(list("abcde"), arguments, 3)

    def test_limits(self) -> None:
        """
        The response has the server's limit if it is not the client's.
        """
        self.assertEqual(self.window(), {"position": 0, "ids": ["a", "b", "c"], "limit": 3})
        self.assertEqual(self.window(limit=9), {"position": 0, "ids": ["a", "b", "c"], "limit": 3})
        self.assertEqual(self.window(limit=2), {"position": 0, "ids": ["a", "b"]})
        self.assertEqual(self.window(limit=0), {"position": 0, "ids": []})

    def test_positions(self) -> None:
        """
        Negative positions count from the end.
        """
        for position, start, ids in ((3, 3, "de"), (-2, 3, "de"), (-9, 0, "abc"), (5, 5, "")):
            result = self.window(position=position)
            self.assertEqual((result["position"], result["ids"]), (start, list(ids)))

    def test_anchors(self) -> None:
        """
        With an anchor, the position does not count.
        """
        for offset, start in ((0, 2), (1, 3), (-1, 1), (-9, 0)):
            result = self.window(anchor="c", anchorOffset=offset, position=4)
            self.assertEqual(result["position"], start)

    def test_total(self) -> None:
        """
        The total is given only when it is asked for.
        """
        self.assertEqual(self.window(calculateTotal=True)["total"], 5)
        self.assertNotIn("total", self.window())

    def test_problems(self) -> None:
        """
        An anchor that is not there, and wrong types.
        """
        for arguments, kind in (
            ({"anchor": "x"}, "anchorNotFound"),
            ({"limit": -1}, "invalidArguments"),
            ({"limit": "1"}, "invalidArguments"),
            ({"position": None}, "invalidArguments"),
            ({"position": 1.5}, "invalidArguments"),
            ({"anchor": "a", "anchorOffset": True}, "invalidArguments"),
        ):
            with self.assertRaises(MethodError) as caught:
                self.window(**arguments)
            self.assertEqual(caught.exception.asObject()["type"], kind, arguments)
