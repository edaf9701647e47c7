# -*- test-case-name: tests.maildir.test_messagefacts -*-
"""
A message file as IMAP sends it: with CRLF at the end of every line.
"""

from __future__ import annotations

import io
import os
from typing import BinaryIO

from txjmapaccess.message.lineends import countLoneFeeds, withCRLF

_CHUNK = 1 << 16
_LARGE_CHUNK = 1 << 20


def openWithCRLF(path: bytes) -> BinaryIO:
    """
    A whole message with CRLF line ends, to be sent from beginning to end.

    @return: a file that can C{read(n)}, C{seek} and C{tell}. Its length does not change, even if
        another program rewrites the file.

    @raise OSError: when it cannot be read.
    """
    file = open(path, "rb")  # noqa: SIM115 (the caller reads it)
    size = os.fstat(file.fileno()).st_size
    loneFeeds = _countAll(file)
    file.seek(0)
    return io.BufferedReader(_CRLFReader(file, size + loneFeeds), _CHUNK) if loneFeeds else file


def _countAll(file: BinaryIO) -> int:
    count, last = 0, b""
    while chunk := file.read(_LARGE_CHUNK):
        count += countLoneFeeds(chunk, last)
        last = chunk[-1:]
    return count


class _CRLFReader(io.RawIOBase):
    """
    A file with line feeds, read as if it had CRLF, without holding it in memory.

    @param size: how long it is when read this way.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        super().__init__()
        self._file = file
        self._size = size
        self._position = 0
        self._ready = b""
        self._last = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if self._position >= self._size:
            return 0
        if not self._ready:
            self._ready = self._convert(self._file.read(_CHUNK))
        piece = self._ready[: len(buffer)]
        self._ready = self._ready[len(piece) :]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _convert(self, chunk: bytes) -> bytes:
        split = self._last == b"\r" and chunk[:1] == b"\n"
        self._last = chunk[-1:]
        return b"\n" + withCRLF(chunk[1:]) if split else withCRLF(chunk)

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        target = offset + {0: 0, 1: self._position, 2: self._size}[whence]
        if target < self._position or self._position >= self._size:
            self._file.seek(0)
            self._position, self._ready, self._last = 0, b"", b""
        if target >= self._size:
            self._position = self._size
        while self._position < target and self.readinto(bytearray(target - self._position)):
            pass
        return self._position

    def close(self) -> None:
        self._file.close()
        super().close()
