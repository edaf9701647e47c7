# -*- test-case-name: tests.jmap.test_jmaprequest -*-
"""
The errors of JMAP (RFC 8620, section 3.6). Their texts are sent to the client: they are fixed
sentences, or name what the client itself sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from txjmapaccess.errors import JMAPAccessError, Refused

_URN = "urn:ietf:params:jmap:error:"


class NotForJMAP(Refused):
    """
    The credentials are valid for IMAP but not for JMAP. This is no attempt to guess a password.
    """


class RequestError(JMAPAccessError):
    """
    A request-level error (RFC 8620, section 3.6.1).

    @param kind: C{"notJSON"}, C{"notRequest"}, C{"unknownCapability"} or C{"limit"}; L{None} for an
        error of HTTP itself.
    @param detail: a sentence for the client's developer.
    @ivar status: the HTTP status.
    @param limit: the name of the limit that was exceeded.
    @ivar challenges: the values of the WWW-Authenticate field.
    """

    def __init__(
        self,
        kind: str | None,
        detail: str,
        status: int = 400,
        limit: str | None = None,
        challenges: Sequence[bytes] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.challenges = challenges
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
    A method-level error (RFC 8620, section 3.6.2).

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
        error = {"type": self._kind}
        if self._description is not None:
            error["description"] = self._description
        return error


def invalidArguments(description: str) -> MethodError:
    """
    @return: the error for invalid arguments of a method.
    """
    return MethodError("invalidArguments", description)
