# -*- test-case-name: tests.jmap.test_resource -*-
"""
The Session object (RFC 8620, section 2): the capabilities, limits and URLs of this server.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"
CAPABILITIES = frozenset((CORE, MAIL))

#: Octets. Less than RFC 8620 suggests: a request that only reads does not need more, and parsing
#: this much JSON takes about 10 ms.
MAX_SIZE_REQUEST = 1_000_000
MAX_CALLS = 16
MAX_OBJECTS = 500
MAX_CONCURRENT = 8

#: The properties by which Email/query can sort.
EMAIL_SORT = (
    "receivedAt",
    "size",
    "hasKeyword",
    "allInThreadHaveKeyword",
    "someInThreadHaveKeyword",
)

_CORE_LIMITS = {
    "maxSizeUpload": 0,
    "maxConcurrentUpload": 0,
    "maxSizeRequest": MAX_SIZE_REQUEST,
    "maxConcurrentRequests": MAX_CONCURRENT,
    "maxCallsInRequest": MAX_CALLS,
    "maxObjectsInGet": MAX_OBJECTS,
    "maxObjectsInSet": 0,
    "collationAlgorithms": [],
}

_MAIL_LIMITS = {
    "maxMailboxesPerEmail": None,
    "maxMailboxDepth": None,
    "maxSizeMailboxName": 255,
    "maxSizeAttachmentsPerEmail": 0,
    "emailQuerySortOptions": list(EMAIL_SORT),
    "mayCreateTopLevelMailbox": False,
}


def sessionObject(username: str, accountID: str, base: str) -> dict[str, Any]:
    """
    @param username: the name of the user.
    @param accountID: see L{txjmapaccess.interfaces.IObjectIDAccount.getAccountID}.
    @param base: the URL of the session resource.
    """
    # The name may have any octets, but the object is UTF-8.
    username = username.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    account = {
        "name": username,
        "isPersonal": True,
        "isReadOnly": True,
        "accountCapabilities": {CORE: {}, MAIL: _MAIL_LIMITS},
    }
    session: dict[str, Any] = {
        "capabilities": {CORE: _CORE_LIMITS, MAIL: {}},
        "accounts": {accountID: account},
        "primaryAccounts": {MAIL: accountID},
        "username": username,
        "apiUrl": f"{base}/api",
        "downloadUrl": f"{base}/download/{{accountId}}/{{blobId}}/{{name}}?type={{type}}",
        "uploadUrl": f"{base}/upload/{{accountId}}",
        "eventSourceUrl": f"{base}/events?types={{types}}&closeafter={{closeafter}}&ping={{ping}}",
    }
    session["state"] = stateOf(session)
    return session


def stateOf(value: Any) -> str:
    """
    @return: a short string that changes whenever C{value} does.
    """
    encoded = json.dumps(value, sort_keys=True).encode("ascii")
    return hashlib.sha256(encoded).hexdigest()[:16]
