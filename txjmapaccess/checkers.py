# -*- test-case-name: tests.test_checkers -*-
"""
Several credentials checkers as one, checkers of others among them.

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

#: Refusals that say more than "no": they are worth more than a later checker's plain one.
_SPECIFIC = (ForeignAuthorizationIdentity, PasswordExpired, TokenRefused)


@implementer(ICredentialsChecker)
class EvidentChecker:
    """
    A checker that leaves no evidence, with the evidence that its acceptance is: the user is the
    name that was typed. Whoever proves by a challenge (CRAM-MD5) that they know the password has
    shown a password; a token says itself who the user is, and is none of this.

    What the checker gives for an avatar id is passed on and never looked at: there are checkers
    whose avatar ids are objects of their own, or hold the password.

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
    Asks checkers in order. A refusal passes on to the next; whatever else goes wrong ends it,
    because a checker that cannot tell might have accepted.

    When all refuse, the client is told the first refusal that says why (an expired password, a
    foreign authorization identity, a token that does not reach), or else the last one.
    """

    def __init__(self, interface: InterfaceClass, checkers: Iterable[ICredentialsChecker]) -> None:
        self.credentialInterfaces = (interface,)
        self._checkers = tuple(checkers)

    def requestAvatarId(self, credentials: ICredentials) -> Any:
        """
        See L{ICredentialsChecker.requestAvatarId}. Cancelling cancels the checker that is being
        asked, and no other is asked after it.
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
    Starts and closes those of C{checkers} that hold connections, with the service.
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
        Start the checkers, or start them again: each finds out whether its back end can be used.
        """
        for checker in self._checkers:
            try:
                checker.start()
            except Exception:
                self._log.failure("A checker failed")

    def retire(self, clock: IReactorTime, seconds: float) -> None:
        """
        Close, and leave the parent, when the logins that the checkers have now are over.

        @param seconds: how long that may take.
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
