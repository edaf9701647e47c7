# -*- test-case-name: tests.maildir.test_mailbox -*-
"""
A Maildir on disk: file names, and what is done with files and directories.

A message file is C{cur/BASE:2,FLAGS} or C{new/BASE}. BASE never changes; FLAGS do, by renaming.
Some programs add to BASE what they know (C{,S=SIZE}, C{,U=UID}), which does not make it another
message: what is before the first comma counts.
All of this may wait for the disk: it runs in worker threads.
"""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import socket
import time
from contextlib import suppress

from txjmapaccess.fsync import syncDirectory

_SUBDIRECTORIES = (b"tmp", b"new", b"cur")
_counter = itertools.count()


def splitName(name: bytes) -> tuple[bytes, str]:
    """
    @return: the name before the letters, and the letters: those of Maildir's flags, and those of
        other programs.
    """
    stem, _, info = name.partition(b":2,")
    return stem, info.decode("ascii", "ignore")


def baseOf(name: bytes) -> bytes:
    """
    @return: what of a file's name never changes.
    """
    stem = splitName(name)[0]
    return stem.partition(b",")[0] or stem


def fileName(stem: bytes, letters: str) -> bytes:
    """
    @return: the name in C{cur}; the letters must be in ASCII order.
    """
    return stem + b":2," + letters.encode("ascii")


def uniqueName() -> bytes:
    """
    @return: a base that no message has: Maildir's time, process and host, and a random number,
        since process numbers are the same again in every container.
    """
    now = time.time_ns()
    host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")
    unique = f"M{now // 1000 % 1000000}P{os.getpid()}Q{next(_counter)}R{secrets.token_hex(6)}"
    return f"{now // 10**9}.{unique}.{host}".encode("utf-8", "replace")


def listing(directory: bytes) -> dict[bytes, bytes]:
    """
    @return: for the base of every message its path below C{directory}. Where a base is there
        twice, because it is being renamed, C{cur} counts, and the name with more flags.
    """
    found: dict[bytes, bytes] = {}
    for sub in (b"new", b"cur"):
        for name in sorted(os.listdir(os.path.join(directory, sub))):
            if not name.startswith(b"."):
                found[baseOf(name)] = sub + b"/" + name
    return found


def takeNew(directory: bytes) -> None:
    """
    Move what lies in C{new} to C{cur}, as a mail reader does that has seen it.
    """
    for name in os.listdir(os.path.join(directory, b"new")):
        if not name.startswith(b"."):
            target = name if b":2," in name else name + b":2,"
            with suppress(FileNotFoundError):  # Another program may have moved it.
                os.rename(
                    os.path.join(directory, b"new", name), os.path.join(directory, b"cur", target)
                )


def cleanTemporary(directory: bytes) -> None:
    """
    Remove from C{tmp} what deliveries left there that were killed, after the 36 hours that Maildir
    gives them.
    """
    longAgo = time.time() - 36 * 3600
    for name in os.listdir(os.path.join(directory, b"tmp")):
        path = os.path.join(directory, b"tmp", name)
        with suppress(OSError):
            if os.stat(path).st_mtime < longAgo:
                os.unlink(path)


def private(path: str, flags: int) -> int:
    """
    An opener of files that only their owner may read.
    """
    return os.open(path, flags, 0o600)


def makeMaildir(directory: bytes, isSubfolder: bool) -> None:
    """
    Make a Maildir, complete at once under its name, unless it is there.
    """
    if os.path.isdir(os.path.join(directory, b"cur")):
        return
    os.makedirs(directory, 0o700, exist_ok=True)
    if isSubfolder:  # Maildir++: a delivery agent counts quota in the directory above.
        with open(os.path.join(directory, b"maildirfolder"), "ab", opener=private):
            pass
    for sub in _SUBDIRECTORIES:  # "cur" comes last: with it the Maildir is there.
        os.makedirs(os.path.join(directory, sub), 0o700, exist_ok=True)
    syncDirectory(directory)
    syncDirectory(os.path.dirname(directory))


def linkOrCopy(source: bytes, target: bytes) -> None:
    """
    Make C{target} the same file as C{source}, or where the file system cannot, a copy of it.
    """
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copy2(source, target)


def removeQuietly(path: bytes) -> None:
    """
    Remove a file that may be gone.
    """
    with suppress(FileNotFoundError):
        os.unlink(path)
