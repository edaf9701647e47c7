# -*- test-case-name: tests.objectid.test_accountindex -*-
"""
The lock of an account, held while its mailboxes change: from before the store is asked until the
outcome is in the index. The system releases it when a process is killed, so its holder knows that
nobody works on a change that is still pending in the index.

It is beside the index, not on it: closing any descriptor of an SQLite file would undo SQLite's own
locks.
"""

from __future__ import annotations

import fcntl
import os

from txjmapaccess.objectid.indexfile import IndexUnavailable


class FileLock:
    """
    A lock.

    @param descriptor: of the file.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def take(self) -> None:
        """
        @raise BlockingIOError: when another process holds it. Then this object is closed.
        """
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """
        Let others have it.
        """
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    # A command that never ends must not hold it forever.
    __del__ = release


def tryLock(path: str) -> FileLock | None:
    """
    @param path: of the file, which is made when it is missing.

    @return: the lock, or L{None} while another process holds it.

    @raise IndexUnavailable: when the file cannot be locked at all.
    """
    try:
        lock = FileLock(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        lock.take()
    except BlockingIOError:
        return None
    except OSError as e:
        raise IndexUnavailable(path, e.strerror) from None
    return lock
