# -*- test-case-name: tests.jmap.test_mail -*-
"""
Thread/get and Thread/changes (RFC 8621, section 3). Pure functions over an L{AccountSnapshot}.
"""

from __future__ import annotations

from typing import Any

from txjmapaccess.jmap.accountsnapshot import AccountSnapshot
from txjmapaccess.jmap.sessionobject import stateOf
from txjmapaccess.jmap.standardmethods import changesResponse, getResponse


def threadGet(snapshot: AccountSnapshot, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Thread/get (RFC 8621, section 3.1).
    """
    return getResponse(_threads(snapshot), ("id", "emailIds"), arguments)


def threadChanges(snapshot: AccountSnapshot, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Thread/changes (RFC 8621, section 3.2).
    """
    return changesResponse(stateOf(_threads(snapshot)), arguments)


def _threads(snapshot: AccountSnapshot) -> dict[str, dict[str, Any]]:
    return {
        threadID: {"id": threadID, "emailIds": [email.id for email in emails]}
        for threadID, emails in snapshot.threads.items()
    }
