"""
A clock whose turns are those of a real reactor: what is asked for in one turn comes in the next.
"""

from __future__ import annotations

from twisted.internet.task import Clock


class WorkClock(Clock):
    """
    A clock that also goes on while something works.

    @ivar slices: how long each turn was kept, in seconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.slices: list[float] = []

    def work(self, seconds: float) -> None:
        """
        Take so long.
        """
        self.rightNow += seconds

    def turn(self) -> None:
        """
        One turn of the reactor.
        """
        before = self.rightNow
        for call in [each for each in self.calls if each.getTime() <= before]:
            if call.active():
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)
        self.slices.append(self.rightNow - before)

    def turns(self) -> None:
        """
        As many as are asked for now.
        """
        while any(each.getTime() <= self.rightNow for each in self.calls):
            self.turn()
