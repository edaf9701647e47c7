# -*- test-case-name: tests.test_policy -*-
"""
From an L{Authentication} to a L{Verdict}, without any I/O.

L{verdictFor} is the only place where a policy is asked, for IMAP, JMAP and C{txjmapaccess check}.
L{EvidencePolicy} is for checkers that leave evidence. L{SharedCredentials} is for an operator who
knows that the IMAP server and the JMAP server use one password database or one OAuth provider.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from zope.interface import implementer

from txjmapaccess.credentials import Authentication, Secret
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.interfaces import IJMAPAccessPolicy
from txjmapaccess.sessionurl import SessionURLTemplate, checkSessionURL
from txjmapaccess.verdict import Known, Reason, Unknown, Usable, Verdict

_log = Logger()


class Policy(Protocol):
    """
    L{IJMAPAccessPolicy}, to type checkers that know nothing of zope interfaces.
    """

    def decide(self, authentication: Authentication) -> Verdict | Awaitable[Verdict]:
        """
        See L{IJMAPAccessPolicy.decide}.
        """


async def verdictFor(
    policy: Policy | None, authentication: Authentication, identifiersShared: bool
) -> Verdict:
    """
    Ask a policy. Whatever it says, the verdict is never C{Usable}

      - with an invalid URL;
      - without identifiers that JMAP shares;
      - for a login without an identity: RFC 9698, section 3, concludes from how the client
        authenticated that its credentials work for JMAP. An anonymous login, or one without a user
        name in evidence or credentials, allows no such conclusion.

    A policy that raises, fails, is cancelled, or returns something else is logged, and the verdict
    is C{Unknown}: the login itself succeeds.

    @param policy: L{None} where there is none.
    @param identifiersShared: whether JMAP has the same identifiers, see
        L{txjmapaccess.store.serveridentifiers}.

    @raise CancelledError: when this is cancelled while the policy decides.
    """
    if policy is None:
        return Unknown()
    wasCancelled: list[object] = []
    try:
        decided: object = policy.decide(authentication)
        if isinstance(decided, Awaitable):
            decided = await _cancellable(decided, wasCancelled)
        return _checked(decided, authentication, identifiersShared)
    except CancelledError:
        if wasCancelled:
            raise
        _log.error("The policy's decision about JMAP was cancelled")
    except ConfigurationError as e:
        _log.error("The JMAP session URL of a verdict {problem}", problem=str(e))
    except Exception:
        _log.failure("The policy could not decide about JMAP")
    return Unknown()


def _cancellable(decided: Awaitable[Any], wasCancelled: list[object]) -> Deferred[Any]:
    """
    @return: fires as C{decided} does. A caller that cancels it is recorded in C{wasCancelled}, to
        tell that from a policy that cancels by itself.
    """

    async def outcome() -> Any:
        return await decided

    asked = decided if isinstance(decided, Deferred) else Deferred.fromCoroutine(outcome())

    def cancel(cancelled: Deferred[Any]) -> None:
        wasCancelled.append(cancelled)
        try:
            asked.cancel()
        except Exception:
            _log.failure("The policy could not be cancelled")

    result: Deferred[Any] = Deferred(cancel)
    asked.chainDeferred(result)
    return result


def _checked(verdict: object, authentication: Authentication, identifiersShared: bool) -> Verdict:
    # New values: a subclass could say something else when it is asked again.
    if not isinstance(verdict, (Usable, Known, Unknown)):
        raise TypeError(f"a policy returned {type(verdict).__name__} instead of a verdict")
    reason = None if isinstance(verdict, Usable) else verdict.reason
    if not isinstance(verdict, Usable) and not isinstance(reason, Reason):
        # Whatever else it is might hold something about the user.
        raise TypeError(f"a policy returned {type(reason).__name__} instead of a reason")
    if isinstance(verdict, Unknown):
        return Unknown(reason or Reason.NO_SERVER)
    url = str.__str__(checkSessionURL(verdict.url))
    objection = reason or _identityObjection(authentication)
    if objection is None and not identifiersShared:
        objection = Reason.IDENTIFIERS
    return Usable(url) if objection is None else Known(url, objection)


def _identityObjection(authentication: Authentication) -> Reason | None:
    if authentication.secret is Secret.NOTHING:
        return Reason.ANONYMOUS
    return None if authentication.username else Reason.NO_EVIDENCE


def _template(sessionURL: str | None) -> SessionURLTemplate | None:
    if sessionURL is None:
        return None
    try:
        return SessionURLTemplate(sessionURL)
    except ConfigurationError as e:
        raise ConfigurationError(f"session_url {e}") from None


@implementer(IJMAPAccessPolicy)
class EvidencePolicy:
    """
    C{Usable} if the evidence allows it; without evidence, a login is C{Known} at best.

    @param sessionURL: the common JMAP session URL, with C{{user}} for the percent-encoded user
        name, or L{None} when only the evidence brings one.
    @param passwords: whether JMAP accepts the passwords that IMAP accepts.
    @param tokens: whether JMAP accepts the access tokens that IMAP accepts.
    @param passwordsMayBeTokens: whether JMAP accepts a token as a password.
    @param sameIdentifiers: whether the operator confirms that mailboxes and messages have the same
        identifiers over JMAP. Otherwise no login is usable.

    @raise ConfigurationError: for a session URL that must not be sent to clients.
    """

    _log = Logger()

    def __init__(
        self,
        sessionURL: str | None = None,
        *,
        passwords: bool = True,
        tokens: bool = True,
        passwordsMayBeTokens: bool = False,
        sameIdentifiers: bool = True,
    ) -> None:
        self._common = _template(sessionURL)
        self._passwords = passwords
        self._tokens = tokens
        self._passwordsMayBeTokens = passwordsMayBeTokens
        self._sameIdentifiers = sameIdentifiers

    def decide(self, authentication: Authentication) -> Verdict:
        """
        See L{IJMAPAccessPolicy.decide}.
        """
        url = self._url(authentication)
        if url is None:
            return Unknown()
        reason = self._objection(authentication)
        return Usable(url) if reason is None else Known(url, reason)

    def _url(self, authentication: Authentication) -> str | None:
        evidence = authentication.evidence
        if evidence is None or evidence.sessionURL is None:
            return None if self._common is None else self._common.forUser(authentication.username)
        try:
            return checkSessionURL(evidence.sessionURL)
        except ConfigurationError as e:
            # The common URL is not used instead: the evidence says that it is not this user's.
            self._log.warn(
                "The JMAP session URL from {source} for {username} {problem}",
                source=evidence.source,
                username=evidence.username,
                problem=str(e),
            )
            return None

    def _objection(self, authentication: Authentication) -> Reason | None:
        unidentified = _identityObjection(authentication)
        if unidentified is not None:
            return unidentified
        if authentication.secret is Secret.PASSWORD and not self._passwords:
            return Reason.PASSWORDS
        if authentication.secret is Secret.TOKEN and not self._tokens:
            return Reason.TOKENS
        if authentication.secret is Secret.TOKEN_AS_PASSWORD and not self._passwordsMayBeTokens:
            return Reason.TOKEN_AS_PASSWORD
        identifiers = None if self._sameIdentifiers else Reason.IDENTIFIERS
        return self._evidenceObjection(authentication) or identifiers

    def _evidenceObjection(self, authentication: Authentication) -> Reason | None:
        evidence = authentication.evidence
        return Reason.NO_EVIDENCE if evidence is None else evidence.objection


class SharedCredentials(EvidencePolicy):
    """
    For an operator who knows that the IMAP server and the JMAP server accept the same credentials
    (RFC 9698, examples 1 to 3). Evidence is not needed, but its objections count.

    The parameters are those of L{EvidencePolicy}.
    """

    def _evidenceObjection(self, authentication: Authentication) -> Reason | None:
        evidence = authentication.evidence
        return None if evidence is None else evidence.objection
