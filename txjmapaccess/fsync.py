# -*- test-case-name: tests.maildir.test_durability -*-
"""
What must be on disk when a client is told that it is.
"""

from __future__ import annotations

import os


def syncDirectory(directory: str | bytes) -> None:
    """
    See to it that the names in a directory are on disk.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
