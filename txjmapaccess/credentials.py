# -*- test-case-name: tests.test_credentials -*-
"""
The values of a login, in order: credentials (what the client presented), evidence (what a checker
found out), authentication (both together, for the policy), login record (what the connection
keeps).

Everything but the evidence slot of credentials is immutable. No repr shows a secret.
"""

from __future__ import annotations

import contextlib
import enum
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from twisted.cred.credentials import IAnonymous, ICredentials, IUsernamePassword
from zope.interface import Attribute, Interface, alsoProvides, implementer

from txjmapaccess.verdict import Reason, Verdict


class Secret(enum.Enum):
    """
    What a client presented to authenticate. Decides which of C{[jmap] passwords} and
    C{[jmap] tokens} applies.
    """

    PASSWORD = "password"
    TOKEN = "token"
    #: An access token sent as a password: the client will send it to JMAP as a password, too.
    TOKEN_AS_PASSWORD = "token as password"
    #: Nothing (SASL ANONYMOUS): never usable.
    NOTHING = "nothing"


class Evidence(NamedTuple):
    """
    What a checker found out about credentials that it accepted.

    @ivar username: the canonical name of the user. It is the avatar id as well.
    @ivar source: the checker, for the log: C{"ldap"}, C{"introspection"}, ...
    @ivar objection: why these credentials do not work for JMAP; L{None} if nothing is known against
        them.
    @ivar sessionURL: the user's own JMAP session URL, as found and not yet checked; L{None}
        for the common one.
    @ivar expires: when the token ends, in seconds since the epoch, or L{None}.
    @ivar endAtExpiry: whether the connection is to end when the token does.
    @ivar tokenAsPassword: whether what came as a password was accepted as an access token.
    """

    username: str
    source: str
    objection: Reason | None = None
    sessionURL: str | None = None
    expires: float | None = None
    endAtExpiry: bool = False
    tokenAsPassword: bool = False


class IEvident(Interface):
    """
    Credentials that can carry a checker's evidence. All credentials that
    L{txjmapaccess.server.JMAPAccessMixin} makes are.
    """

    evidence: Evidence | None = Attribute(
        """
        The L{Evidence} of the checker that accepted these credentials, or
        L{None}. Set with L{leaveEvidence}.
        """
    )


class IBearerToken(ICredentials):
    """
    An OAuth 2.0 access token, as OAUTHBEARER (RFC 7628) and XOAUTH2 carry it.

    The user is who the token says: there is no user name here.
    """

    token: str = Attribute("The access token, visible ASCII without spaces (RFC 6750).")
    authorizationIdentity: str | None = Attribute(
        """
        Whose mail the client asks for (RFC 7628, section 3.1; the C{user} of
        XOAUTH2). When given, the checker refuses unless it is the token's user, with
        L{txjmapaccess.errors.ForeignAuthorizationIdentity}.
        """
    )
    mechanism: str = Attribute("C{OAUTHBEARER} or C{XOAUTH2}.")


@implementer(IUsernamePassword, IEvident)
@dataclass(eq=False)
class UsernamePassword:
    """
    A user name and a password, as LOGIN, AUTHENTICATE PLAIN and AUTHENTICATE LOGIN carry them.

    @ivar username: as typed, L{bytes}; not checked to be UTF-8.
    @ivar password: L{bytes}; not checked to be UTF-8.
    @ivar mechanism: C{"LOGIN"} for both the command and the SASL mechanism, or C{"PLAIN"}.
    """

    username: bytes
    password: bytes = field(repr=False)
    mechanism: str = "LOGIN"
    evidence: Evidence | None = None

    def checkPassword(self, password: bytes) -> bool:
        """
        @return: whether C{password} is the password that was typed (L{IUsernamePassword}).
        """
        return self.password == password


@implementer(IBearerToken, IEvident)
@dataclass(eq=False)
class BearerToken:
    """
    See L{IBearerToken}.
    """

    token: str = field(repr=False)
    authorizationIdentity: str | None = None
    mechanism: str = "OAUTHBEARER"
    evidence: Evidence | None = None


def leaveEvidence(credentials: object, evidence: Evidence) -> None:
    """
    Leave C{evidence} on C{credentials} when they can hold it. Credentials that some other server
    made cannot, and a login without evidence is never usable under
    L{txjmapaccess.policy.EvidencePolicy}.
    """
    if IEvident.providedBy(credentials):
        credentials.evidence = evidence


def makeEvident(credentials: Any) -> None:
    """
    Let third-party credentials carry evidence, if they can.
    """
    if not hasattr(credentials, "evidence"):
        with contextlib.suppress(AttributeError, TypeError):
            credentials.evidence = None
            alsoProvides(credentials, IEvident)


class Authentication(NamedTuple):
    """
    A successful authentication, as a policy sees it.

    @ivar username: what the evidence says, else what the client typed; L{None} for a foreign
        mechanism that does not tell.
    @ivar mechanism: C{"LOGIN"}, C{"PLAIN"}, C{"OAUTHBEARER"}, C{"XOAUTH2"}, C{"CRAM-MD5"}, ...
    @ivar secret: what was shown.
    @ivar evidence: what our checker found out, or L{None} from a foreign checker.
    """

    username: str | None
    mechanism: str
    secret: Secret
    evidence: Evidence | None = None


class LoginRecord(NamedTuple):
    """
    What a connection keeps about its login. It does not change during the connection.

    @ivar username: see L{Authentication}.
    @ivar mechanism: see L{Authentication}.
    @ivar verdict: what may be said about JMAP.
    @ivar decidedAt: when the verdict was given, in seconds since the epoch.
    @ivar tokenExpires: when the token ends, in seconds since the epoch, or L{None}.
    """

    username: str | None
    mechanism: str
    verdict: Verdict
    decidedAt: float
    tokenExpires: float | None = None


def authenticationOf(credentials: object, mechanism: str | None = None) -> Authentication:
    """
    Describe credentials that a portal has accepted, for a policy.

    @param credentials: L{UsernamePassword} or L{BearerToken}, or those of a foreign SASL
        mechanism: they count as a password, or as nothing when they are
        L{twisted.cred.credentials.IAnonymous}.
    @param mechanism: the name of the mechanism, where the credentials do not know it.
    """
    evidence = credentials.evidence if IEvident.providedBy(credentials) else None
    return Authentication(
        username=typedName(credentials) if evidence is None else evidence.username,
        mechanism=mechanism or str(getattr(credentials, "mechanism", "UNKNOWN")),
        secret=_secretOf(credentials, evidence),
        evidence=evidence,
    )


def _secretOf(credentials: object, evidence: Evidence | None) -> Secret:
    if IBearerToken.providedBy(credentials):
        return Secret.TOKEN
    if IAnonymous.providedBy(credentials):
        return Secret.NOTHING
    if evidence is not None and evidence.tokenAsPassword:
        return Secret.TOKEN_AS_PASSWORD
    return Secret.PASSWORD


def typedName(credentials: object) -> str | None:
    """
    @return: the name that the client typed; octets that are no UTF-8 as lone surrogates.
    """
    name = getattr(credentials, "username", None)
    if isinstance(name, bytes):
        return name.decode("utf-8", "surrogateescape")
    return name if isinstance(name, str) else None
