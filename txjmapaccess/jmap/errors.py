# -*- test-case-name: tests.jmap.test_jmaprequest -*-
"""
What can be wrong with a JMAP request (RFC 8620, section 3.6). The texts are sent to the client:
they are fixed sentences, or name what the client itself sent.
"""

from __future__ import annotations

from typing import Any

from txjmapaccess.errors import JMAPAccessError, Refused

_URN = "urn:ietf:params:jmap:error:"


class NotForJMAP(Refused):
    """
    Credentials that are good for IMAP and not for JMAP. Nobody has guessed a password.
    """


class RequestError(JMAPAccessError):
    """
    The request as a whole is rejected (RFC 8620, section 3.6.1).

    @param kind: C{"notJSON"}, C{"notRequest"}, C{"unknownCapability"} or C{"limit"}; or L{None}
        for what HTTP says by itself.
    @param detail: a sentence for the client's developer.
    @param status: the HTTP status.
    @param limit: the name of the limit that was exceeded.
    """

    def __init__(
        self, kind: str | None, detail: str, status: int = 400, limit: str | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self._kind = kind
        self._limit = limit

    def asObject(self) -> dict[str, Any]:
        """
        @return: the "problem details" object (RFC 7807).
        """
        kind = "about:blank" if self._kind is None else _URN + self._kind
        details = {"type": kind, "status": self.status, "detail": str(self)}
        if self._limit is not None:
            details["limit"] = self._limit
        return details


class MethodError(JMAPAccessError):
    """
    One method call is answered with an error (RFC 8620, section 3.6.2).

    @param kind: the type of the error: C{"invalidArguments"}, ...
    @param description: a sentence for the client's developer.
    """

    def __init__(self, kind: str, description: str | None = None) -> None:
        super().__init__(description or kind)
        self._kind = kind
        self._description = description

    def asObject(self) -> dict[str, Any]:
        """
        @return: the arguments of the C{error} response.
        """
        problem = {"type": self._kind}
        if self._description is not None:
            problem["description"] = self._description
        return problem


def invalidArguments(description: str) -> MethodError:
    """
    @return: the error for arguments that cannot be used.
    """
    return MethodError("invalidArguments", description)
