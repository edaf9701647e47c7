# -*- test-case-name: tests.test_jmap_emailobject -*-
"""
Email objects (RFC 8621, section 4.1) from an L{Email} of a snapshot and the octets of the message.
Pure functions.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from html.parser import HTMLParser
from typing import Any

from txjmapaccess.jmap.headers import CONVENIENCE, HeaderProperty, parseHeaderProperty
from txjmapaccess.jmap.mime import Bodies, Part, decompose, parseHeader, parseMessage
from txjmapaccess.jmap.problems import invalidArguments
from txjmapaccess.jmap.snapshot import Email

_PREVIEW = 200

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


def utcDate(seconds: int) -> str:
    """
    @return: a UTCDate (RFC 8620, section 1.4).
    """
    date = datetime.fromtimestamp(seconds, timezone.utc)
    return date.isoformat().replace("+00:00", "Z")


#: Properties of the store.
_STORED: dict[str, Callable[[Email], Any]] = {
    "id": lambda email: email.id,
    "blobId": lambda email: messageBlobID(email.id),
    "threadId": lambda email: email.threadID,
    "mailboxIds": lambda email: dict.fromkeys(sorted(email.folderIDs), True),
    "keywords": lambda email: dict.fromkeys(sorted(email.keywords), True),
    "size": lambda email: email.size,
    "receivedAt": lambda email: utcDate(email.receivedAt),
}

_IN_BODY = frozenset(
    (
        *("bodyStructure", "bodyValues", "textBody", "htmlBody", "attachments"),
        *("hasAttachment", "preview"),
    )
)

_OF_PART: dict[str, Callable[[Part, str], Any]] = {
    "partId": lambda part, emailID: part.id,
    "blobId": lambda part, emailID: None if part.isMultipart else partBlobID(emailID, part.id),
    "size": lambda part, emailID: 0 if part.isMultipart else part.size,
    "name": lambda part, emailID: part.name,
    "type": lambda part, emailID: part.type,
    "charset": lambda part, emailID: part.charset,
    "disposition": lambda part, emailID: part.disposition,
    "cid": lambda part, emailID: part.cid,
    "language": lambda part, emailID: part.language,
    "location": lambda part, emailID: part.location,
    "headers": lambda part, emailID: _headers(part.fields),
}


def _headers(fields: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in fields]


def messageBlobID(emailID: str) -> str:
    """
    @return: the blobId of a message.
    """
    return f"M-{emailID}"


def partBlobID(emailID: str, partID: str | None) -> str:
    """
    @return: the blobId of a part of a message.
    """
    return f"P{partID}-{emailID}"


_BLOB_ID = re.compile(r"(?:M|P([1-9][0-9]{0,5}))-([A-Za-z0-9_-]{1,255})\Z")


def parseBlobID(blobID: str) -> tuple[str, str | None] | None:
    """
    @return: the EMAILID, and the partId or L{None} for the whole message; or L{None} for what is
        no blobId.
    """
    match = _BLOB_ID.match(blobID)
    return (match.group(2), match.group(1)) if match else None


def blobOctets(octets: bytes, partID: str | None) -> bytes | None:
    """
    @return: the content of a part of the message C{octets}, or L{None} when it has no such part.
    """
    if partID is None:
        return octets
    parts = parseMessage(octets).walk()
    return next((part.content for part in parts if part.id == partID), None)


@dataclass(frozen=True)
class Wanted:
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


_VALUES = {
    "fetchTextBodyValues": "text",
    "fetchHTMLBodyValues": "html",
    "fetchAllBodyValues": "all",
}


def parseWanted(arguments: Mapping[str, Any]) -> Wanted:
    """
    @param arguments: those of Email/get (RFC 8621, section 4.2).

    @raise MethodProblem: C{invalidArguments}.
    """
    names = _names(arguments, "properties", DEFAULT_PROPERTIES)
    headers = {name: CONVENIENCE[name] for name in names if name in CONVENIENCE}
    headers.update(_headerProperties(names))
    known = headers.keys() | _STORED.keys() | _IN_BODY | {"headers"}
    _refuseUnknown(names, known)
    partNames = _names(arguments, "bodyProperties", DEFAULT_BODY_PROPERTIES)
    partHeaders = _headerProperties(partNames)
    _refuseUnknown(partNames, partHeaders.keys() | _OF_PART.keys() | {"subParts"})
    return Wanted(
        tuple(dict.fromkeys(("id", *(name for name in names if name in _STORED)))),
        headers,
        "headers" in names,
        tuple(name for name in names if name in _IN_BODY),
        tuple(name for name in partNames if name in _OF_PART),
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


def emailObject(email: Email, octets: bytes, wanted: Wanted) -> dict[str, Any]:
    """
    @param octets: the message; may be empty where C{wanted} does not need it.

    @return: the Email object with what is wanted.
    """
    made = {name: _STORED[name](email) for name in wanted.stored}
    if wanted.headers or wanted.allHeaders:
        fields = parseHeader(octets)
        made.update((name, of.value(fields)) for name, of in wanted.headers.items())
        if wanted.allHeaders:
            made["headers"] = _headers(fields)
    if wanted.body:
        made.update(_bodyProperties(email.id, parseMessage(octets), wanted))
    return made


def _bodyProperties(emailID: str, structure: Part, wanted: Wanted) -> dict[str, Any]:
    bodies = decompose(structure)

    def shown(part: Part) -> dict[str, Any]:
        return _partObject(part, emailID, wanted)

    makers: dict[str, Callable[[], Any]] = {
        "bodyStructure": lambda: _treeObject(structure, emailID, wanted),
        "bodyValues": lambda: _bodyValues(structure, bodies, wanted),
        "textBody": lambda: [shown(part) for part in bodies.text],
        "htmlBody": lambda: [shown(part) for part in bodies.html],
        "attachments": lambda: [shown(part) for part in bodies.attachments],
        "hasAttachment": lambda: bodies.hasAttachment,
        "preview": lambda: preview(bodies.text),
    }
    return {name: makers[name]() for name in wanted.body}


def _partObject(part: Part, emailID: str, wanted: Wanted) -> dict[str, Any]:
    made = {name: _OF_PART[name](part, emailID) for name in wanted.partProperties}
    made.update((name, of.value(part.fields)) for name, of in wanted.partHeaders.items())
    return made


def _treeObject(part: Part, emailID: str, wanted: Wanted) -> dict[str, Any]:
    made = _partObject(part, emailID, wanted)
    if part.subParts is not None:
        made["subParts"] = [_treeObject(below, emailID, wanted) for below in part.subParts]
    return made


def _bodyValues(structure: Part, bodies: Bodies, wanted: Wanted) -> dict[str, Any]:
    chosen = {"text": bodies.text, "html": bodies.html, "all": structure.walk()}
    parts = {part.id: part for kind in wanted.values for part in chosen[kind]}
    return {
        partID: _bodyValue(part, wanted.longest)
        for partID, part in parts.items()
        if partID is not None and part.type.startswith("text/")
    }


def _bodyValue(part: Part, longest: int) -> dict[str, Any]:
    text, isBroken = part.text()
    value = truncated(text, longest, part.type == "text/html")
    return {"value": value, "isEncodingProblem": isBroken, "isTruncated": value != text}


def truncated(text: str, longest: int, isHTML: bool) -> str:
    """
    @param longest: in octets of UTF-8; 0 for any.

    @return: C{text}, not longer than that, not ending within a character or an HTML tag.
    """
    encoded = text.encode("utf-8")
    if not longest or len(encoded) <= longest:
        return text
    cut = encoded[:longest].decode("utf-8", "ignore")
    if isHTML and cut.rfind("<") > cut.rfind(">"):
        return cut[: cut.rfind("<")]
    return cut


class _TextOfHTML(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag in ("style", "script", "title"):
            self._hidden += 1
        self.pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script", "title") and self._hidden:
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)


def _textOfHTML(html: str) -> str:
    """
    @return: the text up to the end, or to where the parser gives up.
    """
    parser = _TextOfHTML()
    with contextlib.suppress(AssertionError, ValueError):
        parser.feed(html)
    return "".join(parser.pieces)


def preview(parts: Iterable[Part]) -> str:
    """
    @return: how the first text among C{parts} begins, without quoted lines.
    """
    part = next((part for part in parts if part.type.startswith("text/")), None)
    if part is None:
        return ""
    text = part.text()[0][:20_000]
    if part.type == "text/html":
        text = _textOfHTML(text)
    own = "\n".join(line for line in text.splitlines() if not line.startswith(">"))
    return " ".join((own.strip() or text).split())[:_PREVIEW]
