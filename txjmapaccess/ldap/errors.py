# -*- test-case-name: tests -*-
"""
Why a directory server did not say whether a login is good. All are temporary failures: whatever
escapes is never taken for a wrong password. Their texts are for the operator and hold nothing that
a user typed.
"""

from __future__ import annotations

from txjmapaccess.errors import TemporaryFailure


class ServerFailed(TemporaryFailure):
    """
    One server could not tell; another one may.
    """


class ConnectionBroken(ServerFailed):
    """
    The connection could not be made, or ended before the answer came.
    """


class FoundDown(ConnectionBroken):
    """
    Somebody else found out that the server is down: what this login waited for was ended, and it
    did not try by itself.
    """


class ServiceRefused(ServerFailed):
    """
    The server refused the service account.
    """


class DeadlineExceeded(ServerFailed):
    """
    The answer did not come in time.
    """


class ProtocolViolation(ServerFailed):
    """
    The server sent what is not LDAP, or no answer to what was asked.
    """


class ConnectionSpoiled(ServerFailed):
    """
    The connection was ended because of an answer to another request: worth asking again.
    """


class UnexpectedResult(ServerFailed):
    """
    The server answered with a result that says nothing about the login: busy, unavailable, ...

    @param code: the result code (RFC 4511, appendix A).
    """

    def __init__(self, operation: str, code: int) -> None:
        super().__init__(f"the {operation} ended with result {code}")
