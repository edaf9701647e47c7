# -*- test-case-name: tests.imap.test_fetchcommand -*-
"""
The sections of a message (RFC 3501, section 6.4.5), and how they are sent: small ones at once,
large ones in pieces as fast as the client reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred

from txjmapaccess.message.headers import fieldOctets
from txjmapaccess.message.parameters import mediaType, parseParameters
from txjmapaccess.pacing import ClientGone, Turns
from txjmapaccess.store.messages import formatHeader, openMessage

_CHUNK = 64 * 1024


@dataclass
class Extract:
    """
    A part of an open file.

    @ivar file: an open file; it stands at the beginning of the part.
    @ivar size: of the part, in octets.
    """

    file: Any
    size: int

    @classmethod
    def of(cls, file: Any, begin: int = 0, length: int | None = None) -> Extract:
        """
        @param begin: where the part begins, counted from the position of the file. After its end
            the part is empty.
        @param length: its largest size.
        """
        start = file.tell()
        file.seek(0, 2)
        size = max(file.tell() - start - begin, 0)
        file.seek(start + begin if size else start)
        return cls(file, size if length is None else min(size, length))


async def extract(section: Any, message: Any, turns: Turns) -> Any:
    """
    @param section: a L{txjmapaccess.imap.commands.fetchitems.Section}.
    @param turns: let the reactor turn.

    @return: L{bytes}, an L{Extract}, or L{None} when the message has no such part.
    """
    part = locate(message, section.part, section.header is not None or section.text is not None)
    if part is None:
        return None
    begin, length = section.partialBegin or 0, section.partialLength
    if section.header is not None:
        data = formatHeader(chosenFields(part, section.header.negate, section.fields))
    elif section.mime is not None:
        data = formatHeader(part.getHeaders(True).items())
    else:
        whole = section.text is None and not section.part
        file = await openMessage(part, turns) if whole else part.getBodyFile()
        return Extract.of(file, begin, length)
    return data[begin:] if length is None else data[begin : begin + length]


def locate(message: Any, numbers: Iterable[int], wantsMessage: bool = False) -> Any:
    """
    @param numbers: the part number, counted from 0.
    @param wantsMessage: whether for HEADER or TEXT: of a part that is a message, these are those
        of the message inside.

    @return: the part, or L{None} when there is none.
    """
    part = message
    try:
        for depth, number in enumerate(numbers):
            if depth and isMessage(part):
                part = part.getSubPart(0)
            if part.isMultipart() and not isMessage(part):
                part = part.getSubPart(number)
            elif number > 0:
                return None
        if wantsMessage and part is not message and isMessage(part):
            part = part.getSubPart(0)
    except (IndexError, TypeError):
        return None
    return part


def isMessage(part: Any) -> bool:
    """
    @return: whether a part is itself a message.
    """
    kind = part.getHeaders(False, "content-type").get("content-type") or ""
    return mediaType(parseParameters(fieldOctets(kind)).value) == "message/rfc822"


def chosenFields(part: Any, negate: bool, names: list[str]) -> list[tuple[str, str]]:
    """
    @param names: in lower case. Some messages accept them in capitals only, as Twisted passes
        them, and some return others too.

    @return: those fields of a header that have one of C{names}, or with C{negate} the others.
    """
    fields = part.getHeaders(negate, *(name.upper() for name in names)).items()
    return [(name, value) for name, value in fields if (name.lower() in names) != negate]


class _Sending:
    """
    Writes an L{Extract} to a transport piece by piece. It has ended when the transport asks for
    more after the last piece: TCP asks for the first one at once, even if its buffer is full.
    """

    def __init__(self, transport: Any, part: Extract, progressed: Callable[[], object]) -> None:
        self._transport = transport
        self._part = part
        self._progressed = progressed
        self._missing = part.size
        self.done: Deferred[None] = Deferred()

    def resumeProducing(self) -> None:
        self._progressed()
        chunk = self._part.file.read(min(_CHUNK, self._missing))
        self._missing -= len(chunk)
        if chunk:
            self._transport.write(chunk)
        else:
            self._transport.unregisterProducer()
            self._end(EOFError("a message is shorter than its size") if self._missing else None)

    def pauseProducing(self) -> None:
        """
        A producer that is asked for each piece need not pause.
        """

    def stopProducing(self) -> None:
        self._end(ClientGone())

    def _end(self, error: Exception | None) -> None:
        self._part.file.close()
        if not self.done.called:
            self.done.errback(error) if error else self.done.callback(None)


def send(
    transport: Any, part: Extract, progressed: Callable[[], object] = lambda: None
) -> Deferred[None]:
    """
    Send a large part.

    @param progressed: called each time that the transport asks for more.

    @return: fires when the transport has sent everything; fails when the client goes away, or when
        the file is too short.
    """
    sending = _Sending(transport, part, progressed)
    transport.registerProducer(sending, False)
    return sending.done
