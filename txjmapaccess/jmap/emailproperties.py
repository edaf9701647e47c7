# -*- test-case-name: tests.jmap.test_emailobject -*-
"""
The properties that an Email/get asks for (RFC 8621, section 4.2). Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from txjmapaccess.jmap.argumenttypes import boolean, checkNames, strings, unsigned
from txjmapaccess.jmap.headerproperties import CONVENIENCE, HeaderProperty, parseHeaderProperty

#: Properties from the data of the store.
STORED = ("id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt")

#: Properties for which the body must be parsed.
IN_BODY = (
    *("bodyStructure", "bodyValues", "textBody", "htmlBody", "attachments"),
    *("hasAttachment", "preview"),
)

#: What Email/get gives if the client does not name properties (RFC 8621, section 4.2).
DEFAULT_PROPERTIES = (
    *STORED,
    *("messageId", "inReplyTo", "references", "sender", "from", "to", "cc", "bcc", "replyTo"),
    *("subject", "sentAt", "hasAttachment", "preview", "bodyValues", "textBody", "htmlBody"),
    "attachments",
)

DEFAULT_BODY_PROPERTIES = (
    *("partId", "blobId", "size", "name", "type", "charset", "disposition", "cid"),
    *("language", "location"),
)

#: The properties of a part, except subParts.
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

    @ivar stored: properties from the data of the store.
    @ivar headers: properties from a header field, by name.
    @ivar allHeaders: whether to give C{headers}.
    @ivar body: properties for which the body must be parsed.
    @ivar partProperties: the properties of each body part.
    @ivar partHeaders: those from a header field of the part, by name.
    @ivar values: the parts with bodyValues: C{"text"}, C{"html"}, C{"all"}.
    @ivar longest: the longest value in octets; 0 for no limit.
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
    @param arguments: those of Email/get.

    @raise MethodError: C{invalidArguments}.
    """
    names = _names(arguments, "properties", DEFAULT_PROPERTIES)
    headers = {name: CONVENIENCE[name] for name in names if name in CONVENIENCE}
    headers.update(_headerProperties(names))
    checkNames(names, headers.keys() | {*STORED, *IN_BODY, "headers"}, "property")
    partNames = _names(arguments, "bodyProperties", DEFAULT_BODY_PROPERTIES)
    partHeaders = _headerProperties(partNames)
    checkNames(partNames, partHeaders.keys() | {*OF_PART, "subParts"}, "property")
    return EmailProperties(
        tuple(dict.fromkeys(("id", *(name for name in names if name in STORED)))),
        headers,
        "headers" in names,
        tuple(name for name in names if name in IN_BODY),
        tuple(name for name in partNames if name in OF_PART),
        partHeaders,
        frozenset(
            kind for name, kind in _VALUES.items() if boolean(arguments.get(name, False), name)
        ),
        unsigned(arguments.get("maxBodyValueBytes", 0), "maxBodyValueBytes"),
    )


def _names(arguments: Mapping[str, Any], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    names = arguments.get(key)
    return default if names is None else tuple(dict.fromkeys(strings(names, key)))


def _headerProperties(names: Iterable[str]) -> dict[str, HeaderProperty]:
    return {name: parseHeaderProperty(name) for name in names if name.startswith("header:")}
