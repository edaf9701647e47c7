# -*- test-case-name: tests.maildir.test_messagefacts -*-
"""
What the index keeps about a message file.
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass
from typing import BinaryIO

from txjmapaccess.message.headers import endOfHeader, firstValue, splitFields
from txjmapaccess.message.identifiers import emailID, firstReference, threadID
from txjmapaccess.message.lineends import countLoneFeeds

_CHUNK = 1 << 16
_LONGEST_HEADER = 1 << 18


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


def referenceIn(start: bytes) -> bytes | None:
    """
    @param start: a message, at least its header.

    @return: what L{firstReference} says for it.
    """
    end = endOfHeader(start)
    fields = splitFields(start if end is None else start[:end])
    names = ("references", "in-reply-to", "message-id")
    return firstReference(*(firstValue(fields, name) for name in names))
