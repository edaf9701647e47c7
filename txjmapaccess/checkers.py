# -*- test-case-name: tests.test_checkers -*-
"""
Several credentials checkers as one, third-party checkers included.

L{twisted.cred.portal.Portal} keeps one checker for each credentials interface, and the last one
that is registered wins. L{chain} makes one for each interface that asks all of them in order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.application.service import Service
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials
from twisted.cred.error import UnauthorizedLogin, UnhandledCredentials
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer
from zope.interface.interface import InterfaceClass

from txjmapaccess.credentials import Evidence, leaveEvidence, typedName
from txjmapaccess.errors import (
    ForeignAuthorizationIdentity,
    PasswordExpired,
    Refused,
    TokenRefused,
)
from txjmapaccess.interfaces import IBearerToken, ICheckerLifecycle, IEvident, ITokenAdvice

#: Refusals that say more than "no". They take precedence over a later checker's plain refusal.
_SPECIFIC = (ForeignAuthorizationIdentity, PasswordExpired, TokenRefused)


@implementer(ICredentialsChecker)
class EvidentChecker:
    """
    Adds evidence to a checker that leaves none: when it accepts, the user is the name as typed. A
    challenge (CRAM-MD5) counts as a password. A token does not count: only its checker knows whose
    it is.

    The avatar id is passed on without a look: some checkers return objects of their own, or a
    password in it.

    @param checker: the L{ICredentialsChecker}.
    @param source: the name of the checker, for the log.
    """

    def __init__(self, checker: Any, source: str) -> None:
        self._checker = checker
        self._source = source
        self.credentialInterfaces = tuple(checker.credentialInterfaces)

    def requestAvatarId(self, credentials: ICredentials) -> Deferred[Any]:
        """
        See L{ICredentialsChecker.requestAvatarId}.
        """
        asked = maybeDeferred(self._checker.requestAvatarId, credentials)
        return asked.addCallback(self._accepted, credentials)

    def _accepted(self, avatarId: Any, credentials: ICredentials) -> Any:
        username = typedName(credentials)
        isToken = IBearerToken.providedBy(credentials)
        if username is not None and not isToken and _evidence(credentials) is None:
            leaveEvidence(credentials, Evidence(username=username, source=self._source))
        return avatarId


def _evidence(credentials: object) -> Evidence | None:
    return credentials.evidence if IEvident.providedBy(credentials) else None


@implementer(ICredentialsChecker, ITokenAdvice)
class CheckerChain:
    """
    Asks checkers in order. After a refusal it asks the next; any other failure ends the login,
    because the checker that failed might have accepted.

    When all refuse, the client gets the first refusal with a reason (an expired password, a foreign
    authorization identity, a token without the scope), or else the last one.
    """

    def __init__(self, interface: InterfaceClass, checkers: Iterable[ICredentialsChecker]) -> None:
        self.credentialInterfaces = (interface,)
        self._checkers = tuple(checkers)

    def requestAvatarId(self, credentials: ICredentials) -> Any:
        """
        See L{ICredentialsChecker.requestAvatarId}. Cancelling cancels the current checker and asks
        no other.
        """
        if len(self._checkers) == 1:
            return self._checkers[0].requestAvatarId(credentials)
        return Deferred.fromCoroutine(self._ask(credentials))

    def advise(self, refusal: TokenRefused) -> TokenRefused:
        """
        See L{ITokenAdvice.advise}. The first checker that has advice gives it.
        """
        for checker in self._checkers:
            if ITokenAdvice.providedBy(checker):
                advised: TokenRefused = checker.advise(refusal)
                return advised
        return refusal

    async def _ask(self, credentials: ICredentials) -> Any:
        refusals: list[Exception] = []
        for checker in self._checkers:
            try:
                return await maybeDeferred(checker.requestAvatarId, credentials)
            except (UnauthorizedLogin, UnhandledCredentials) as refusal:
                refusals.append(refusal)
                _forgetEvidence(credentials)
        raise _mostSpecific(refusals)


def _forgetEvidence(credentials: object) -> None:
    if IEvident.providedBy(credentials):
        credentials.evidence = None


def _mostSpecific(refusals: list[Exception]) -> Exception:
    for refusal in refusals:
        if isinstance(refusal, _SPECIFIC):
            return refusal
    last = refusals[-1]
    return last if isinstance(last, UnauthorizedLogin) else Refused("no checker for this")


def chain(checkers: Iterable[Any]) -> list[ICredentialsChecker]:
    """
    @param checkers: L{ICredentialsChecker}s.

    @return: one checker for each credentials interface that C{checkers} have, in the order in
        which they come, to make a L{twisted.cred.portal.Portal} of.
    """
    members: dict[InterfaceClass, list[ICredentialsChecker]] = {}
    for checker in checkers:
        for interface in checker.credentialInterfaces:
            members.setdefault(interface, []).append(checker)
    return [CheckerChain(interface, asked) for interface, asked in members.items()]


class CheckerService(Service):
    """
    Starts and closes the checkers that hold connections, together with the service.
    """

    _log = Logger()

    def __init__(self, checkers: Iterable[ICredentialsChecker]) -> None:
        self._checkers = [c for c in checkers if ICheckerLifecycle.providedBy(c)]
        self._retirement: IDelayedCall | None = None

    def startService(self) -> None:
        """
        See L{ICheckerLifecycle.start}.
        """
        super().startService()
        self.tryOut()

    def tryOut(self) -> None:
        """
        Start the checkers, or start them again: each tests its back end.
        """
        for checker in self._checkers:
            try:
                checker.start()
            except Exception:
                self._log.failure("A checker failed")

    def retire(self, clock: IReactorTime, seconds: float) -> None:
        """
        Close, and leave the parent, when current logins have had time to finish.

        @param seconds: how much time.
        """
        self._retirement = clock.callLater(seconds, self.disownServiceParent)

    def stopService(self) -> Deferred[Any]:
        """
        @return: a Deferred that fires when all checkers are closed.
        """
        super().stopService()
        if self._retirement is not None and self._retirement.active():
            self._retirement.cancel()
        return DeferredList([self._close(checker) for checker in self._checkers])

    def _close(self, checker: ICheckerLifecycle) -> Deferred[Any]:
        closed = maybeDeferred(checker.close)
        return closed.addErrback(
            lambda f: self._log.failure("A checker could not be closed", failure=f)
        )
