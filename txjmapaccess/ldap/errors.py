# -*- test-case-name: tests -*-
"""
Why a directory server could not check a login. All are temporary failures, never a wrong password.
Their texts are for the operator and contain no user input.
"""

from __future__ import annotations

from txjmapaccess.errors import TemporaryFailure


class ServerFailed(TemporaryFailure):
    """
    One server could not check the login; another one may.
    """


class ConnectionBroken(ServerFailed):
    """
    The connection failed, or ended before the response.
    """


class FoundDown(ConnectionBroken):
    """
    Another login found the server down: this one was interrupted and has not tried by itself.
    """


class ServiceRefused(ServerFailed):
    """
    The server refused the service account.
    """


class DeadlineExceeded(ServerFailed):
    """
    The response did not arrive in time.
    """


class ProtocolViolation(ServerFailed):
    """
    The server sent invalid LDAP, or a response that matches no request.
    """


class ConnectionSpoiled(ServerFailed):
    """
    The connection was closed because of a response to another request: worth a retry.
    """


class UnexpectedResult(ServerFailed):
    """
    A result that says nothing about the login: busy, unavailable, ...

    @param code: the result code (RFC 4511, appendix A).
    """

    def __init__(self, operation: str, code: int) -> None:
        super().__init__(f"the {operation} ended with result {code}")
