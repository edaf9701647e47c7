# -*- test-case-name: tests.maildir.test_messagefacts -*-
"""
Line ends: CRLF on the wire (RFC 5322, section 2.1), LF in most files.
"""

from __future__ import annotations


def countLoneFeeds(chunk: bytes, before: bytes) -> int:
    """
    @param before: the last octet before the chunk.

    @return: how many line feeds in C{chunk} do not follow a carriage return.
    """
    split = before == b"\r" and chunk[:1] == b"\n"
    return chunk.count(b"\n") - chunk.count(b"\r\n") - split


def withCRLF(data: bytes) -> bytes:
    """
    @return: C{data} with a carriage return before every line feed that has none.
    """
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
