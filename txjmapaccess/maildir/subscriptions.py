# -*- test-case-name: tests.maildir.test_account -*-
"""
The mailboxes that a user has subscribed to: the file C{subscriptions} beside the INBOX, one
directory name without its first dot in a line, as Dovecot has it. In worker threads.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable

from txjmapaccess.maildir.directorynames import INBOX, directoryOf, mailboxOf
from txjmapaccess.maildir.durablefiles import writeSafely

_FILE = b"subscriptions"
_LOCK = b"txjmapaccess.lock"


def read(root: bytes) -> frozenset[str]:
    """
    @param root: the account's directory.

    @return: the names of the mailboxes, there or not.
    """
    try:
        with open(os.path.join(root, _FILE), "rb") as file:
            lines = file.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return frozenset()
    # Dovecot's newer form has tabs between the levels.
    directories = ("." + line.replace("\t", ".") for line in lines if line)
    named = (INBOX if each == "." + INBOX else mailboxOf(each) for each in directories)
    return frozenset(name for name in named if name is not None)


def change(root: bytes, change: Callable[[frozenset[str]], frozenset[str]]) -> frozenset[str]:
    """
    Change the subscriptions. Processes take turns.

    @param change: from the old subscriptions to the new ones.

    @return: the new ones.
    """
    with open(os.path.join(root, _LOCK), "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = change(read(root))
        lines = sorted(directoryOf(name)[1:] or INBOX for name in wanted)
        writeSafely(os.path.join(root, _FILE), "".join(f"{x}\n" for x in lines).encode("ascii"))
    return wanted
