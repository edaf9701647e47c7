# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
The cost of a server with all of its processes, from /proc.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from benchmarks.load.session import Target

_TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """
    A running IMAP server.

    @param pid: its process, or the first one of them.
    @param port: where it listens in clear.
    @param tlsPort: where it listens with TLS.
    @param stop: ends it.
    """

    def __init__(self, pid: int, port: int, tlsPort: int, stop: Callable[[], object]) -> None:
        self.pid = pid
        self._ports = {False: port, True: tlsPort}
        self.stop = stop

    def target(self, tls: bool = False) -> Target:
        """
        @return: where to connect to.
        """
        return Target(self._ports[tls], tls)

    def cpu(self) -> float:
        """
        @return: seconds of CPU that it has used.
        """
        return treeCPU(self.pid)

    def memory(self) -> int:
        """
        @return: the memory that it occupies, in bytes.
        """
        return treeMemory(self.pid)


def treeCPU(root: int) -> float:
    """
    @return: seconds of CPU that a process and its descendants have used, those that have ended
        among them.
    """
    found = _processes()
    parents = {pid: parent for pid, (parent, _) in found.items()}
    return sum(found[pid][1] for pid in _below(root, parents))


def treeMemory(root: int) -> int:
    """
    @return: bytes of memory that a process and its descendants occupy; what several share counts
        once.
    """
    parents = {pid: parent for pid, (parent, _) in _processes().items()}
    total = 0
    for pid in _below(root, parents):
        with suppress(OSError):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += sum(int(kb) * 1024 for kb in re.findall(r"^Pss: +(\d+) kB", text, re.M))
    return total


def _processes() -> dict[int, tuple[int, float]]:
    """
    @return: of each process its parent, and the CPU time of it and of its children that ended.
    """
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                found[int(entry.name)] = int(fields[1]), sum(map(int, fields[11:15])) / _TICKS
    return found


def _below(root: int, parents: dict[int, int]) -> list[int]:
    """
    @return: C{root} and its descendants.
    """

    def isBelow(pid: int) -> bool:
        return pid == root or (pid in parents and isBelow(parents[pid]))

    return [pid for pid in parents if isBelow(pid)]
