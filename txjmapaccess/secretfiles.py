# -*- test-case-name: tests.ldap.test_settings -*-
"""
Files that hold secrets.
"""

from __future__ import annotations

import os
import stat


def isReadableByAll(path: str) -> bool:
    """
    @param path: of a file, which may not be there.

    @return: whether everybody on this machine can read it.
    """
    try:
        return bool(os.stat(path).st_mode & stat.S_IROTH)
    except OSError:
        return False
