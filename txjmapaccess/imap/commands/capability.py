# -*- test-case-name: tests.test_server -*-
"""
CAPABILITY (RFC 3501, section 6.1.1) and GETJMAPACCESS (RFC 9698, section 4).
"""

from __future__ import annotations

from typing import Any

from txjmapaccess.imap.dispatch import ADDED
from txjmapaccess.imap.grammar import quote
from txjmapaccess.verdict import Unknown


def capability(connection: Any, tag: bytes) -> None:
    """
    CAPABILITY.
    """
    connection.sendUntaggedResponse(b"CAPABILITY " + b" ".join(connection.listCapabilities()))
    connection.sendPositiveResponse(tag, b"CAPABILITY completed")


def getJMAPAccess(connection: Any, tag: bytes) -> None:
    """
    GETJMAPACCESS.
    """
    record = connection.loginRecord
    if record is None or isinstance(record.verdict, Unknown):
        connection.sendBadResponse(tag, b"No JMAP server is known")
        return
    url = quote(record.verdict.url.encode("ascii"))
    connection.sendUntaggedResponse(b"JMAPACCESS " + url)
    connection.sendPositiveResponse(tag, b"GETJMAPACCESS completed")


ADDED.update(
    dict.fromkeys(
        (("auth", b"GETJMAPACCESS"), ("select", b"GETJMAPACCESS")),
        (b"JMAPACCESS", (getJMAPAccess,)),
    )
)
