# -*- test-case-name: tests.imap.test_serializer -*-
"""
An observer of the writes to a transport: foreign handlers may write the tagged response of a
command directly to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_WRITING = ("write", "writeSequence")
_ENDINGS = (b"OK", b"NO", b"BAD")


def endsCommand(data: bytes, tag: bytes) -> bool:
    """
    @return: whether the last line of C{data} is the tagged response to the command C{tag}.
    """
    lastLine = data[-4096:].rstrip(b"\r\n").rpartition(b"\n")[2]
    words = lastLine.split(b" ", 2)
    return len(words) > 1 and words[0] == tag and words[1].upper() in _ENDINGS


class WriteObserver:
    """
    Puts itself before the methods with which a transport is written to.

    @param written: called with what was written, afterwards.
    """

    def __init__(self, transport: Any, written: Callable[[bytes], object]) -> None:
        self._transport = transport
        self._before = {name: vars(transport)[name] for name in _WRITING if name in vars(transport)}
        write = transport.write

        def watched(data: bytes) -> None:
            write(data)
            written(data)

        transport.write = watched
        transport.writeSequence = lambda pieces: watched(b"".join(pieces))

    def stop(self) -> None:
        """
        Leave everything as it was.
        """
        for name in _WRITING:
            delattr(self._transport, name)
        # Other code may have replaced them, too.
        vars(self._transport).update(self._before)
