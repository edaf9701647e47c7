# -*- test-case-name: tests -*-
"""
Every exception of this package, in one place.

Two kinds of failed login must never be confused:

  - I{refused}: a back end said no. A subclass of L{twisted.cred.error.UnauthorizedLogin}.
  - I{could not tell}: no back end gave an answer. L{TemporaryFailure}, or any other exception from
    a checker. The client gets C{NO [UNAVAILABLE]}, never "wrong password".

The text of an exception is for the operator's log. It never holds a password or a token, and
it is never sent to a client.
"""

from __future__ import annotations

from twisted.cred.error import LoginFailed, UnauthorizedLogin, UnhandledCredentials
from twisted.python.failure import Failure


class JMAPAccessError(Exception):
    """
    The base of the exceptions of this package.
    """


class ConfigurationError(JMAPAccessError, ValueError):
    """
    A setting that cannot be used. Its text is one sentence that names the setting.
    """


class TemporaryFailure(JMAPAccessError):
    """
    A back end could not tell whether the credentials are good: C{NO [UNAVAILABLE]} (RFC 5530).
    """


class MessageExpunged(JMAPAccessError):
    """
    A message that was asked for its content when another session had expunged it (RFC 2180, section
    4.1). Any store may raise it: C{NO [EXPUNGEISSUED]} (RFC 5530).
    """


class Refused(UnauthorizedLogin):
    """
    A back end, or this package, said no: C{NO [AUTHENTICATIONFAILED]} (RFC 5530).
    """


class IndexDamaged(TemporaryFailure):
    """
    The index of an account, or of object identifiers, cannot be read. Its text names the file, and
    what was done or is to be done about it.
    """


class PasswordExpired(Refused):
    """
    The password was right once and has expired: C{NO [EXPIRED]} (RFC 5530).
    """


class ForeignAuthorizationIdentity(Refused):
    """
    The credentials may be good, but not for the authorization identity that was asked for:
    C{NO [AUTHORIZATIONFAILED]} (RFC 5530).
    """


class TokenRefused(Refused):
    """
    An access token that is not good enough (RFC 7628, section 3.2.2).

    @ivar status: C{"invalid_token"}, C{"insufficient_scope"} or C{"invalid_request"}.
    @ivar scope: what the token would have to cover, space-separated, or L{None}.
    @ivar openidConfiguration: the URL of the provider's metadata, or L{None}.
    """

    def __init__(
        self,
        reason: str,
        status: str = "invalid_token",
        scope: str | None = None,
        openidConfiguration: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.scope = scope
        self.openidConfiguration = openidConfiguration


def couldTell(failure: Failure) -> bool:
    """
    @return: whether this is a refusal, and not a temporary failure.
    """
    return bool(failure.check(LoginFailed)) and not failure.check(UnhandledCredentials)


def isOurs(failure: Failure) -> bool:
    """
    @return: whether a login failed with an exception of this module.
    """
    return failure.check(Refused, TemporaryFailure) is not None


def reasonOf(failure: Failure) -> str:
    """
    @return: why a login failed, for the log. The text of a third-party exception may hold anything,
        so only the name of its class is used.
    """
    return str(failure.value) if isOurs(failure) else type(failure.value).__name__
