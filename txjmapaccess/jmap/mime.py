# -*- test-case-name: tests.jmap.test_mime -*-
"""
The MIME structure of a message, as RFC 8621, section 4.1.4 has it. Pure functions.

Python's email package finds the parts; header fields are kept as they are in the message.
"""

from __future__ import annotations

import email
import email.utils
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.policy import Compat32
from functools import cached_property
from itertools import count
from typing import Any

from txjmapaccess.jmap.encodedwords import decodeWords, knownCharset
from txjmapaccess.jmap.headers import Field, rawForm

_BROKEN_TRANSFER = ("InvalidBase64PaddingDefect", "InvalidBase64CharactersDefect")
#: Characters. No sensible Content-Type is longer.
_LONGEST_STRUCTURED = 4000
_KNOWN_TRANSFER = frozenset(("", "7bit", "8bit", "binary", "base64", "quoted-printable"))


class _AsItIs(Compat32):
    """
    Keeps the values of header fields as they are, from the colon to the line end.
    """

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = sourcelines[0].split(":", 1)
        return name, (value + "".join(sourcelines[1:])).rstrip("\r\n")

    def header_fetch_parse(self, name: str, value: str) -> str:
        # What the email package itself looks at: it wants no white space around it, and takes
        # quadratic time for parameters.
        return value.strip()[:_LONGEST_STRUCTURED]

    def fold(self, name: str, value: str) -> str:
        return f"{name}:{value}{self.linesep}"

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("ascii", "surrogateescape")


_POLICY = _AsItIs(linesep="\r\n")


@dataclass(eq=False)
class Part:
    """
    A body part (EmailBodyPart).

    @ivar id: the partId, L{None} for C{multipart/*}.
    @ivar subParts: the parts of a C{multipart/*}, L{None} for all others.
    """

    id: str | None
    message: Message
    subParts: list[Part] | None

    @cached_property
    def fields(self) -> list[Field]:
        """
        All header fields, in order.
        """
        return [(name, _raw(value)) for name, value in self.message.raw_items()]

    @cached_property
    def type(self) -> str:
        """
        The media type, in lower case.
        """
        return self.message.get_content_type()

    @property
    def isMultipart(self) -> bool:
        """
        Whether it has no content of its own.
        """
        return self.subParts is not None

    @cached_property
    def disposition(self) -> str | None:
        """
        The disposition, in lower case.
        """
        disposition: str | None = _orNone(self.message.get_content_disposition)
        return disposition

    @cached_property
    def name(self) -> str | None:
        """
        The file name.
        """
        name = _orNone(self.message.get_filename)
        return None if name is None else decodeWords(_wellFormed(name))

    @property
    def charset(self) -> str | None:
        """
        The charset, as RFC 8621 defines the property.
        """
        declared = self._parameter("charset")
        isText = self.type.startswith("text/") or "content-type" not in self.message
        return declared or ("us-ascii" if isText else None)

    def _parameter(self, name: str) -> str | None:
        value = _orNone(self.message.get_param, name)
        if isinstance(value, tuple):
            value = _orNone(email.utils.collapse_rfc2231_value, value)
        return None if value is None else _wellFormed(str(value))

    @property
    def cid(self) -> str | None:
        """
        The Content-Id without its angle brackets.
        """
        value = self._field("content-id")
        return value.strip("<>") if value else None

    @property
    def location(self) -> str | None:
        """
        The Content-Location.
        """
        return self._field("content-location")

    @property
    def language(self) -> list[str] | None:
        """
        The language tags of the Content-Language.
        """
        value = self._field("content-language")
        return [tag.strip() for tag in value.split(",") if tag.strip()] if value else None

    def _field(self, name: str) -> str | None:
        value = self.message.get(name)
        return None if value is None else _raw(value).strip()

    @cached_property
    def content(self) -> bytes:
        """
        The octets, with the transfer encoding undone.
        """
        payload = _orNone(self.message.get_payload, None, True)
        if isinstance(payload, bytes):
            return payload
        # A message in the message: the email package has parsed it.
        return b"".join(_orNone(inner.as_bytes) or b"" for inner in _inner(self.message))

    @property
    def size(self) -> int:
        """
        The size of the content in octets.
        """
        return len(self.content)

    def text(self) -> tuple[str, bool]:
        """
        @return: the content of a C{text/*} part with LF line ends, and whether anything in it was
            malformed or unknown.
        """
        charset = knownCharset(self.charset or "us-ascii")
        content = self.content
        broken = charset is None or self._hasBrokenTransferEncoding()
        try:
            value = content.decode("ascii" if charset is None else charset)
        except (UnicodeError, ValueError):
            broken = True
            value = content.decode("utf-8" if charset in (None, "ascii") else charset, "replace")
        return _wellFormed(value.replace("\r\n", "\n")), broken

    def _hasBrokenTransferEncoding(self) -> bool:
        encoding = (self._field("content-transfer-encoding") or "").lower()
        defects = {type(defect).__name__ for defect in self.message.defects}
        return encoding not in _KNOWN_TRANSFER or not defects.isdisjoint(_BROKEN_TRANSFER)

    def walk(self) -> list[Part]:
        """
        @return: this part and all below it, depth first.
        """
        return [self, *(below for part in self.subParts or () for below in part.walk())]


def _orNone(function: Callable[..., Any], *args: Any) -> Any:
    """
    @return: what C{function} of the email package returns, or L{None} when it fails, for which it
        has many ways.
    """
    try:
        return function(*args)
    except Exception:
        return None


def _raw(value: Any) -> str:
    return rawForm(str(value).encode("utf-8", "surrogateescape"))


def _wellFormed(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def parseMessage(octets: bytes) -> Part:
    """
    @return: the C{bodyStructure} of a message.
    """
    try:
        return _part(email.message_from_bytes(octets, policy=_POLICY), count(1))
    except RecursionError:
        # Nothing that a person has written is nested so deeply.
        return Part("1", email.message_from_bytes(b"\r\n" + octets, policy=_POLICY), None)


def _part(message: Message, numbers: Iterator[int]) -> Part:
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        return Part(None, message, [_part(inner, numbers) for inner in _inner(message)])
    return Part(str(next(numbers)), message, None)


def _inner(message: Message) -> list[Message]:
    payload: Any = message.get_payload()
    return payload if isinstance(payload, list) else []


def parseHeader(octets: bytes) -> list[Field]:
    """
    @return: the header fields of a message; its body is not looked at.
    """
    end = re.search(rb"\r?\n\r?\n", octets)
    header = octets[: end.end()] if end else octets
    return Part(None, email.message_from_bytes(header, policy=_POLICY), None).fields
