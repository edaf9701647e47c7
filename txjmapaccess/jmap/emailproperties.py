# -*- test-case-name: tests.jmap.test_emailobject -*-
"""
What an Email/get asks for (RFC 8621, section 4.2). Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from txjmapaccess.jmap.errors import invalidArguments
from txjmapaccess.jmap.headerproperties import CONVENIENCE, HeaderProperty, parseHeaderProperty

#: Properties of the store.
STORED = ("id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt")

#: Properties for which the body must be parsed.
IN_BODY = (
    *("bodyStructure", "bodyValues", "textBody", "htmlBody", "attachments"),
    *("hasAttachment", "preview"),
)

#: What Email/get gives when the client does not say what it wants (RFC 8621, section 4.2).
DEFAULT_PROPERTIES = (
    *("id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt"),
    *("messageId", "inReplyTo", "references", "sender", "from", "to", "cc", "bcc", "replyTo"),
    *("subject", "sentAt", "hasAttachment", "preview", "bodyValues", "textBody", "htmlBody"),
    "attachments",
)

DEFAULT_BODY_PROPERTIES = (
    *("partId", "blobId", "size", "name", "type", "charset", "disposition", "cid"),
    *("language", "location"),
)

#: The properties of a part, but subParts.
OF_PART = (*DEFAULT_BODY_PROPERTIES, "headers")

_VALUES = {
    "fetchTextBodyValues": "text",
    "fetchHTMLBodyValues": "html",
    "fetchAllBodyValues": "all",
}


@dataclass(frozen=True)
class EmailProperties:
    """
    What an Email/get asks for.

    @ivar stored: properties of the store.
    @ivar headers: properties that a header field gives, by name.
    @ivar allHeaders: whether C{headers} is wanted.
    @ivar body: properties for which the body must be parsed.
    @ivar partProperties: the properties of each body part.
    @ivar partHeaders: those that a header field of the part gives, by name.
    @ivar values: of which parts the bodyValues are wanted: C{"text"}, C{"html"}, C{"all"}.
    @ivar longest: the longest value in octets; 0 for any.
    """

    stored: tuple[str, ...]
    headers: Mapping[str, HeaderProperty]
    allHeaders: bool
    body: tuple[str, ...]
    partProperties: tuple[str, ...]
    partHeaders: Mapping[str, HeaderProperty]
    values: frozenset[str]
    longest: int

    @property
    def needsOctets(self) -> bool:
        """
        Whether the message must be read.
        """
        return bool(self.headers or self.allHeaders or self.body)


def parseEmailProperties(arguments: Mapping[str, Any]) -> EmailProperties:
    """
    @param arguments: those of Email/get (RFC 8621, section 4.2).

    @raise MethodError: C{invalidArguments}.
    """
    names = _names(arguments, "properties", DEFAULT_PROPERTIES)
    headers = {name: CONVENIENCE[name] for name in names if name in CONVENIENCE}
    headers.update(_headerProperties(names))
    known = headers.keys() | {*STORED, *IN_BODY, "headers"}
    _refuseUnknown(names, known)
    partNames = _names(arguments, "bodyProperties", DEFAULT_BODY_PROPERTIES)
    partHeaders = _headerProperties(partNames)
    _refuseUnknown(partNames, partHeaders.keys() | {*OF_PART, "subParts"})
    return EmailProperties(
        tuple(dict.fromkeys(("id", *(name for name in names if name in STORED)))),
        headers,
        "headers" in names,
        tuple(name for name in names if name in IN_BODY),
        tuple(name for name in partNames if name in OF_PART),
        partHeaders,
        frozenset(part for name, part in _VALUES.items() if _flag(arguments, name)),
        _longest(arguments),
    )


def _names(arguments: Mapping[str, Any], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    names = arguments.get(key)
    if names is None:
        return default
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return tuple(dict.fromkeys(names))
    raise invalidArguments(f"{key} is not a list of strings")


def _headerProperties(names: Iterable[str]) -> dict[str, HeaderProperty]:
    return {name: parseHeaderProperty(name) for name in names if name.startswith("header:")}


def _refuseUnknown(names: Iterable[str], known: Any) -> None:
    for name in names:
        if name not in known:
            raise invalidArguments(f"there is no property {name}")


def _flag(arguments: Mapping[str, Any], name: str) -> bool:
    value = arguments.get(name, False)
    if not isinstance(value, bool):
        raise invalidArguments(f"{name} is not true or false")
    return value


def _longest(arguments: Mapping[str, Any]) -> int:
    value = arguments.get("maxBodyValueBytes", 0)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise invalidArguments("maxBodyValueBytes is not an unsigned number")
