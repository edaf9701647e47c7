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
from txjmapaccess.jmap.preview import preview, truncated
from txjmapaccess.message.dates import formatUTCDate

#: Properties of the store.
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


def emailObject(email: Email, octets: bytes, wanted: EmailProperties) -> dict[str, Any]:
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
        made.update(_bodyProperties(email.id, bodyStructure(octets), wanted))
    return made


def _bodyProperties(emailID: str, structure: BodyPart, wanted: EmailProperties) -> dict[str, Any]:
    bodies = decompose(structure)

    def shown(part: BodyPart) -> dict[str, Any]:
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


def _partObject(part: BodyPart, emailID: str, wanted: EmailProperties) -> dict[str, Any]:
    made = {name: _OF_PART[name](part, emailID) for name in wanted.partProperties}
    made.update((name, of.value(part.fields)) for name, of in wanted.partHeaders.items())
    return made


def _treeObject(part: BodyPart, emailID: str, wanted: EmailProperties) -> dict[str, Any]:
    made = _partObject(part, emailID, wanted)
    if part.subParts is not None:
        made["subParts"] = [_treeObject(below, emailID, wanted) for below in part.subParts]
    return made


def _bodyValues(structure: BodyPart, bodies: Bodies, wanted: EmailProperties) -> dict[str, Any]:
    chosen = {"text": bodies.text, "html": bodies.html, "all": structure.walk()}
    parts = {part.id: part for kind in wanted.values for part in chosen[kind]}
    return {
        partID: _bodyValue(part, wanted.longest)
        for partID, part in parts.items()
        if partID is not None and part.type.startswith("text/")
    }


def _bodyValue(part: BodyPart, longest: int) -> dict[str, Any]:
    text, isBroken = part.text()
    value = truncated(text, longest, part.type == "text/html")
    return {"value": value, "isEncodingProblem": isBroken, "isTruncated": value != text}
