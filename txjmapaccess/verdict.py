# -*- test-case-name: tests.test_policy -*-
"""
The three verdicts about a login and JMAP (RFC 9698, sections 3 and 4).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Reason(enum.Enum):
    """
    Why the credentials of a login do not work for JMAP. Each value is a fixed sentence without user
    data, because the draft's DEBUGGING response code sends it to clients.
    """

    PASSWORDS = "The JMAP server does not accept passwords"
    TOKENS = "The JMAP server does not accept access tokens"
    TOKEN_AS_PASSWORD = (
        "An access token was used as a password, which the JMAP server does not accept"
    )
    ANONYMOUS = "The JMAP server does not accept anonymous logins"
    NOT_ALLOWED = "This account is not enabled for the JMAP server"
    SCOPE = "The access token does not cover the JMAP server"
    AUDIENCE = "The audience of the access token does not include the JMAP server"
    PASSWORD_EXPIRED = "The password has expired"
    PASSWORD_MUST_CHANGE = "The password must be changed first"
    GRACE_LOGIN = "The password has expired and will soon be refused"
    NO_EVIDENCE = "Nothing shows that the JMAP server accepts these credentials"
    IDENTIFIERS = "It is not confirmed that the JMAP server uses the same identifiers"
    NO_SERVER = "No JMAP server is known for this account"


@dataclass(frozen=True)
class Usable:
    """
    These credentials work at C{url}. JMAPACCESS is advertised.
    """

    url: str


@dataclass(frozen=True)
class Known:
    """
    The JMAP server at C{url} has this mail, but these credentials do not work there (RFC 9698,
    example 3), or it is not confirmed that identifiers are the same.
    """

    url: str
    reason: Reason


@dataclass(frozen=True)
class Unknown:
    """
    No JMAP server has this user's mail.
    """

    reason: Reason = Reason.NO_SERVER


Verdict = Usable | Known | Unknown
