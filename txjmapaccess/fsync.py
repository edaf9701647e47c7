# -*- test-case-name: tests.maildir.test_durability -*-
"""
Waiting for the disk.
"""

from __future__ import annotations

import os


def syncDirectory(directory: str | bytes) -> None:
    """
    Wait until the names in a directory are on disk.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
