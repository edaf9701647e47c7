# -*- test-case-name: tests.maildir.test_messagefacts -*-
"""
What is in a message file, in the form that IMAP sends it: with CRLF at the end of every line,
whatever the program that delivered it wrote.
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass
from typing import BinaryIO

from txjmapaccess.message.headers import endOfHeader, firstValue, splitFields
from txjmapaccess.message.identifiers import emailID, firstReference, threadID

_CHUNK = 1 << 16
_LONGEST_HEADER = 1 << 18
_LARGE_CHUNK = 1 << 20


@dataclass(frozen=True)
class MessageFacts:
    """
    What the index keeps about a message file, so that it need not be read again.

    @ivar size: octets with CRLF: RFC822.SIZE.
    @ivar date: seconds since 1970: the INTERNALDATE, which Maildir has as the file's time.
    """

    size: int
    date: int
    emailID: str
    threadID: str


def examine(path: bytes, baseName: bytes) -> MessageFacts:
    """
    Read a message file once.

    @raise OSError: when it cannot be read.
    """
    with open(path, "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        header = file.read(_CHUNK)
        digest, loneFeeds = _digest(file, header)
        if endOfHeader(header) is None and len(header) < status.st_size:
            file.seek(0)
            header = file.read(_LONGEST_HEADER)
    email = emailID(baseName, digest)
    return MessageFacts(
        size=status.st_size + loneFeeds,
        date=int(status.st_mtime),
        emailID=email,
        threadID=threadID(referenceIn(header), email),
    )


def _digest(file: BinaryIO | io.FileIO, chunk: bytes) -> tuple[bytes, int]:
    hashed = hashlib.sha256()
    loneFeeds, last = 0, b""
    while chunk:
        hashed.update(chunk)
        loneFeeds += countLoneFeeds(chunk, last)
        last = chunk[-1:]
        chunk = file.read(_CHUNK) or b""
    return hashed.digest(), loneFeeds


def countLoneFeeds(chunk: bytes, before: bytes) -> int:
    """
    @param before: the last octet before the chunk.

    @return: how many line feeds in C{chunk} do not follow a carriage return.
    """
    split = before == b"\r" and chunk[:1] == b"\n"
    return chunk.count(b"\n") - chunk.count(b"\r\n") - split


def referenceIn(start: bytes) -> bytes | None:
    """
    @param start: a message, at least its header.

    @return: what L{firstReference} says for it.
    """
    end = endOfHeader(start)
    fields = splitFields(start if end is None else start[:end])
    names = ("references", "in-reply-to", "message-id")
    return firstReference(*(firstValue(fields, name) for name in names))


def withCRLF(data: bytes) -> bytes:
    """
    @return: C{data} with a carriage return before every line feed that has none.
    """
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def openWithCRLF(path: bytes) -> BinaryIO:
    """
    A whole message with CRLF line ends, to be sent from beginning to end.

    @return: a file that can C{read(n)}, C{seek} and C{tell}, and is as long as it says, though
        another program may have written the file anew.

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
