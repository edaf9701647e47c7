# -*- test-case-name: tests.jmap.test_emailobject -*-
"""
Email objects (RFC 8621, section 4.1) from an L{Email} of a snapshot and the octets of the message.
Pure functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from txjmapaccess.jmap.accountsnapshot import Email
from txjmapaccess.jmap.blobs import messageBlobID, partBlobID
from txjmapaccess.jmap.bodyparts import Bodies, BodyPart, bodyStructure, decompose, parseHeader
from txjmapaccess.jmap.emailproperties import EmailProperties
from txjmapaccess.message.dates import formatUTCDate
from txjmapaccess.message.html import textOfHTML

#: Characters; RFC 8621 allows 256.
_PREVIEW = 200

#: Properties from the data of the store.
_STORED: dict[str, Callable[[Email], Any]] = {
    "id": lambda email: email.id,
    "blobId": lambda email: messageBlobID(email.id),
    "threadId": lambda email: email.threadID,
    "mailboxIds": lambda email: dict.fromkeys(sorted(email.mailboxIDs), True),
    "keywords": lambda email: dict.fromkeys(sorted(email.keywords), True),
    "size": lambda email: email.size,
    "receivedAt": lambda email: formatUTCDate(email.receivedAt),
}

_OF_PART: dict[str, Callable[[BodyPart, str], Any]] = {
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


def emailObject(email: Email, octets: bytes, properties: EmailProperties) -> dict[str, Any]:
    """
    @param octets: the message; may be empty if no property needs it.

    @return: the Email object with these properties.
    """
    made = {name: _STORED[name](email) for name in properties.stored}
    if properties.headers or properties.allHeaders:
        fields = parseHeader(octets)
        made.update((name, header.value(fields)) for name, header in properties.headers.items())
        if properties.allHeaders:
            made["headers"] = _headers(fields)
    if properties.body:
        made.update(_bodyProperties(email.id, bodyStructure(octets), properties))
    return made


def _bodyProperties(
    emailID: str, structure: BodyPart, properties: EmailProperties
) -> dict[str, Any]:
    bodies = decompose(structure)

    def objects(parts: Iterable[BodyPart]) -> list[dict[str, Any]]:
        return [_partObject(part, emailID, properties) for part in parts]

    def tree(part: BodyPart) -> dict[str, Any]:
        made = _partObject(part, emailID, properties)
        if part.subParts is not None:
            made["subParts"] = [tree(below) for below in part.subParts]
        return made

    makers: dict[str, Callable[[], Any]] = {
        "bodyStructure": lambda: tree(structure),
        "bodyValues": lambda: _bodyValues(structure, bodies, properties),
        "textBody": lambda: objects(bodies.text),
        "htmlBody": lambda: objects(bodies.html),
        "attachments": lambda: objects(bodies.attachments),
        "hasAttachment": lambda: bodies.hasAttachment,
        "preview": lambda: preview(bodies.text),
    }
    return {name: makers[name]() for name in properties.body}


def _partObject(part: BodyPart, emailID: str, properties: EmailProperties) -> dict[str, Any]:
    made = {name: _OF_PART[name](part, emailID) for name in properties.partProperties}
    made.update((name, of.value(part.fields)) for name, of in properties.partHeaders.items())
    return made


def _bodyValues(structure: BodyPart, bodies: Bodies, properties: EmailProperties) -> dict[str, Any]:
    chosen = {"text": bodies.text, "html": bodies.html, "all": structure.walk()}
    parts = {part.id: part for kind in properties.values for part in chosen[kind]}
    return {
        partID: _bodyValue(part, properties.longest)
        for partID, part in parts.items()
        if partID is not None and part.type.startswith("text/")
    }


def _bodyValue(part: BodyPart, longest: int) -> dict[str, Any]:
    text, isBroken = part.text()
    value = truncated(text, longest, part.type == "text/html")
    return {"value": value, "isEncodingProblem": isBroken, "isTruncated": value != text}


def truncated(text: str, longest: int, isHTML: bool) -> str:
    """
    @param longest: in octets of UTF-8; 0 for no limit.

    @return: C{text}, not longer than that, not ending within a character or an HTML tag.
    """
    encoded = text.encode("utf-8")
    if not longest or len(encoded) <= longest:
        return text
    cut = encoded[:longest].decode("utf-8", "ignore")
    if isHTML and cut.rfind("<") > cut.rfind(">"):
        return cut[: cut.rfind("<")]
    return cut


def preview(parts: Iterable[BodyPart]) -> str:
    """
    @return: the beginning of the first text among C{parts}, without quoted lines.
    """
    part = next((part for part in parts if part.type.startswith("text/")), None)
    if part is None:
        return ""
    text = part.text()[0][:20_000]
    if part.type == "text/html":
        text = textOfHTML(text)
    own = "\n".join(line for line in text.splitlines() if not line.startswith(">"))
    return " ".join((own.strip() or text).split())[:_PREVIEW]
