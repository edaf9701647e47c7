# -*- test-case-name: tests.maildir.test_mailbox -*-
"""
What lies in a Maildir, listed again only when it may have changed. In worker threads.
"""

from __future__ import annotations

import os
import time

from txjmapaccess.maildir.maildirfiles import listing

#: File times are this coarse, in seconds, on the worst file systems: a directory that changed
#: more recently may change again and keep its time.
COARSE = 1.0


def readTimes(directory: bytes) -> tuple[int, int]:
    """
    @return: when C{new} and C{cur} of a Maildir have changed last, in nanoseconds.
    """
    return (
        os.stat(os.path.join(directory, b"new")).st_mtime_ns,
        os.stat(os.path.join(directory, b"cur")).st_mtime_ns,
    )


class DirectoryListing:
    """
    @ivar paths: the path of every message below the directory, by base name.
    """

    def __init__(self) -> None:
        self.paths: dict[bytes, bytes] = {}
        self._unreadable: set[bytes] = set()
        self.forget()

    def forget(self) -> None:
        """
        List again in any case.
        """
        self._times: tuple[int, int] | None = None
        self._listedAt = 0.0

    @property
    def isForgotten(self) -> bool:
        """
        Whether the next look lists again in any case.
        """
        return self._times is None

    def look(self, directory: bytes) -> bool:
        """
        @return: whether it was necessary to list the directory again.
        """
        times = readTimes(directory)
        if times == self._times and not self._isDoubtful(times):
            return False
        self.list(directory)
        return True

    def _isDoubtful(self, times: tuple[int, int]) -> bool:
        wasYoung = max(times) / 1e9 > self._listedAt - COARSE
        return wasYoung and abs(time.time() - self._listedAt) > COARSE

    def list(self, directory: bytes) -> None:
        """
        List the directory.
        """
        self._listedAt, self._times = time.time(), readTimes(directory)
        found = listing(directory)
        self.paths = {b: p for b, p in found.items() if b not in self._unreadable}

    def accept(self, directory: bytes) -> None:
        """
        C{paths} have been changed as the directory has.
        """
        self._times = readTimes(directory)

    def exclude(self, base: bytes) -> None:
        """
        Leave out what is no readable file, from now on.
        """
        self._unreadable.add(base)
