# -*- test-case-name: tests.check.test_findings -*-
"""
Steps of a check: they start together, each has a deadline, and a failure does not stop others.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txjmapaccess.check.findings import Finding, wrong

_log = Logger()

Findings = list[Finding]


@dataclass(frozen=True)
class Step:
    """
    @ivar subject: what is checked, for a finding if the step does not end.
    @ivar run: does the check.
    @ivar seconds: a last deadline; the step has shorter ones for whatever it waits for.
    """

    subject: str
    run: Callable[[], Coroutine[Deferred[Any], Any, Findings]]
    seconds: float


async def runSteps(
    clock: IReactorTime, steps: Iterable[Step], show: Callable[[str], object]
) -> Findings:
    """
    @param show: called with each line, in the order of C{steps}.

    @return: what all steps found.
    """
    found: Findings = []
    for started in [_start(clock, step) for step in steps]:
        for finding in await started:
            show(finding.line())
            found.append(finding)
    return found


def _start(clock: IReactorTime, step: Step) -> Deferred[Findings]:
    started = Deferred.fromCoroutine(step.run())
    # mypy: the reactor of addTimeout is any clock.
    started.addTimeout(step.seconds, clock)
    return started.addErrback(_ended, step)


def _ended(failure: Failure, step: Step) -> Findings:
    if failure.check(TimeoutError):
        what = f"not finished after {step.seconds:g} seconds"
        return [wrong(step.subject, what, "check whether it hangs")]
    _log.failure("A step of the check failed", failure=failure)
    # Only the name of the class: the text may contain a secret.
    what = f"the check itself failed ({type(failure.value).__name__})"
    return [wrong(step.subject, what, "please report this bug")]
