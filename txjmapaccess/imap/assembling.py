# -*- test-case-name: tests.imap.test_fetchcommand -*-
"""
A message, written from what the store says of its parts. L{twisted.mail.imap4.MessageProducer} does
it as well, but fails on octets above ASCII in a header, and invents another boundary each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from email.message import Message
from typing import Any

from twisted.mail.imap4 import subparts

from txjmapaccess.imap.tidying import fieldOctets

_CHUNK = 64 * 1024


def formatHeader(fields: Iterable[tuple[str, Any]]) -> bytes:
    """
    @return: the fields, and the blank line behind them.
    """
    lines = [
        _fieldName(name) + b": " + b"\r\n".join(fieldOctets(value).splitlines())
        for name, value in fields
    ]
    return b"".join(line + b"\r\n" for line in [*lines, b""])


def _fieldName(name: str) -> bytes:
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


def _boundary(headers: dict[str, Any], depth: int) -> bytes:
    """
    @return: what stands between the parts; when the header does not say, it does so now.
    """
    name = next((name for name in headers if name.lower() == "content-type"), "content-type")
    value = fieldOctets(headers.get(name) or "multipart/mixed").decode("utf-8", "surrogateescape")
    parsed = Message()
    parsed["content-type"] = " ".join(value.split())
    boundary = parsed.get_boundary()
    if not boundary:
        boundary = f"----={depth}=----"
        headers[name] = f'{value}; boundary="{boundary}"'
    return fieldOctets(boundary)
