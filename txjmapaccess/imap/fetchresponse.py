# -*- test-case-name: tests.test_fetchcommand -*-
"""
A FETCH response before and while it is sent.
"""

from __future__ import annotations

import io
from typing import Any

from txjmapaccess.imap.sections import Extract, send


class FetchResponse:
    """
    The FETCH response of one message, until it is sent.

    @ivar hasBegun: whether octets of it have been sent, so that it must be ended.
    """

    def __init__(self, transport: Any, sequence: int) -> None:
        self._transport = transport
        self._pieces: list[Any] = [b"* %d FETCH (" % sequence]
        self.hasBegun = False
        self.write = self._pieces.append
        self.sent = 0

    def flush(self) -> None:
        """
        What Twisted's C{spew_} methods call before they write to the transport by themselves.
        """
        self.hasBegun = True
        data = b"".join(self._pieces)
        self._pieces.clear()
        self.sent += len(data)
        self._transport.write(data)

    async def send(self, waits: bool) -> None:
        """
        Send it all.

        @param waits: whether to wait until the transport has sent all that it had.
        """
        pieces = self._pieces[:]
        self._pieces.clear()
        for piece in pieces:
            if isinstance(piece, Extract):
                self.flush()
                await send(self._transport, piece)
            else:
                self._pieces.append(piece)
        if waits:
            rest = b"".join(self._pieces)
            self.sent += len(rest)
            await send(self._transport, Extract(io.BytesIO(rest), len(rest)))
        else:
            self.flush()
