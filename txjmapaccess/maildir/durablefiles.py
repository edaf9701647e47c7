# -*- test-case-name: tests.maildir.test_mailbox -*-
"""
Writing so that nothing is lost: what has a name in C{cur} is safely on disk. In worker threads.

Lines end with LF, as all programs that read Maildirs expect.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from typing import BinaryIO

from txjmapaccess.fsync import syncDirectory
from txjmapaccess.maildir.maildirfiles import private, removeQuietly

_CHUNK = 1 << 16


def writeTemporary(directory: bytes, name: bytes, message: BinaryIO, date: float | None) -> bytes:
    """
    Write a message into C{tmp}, safely on disk, with LF line ends.

    @param date: its INTERNALDATE, or L{None} for now.

    @return: its path.
    """
    path = os.path.join(directory, b"tmp", name)
    asItCame = path + b".crlf"
    try:
        with open(asItCame, "x+b", opener=private) as came:
            isReversible = _pour(message, came)
            came.seek(0)
            with open(path, "xb", opener=private) as file:
                _write(came, file, date, isReversible)
    except BaseException:
        removeQuietly(path)
        raise
    finally:
        removeQuietly(asItCame)
    return path


def _pour(source: BinaryIO, target: BinaryIO) -> bool:
    """
    @return: whether all CRLF can become LF, and all LF become CRLF again, without a difference:
        not where one more CR precedes.
    """
    isReversible, last = True, b""
    for chunk in _chunks(source):
        isReversible = isReversible and b"\r\r\n" not in last + chunk
        last = (last + chunk)[-2:]
        target.write(chunk)
    return isReversible


def _write(source: BinaryIO, target: BinaryIO, date: float | None, withFeeds: bool) -> None:
    last = b""
    for chunk in _chunks(source):
        if withFeeds:
            chunk = last + chunk
            last = chunk[-1:] if chunk.endswith(b"\r") else b""
            chunk = chunk[: len(chunk) - len(last)].replace(b"\r\n", b"\n")
        target.write(chunk)
    target.write(last)
    target.flush()
    if date is not None:
        os.utime(target.fileno(), (date, date))
    os.fsync(target.fileno())


def _chunks(message: BinaryIO) -> Iterator[bytes]:
    while chunk := message.read(_CHUNK):
        yield chunk


def writeSafely(path: bytes, data: bytes) -> None:
    """
    Replace a small file, at once and safely on disk.
    """
    temporary = path + b"." + secrets.token_hex(6).encode("ascii")
    with open(temporary, "xb", opener=private) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    syncDirectory(os.path.dirname(path))
