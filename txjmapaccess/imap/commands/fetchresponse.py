# -*- test-case-name: tests.imap.test_fetchcommand -*-
"""
A FETCH response before and while it is sent.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from txjmapaccess.imap.commands.sections import Extract, send


class FetchResponse:
    """
    The FETCH response of one message, until it is sent.

    @param waits: called with L{True} when it waits for the client to read, and each time that the
        client has read something; with L{False} at the end.
    @ivar hasBegun: whether octets of it have been sent.
    """

    def __init__(
        self, transport: Any, sequence: int, waits: Callable[[bool], object] = lambda _: None
    ) -> None:
        self._transport = transport
        self._waits = waits
        self._pieces: list[Any] = [b"* %d FETCH (" % sequence]
        self.hasBegun = False
        self.write = self._pieces.append
        self.sent = 0

    def flush(self) -> None:
        """
        Twisted's C{spew_} methods call this before they write directly to the transport.
        """
        self.hasBegun = True
        data = b"".join(self._pieces)
        self._pieces.clear()
        self.sent += len(data)
        self._transport.write(data)

    async def send(self, waits: bool) -> None:
        """
        Send everything.

        @param waits: whether to wait until the transport has sent everything.
        """
        pieces = self._pieces[:]
        self._pieces.clear()
        for piece in pieces:
            if isinstance(piece, Extract):
                self.flush()
                await self._sendPart(piece)
            else:
                self._pieces.append(piece)
        if waits:
            rest = b"".join(self._pieces)
            self.sent += len(rest)
            await self._sendPart(Extract(io.BytesIO(rest), len(rest)))
        else:
            self.flush()

    async def _sendPart(self, part: Extract) -> None:
        try:
            await send(self._transport, part, lambda: self._waits(True))
        finally:
            self._waits(False)
