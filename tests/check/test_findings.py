# -*- test-case-name: tests.check.test_findings -*-
"""
Lines, exit statuses and steps of C{txjmapaccess check}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.check import linesOf
from txjmapaccess.check.findings import Finding, exitStatus, ok, summary, warning, wrong
from txjmapaccess.check.steps import Step

FINE = ok("thing", "it works")
ODD = warning("thing", "it is odd", "inspect it")
BAD = wrong("thing", "it is broken", "mend it")


class FindingTests(SynchronousTestCase):
    """
    One line for each thing.
    """

    def test_line(self) -> None:
        """
        A line begins with the grade; what is wrong and how to mend it are one sentence.
        """
        self.assertEqual(FINE.line(), "ok       thing: it works")
        self.assertEqual(ODD.line(), "warning  thing: it is odd; inspect it")
        self.assertEqual(BAD.line(), "WRONG    thing: it is broken; mend it")

    def test_printable(self) -> None:
        """
        Nothing that a server has put into it can move the cursor, begin a line, or fill the screen.
        """
        line = wrong("thing", "\x1b[2Jall\r\nok  is well\u202e" + "x" * 5000, "").line()
        self.assertTrue(line.isprintable(), line)
        self.assertIn("?[2Jall??ok  is well?", line)
        self.assertLess(len(line), 1100)

    def test_summary(self) -> None:
        """
        The last line counts.
        """
        self.assertEqual(summary([FINE]), "No problems found.")
        self.assertEqual(summary([FINE, ODD]), "0 wrong, 1 warning.")
        self.assertEqual(summary([BAD, ODD, ODD]), "1 wrong, 2 warnings.")

    def test_exitStatus(self) -> None:
        """
        A warning is not wrong, unless it shall be.
        """
        self.assertEqual(exitStatus([FINE]), 0)
        self.assertEqual(exitStatus([FINE, ODD]), 0)
        self.assertEqual(exitStatus([FINE, ODD], strict=True), 1)
        self.assertEqual(exitStatus([ODD, BAD, FINE]), 1)
        self.assertEqual(exitStatus([FINE], strict=True), 0)


class StepTests(SynchronousTestCase):
    """
    Steps do not hinder each other.
    """

    def step(self, subject: str, waitsFor: Deferred[Any] | None = None) -> Step:
        """
        @return: a step that finds that all is well, when C{waitsFor} has fired.
        """

        async def run() -> list[Finding]:
            self.begun.append(subject)
            if waitsFor is not None:
                await waitsFor
            return [ok(subject, "fine")]

        return Step(subject, run, 10)

    def setUp(self) -> None:
        self.begun: list[str] = []
        self.clock = Clock()

    def test_order(self) -> None:
        """
        All begin at once, and their lines come in order.
        """
        slow: Deferred[None] = Deferred()
        result = Deferred.fromCoroutine(
            linesOf(self.clock, [self.step("one", slow), self.step("two")])
        )
        self.assertEqual(self.begun, ["one", "two"])
        self.assertNoResult(result)
        slow.callback(None)
        lines = self.successResultOf(result)
        self.assertEqual(lines, ["ok       one: fine", "ok       two: fine"])

    def test_deadline(self) -> None:
        """
        A step that hangs is wrong after its time, and the others count.
        """
        result = Deferred.fromCoroutine(
            linesOf(self.clock, [self.step("one", Deferred()), self.step("two")])
        )
        self.clock.advance(10)
        lines = self.successResultOf(result)
        self.assertEqual(
            lines,
            [
                "WRONG    one: not finished after 10 seconds; check whether it hangs",
                "ok       two: fine",
            ],
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_defect(self) -> None:
        """
        A step that fails is wrong; what its exception holds is not shown.
        """
        broken: Deferred[None] = Deferred()
        broken.errback(RuntimeError("hunter2"))
        result = Deferred.fromCoroutine(
            linesOf(self.clock, [self.step("one", broken), self.step("two")])
        )
        first, second = self.successResultOf(result)
        self.assertIn("the check itself failed (RuntimeError)", first)
        self.assertNotIn("hunter2", first)
        self.assertEqual(second, "ok       two: fine")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
