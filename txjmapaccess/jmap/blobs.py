# -*- test-case-name: tests.jmap.test_emailobject -*-
"""
Blobs (RFC 8620, section 6): messages and their parts. Pure functions.
"""

from __future__ import annotations

import re

from txjmapaccess.jmap.bodyparts import bodyStructure


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
    @return: the EMAILID, and the partId or L{None} for the whole message; L{None} for an invalid
        blobId.
    """
    match = _BLOB_ID.match(blobID)
    return (match.group(2), match.group(1)) if match else None


def blobOctets(octets: bytes, partID: str | None) -> bytes | None:
    """
    @return: the content of a part of the message C{octets}, or L{None} if there is no such part.
    """
    if partID is None:
        return octets
    parts = bodyStructure(octets).walk()
    return next((part.content for part in parts if part.id == partID), None)
