# -*- test-case-name: tests.store.test_messages -*-
"""
A whole message of any store (L{twisted.mail.interfaces.IMessageIMAP}), the same octets for FETCH,
SEARCH, COPY, JMAP and the hash of an EMAILID: the file of a message that has one, otherwise its
parts, put together again. L{twisted.mail.imap4.MessageProducer} does that as well, but fails on
octets above ASCII in a header, and invents another boundary each time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any

from twisted.mail.imap4 import subparts
from twisted.mail.interfaces import IMessageIMAPFile

from txjmapaccess.coroutines import settled
from txjmapaccess.message.headers import fieldOctets
from txjmapaccess.message.parameters import parseParameters
from txjmapaccess.pacing import Turns

_CHUNK = 64 * 1024


async def openMessage(message: Any, turns: Turns) -> Any:
    """
    @param turns: let the reactor turn.

    @return: a whole message as an open file, for the caller to close.
    """
    stored: Any = IMessageIMAPFile(message, None)
    if stored is not None:
        return await settled(stored.open)
    file = tempfile.TemporaryFile()  # noqa: SIM115
    try:
        await turns.run(assemble(message, file))
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


async def readMessage(message: Any, turns: Turns) -> bytes:
    """
    @param turns: let the reactor turn.

    @return: the octets of a whole message.
    """
    pieces: list[bytes] = []
    await feedMessage(message, turns, pieces.append)
    return b"".join(pieces)


async def feedMessage(message: Any, turns: Turns, take: Callable[[bytes], object]) -> None:
    """
    Read a whole message.

    @param turns: let the reactor turn.
    @param take: called with one piece of the message after the other.
    """
    with closing(await openMessage(message, turns)) as file:
        while chunk := file.read(_CHUNK):
            take(chunk)
            if turns.isOver():
                await turns.pause()


def formatHeader(fields: Iterable[tuple[str, Any]]) -> bytes:
    """
    @return: the fields, and the blank line behind them.
    """
    lines = [
        _fieldName(name) + b": " + b"\r\n".join(fieldOctets(value).splitlines())
        for name, value in fields
    ]
    return b"".join(line + b"\r\n" for line in [*lines, b""])


def _fieldName(name: str | bytes) -> bytes:
    return fieldOctets(name.title() if name.islower() else name)


def assemble(part: Any, file: Any, depth: int = 0) -> Iterator[None]:
    """
    Write a message or a part of one, a little with each step.

    @param file: an open file.
    @param depth: in how many multiparts the part is.
    """
    headers = dict(part.getHeaders(True))
    if not part.isMultipart():
        file.write(formatHeader(headers.items()))
        yield from _copy(part.getBodyFile(), file)
        return
    boundary = _boundary(headers, depth)
    file.write(formatHeader(headers.items()))
    for inner in subparts(part):
        file.write(b"\r\n--" + boundary + b"\r\n")
        yield from assemble(inner, file, depth + 1)
    file.write(b"\r\n--" + boundary + b"--\r\n")


def _copy(source: Any, file: Any) -> Iterator[None]:
    while chunk := source.read(_CHUNK):
        file.write(chunk)
        yield None


def _boundary(headers: dict[Any, Any], depth: int) -> bytes:
    """
    @return: what stands between the parts. A header without it gets one.
    """
    isType = ("content-type", b"content-type")
    name = next((name for name in headers if name.lower() in isType), "content-type")
    value = fieldOctets(headers.get(name) or "multipart/mixed")
    boundary = parseParameters(value).decoded().get("boundary")
    if not boundary:
        boundary = f"----={depth}=----"
        headers[name] = value + f'; boundary="{boundary}"'.encode("ascii")
    return fieldOctets(boundary)
