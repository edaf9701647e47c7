# -*- test-case-name: tests.integration.test_check_login -*-
"""
The login of C{--user} and C{--token}: checked by the checkers of the service, then by its policy,
then compared with the JMAP response to the same credentials.

No avatar is made: a user's first avatar creates directories, and this process may not run as the
user of the service.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.internet.defer import maybeDeferred
from twisted.python.failure import Failure

from txjmapaccess.check.findings import Finding, warning, wrong
from txjmapaccess.check.sessionclient import (
    SECONDS,
    BadRedirect,
    RequestFailed,
    SessionClient,
    basic,
    bearer,
    explainFailure,
)
from txjmapaccess.check.sessionresponse import KEY
from txjmapaccess.check.steps import Step
from txjmapaccess.check.verdictreport import refusalFinding, sessionFinding, verdictFinding
from txjmapaccess.checkers import chain
from txjmapaccess.credentials import BearerToken, UsernamePassword, authenticationOf
from txjmapaccess.interfaces import ICheckerLifecycle
from txjmapaccess.policy import Policy, verdictFor
from txjmapaccess.verdict import Known, Unknown, Usable

#: Seconds for checkers that have no timeout of their own.
LOGIN_SECONDS = 60.0

Credentials = UsernamePassword | BearerToken


def loginStep(
    reactor: Any,
    credentials: Credentials,
    checkers: Sequence[ICredentialsChecker],
    policy: Policy,
    identifiersAssumed: bool,
) -> Step:
    """
    @param identifiersAssumed: see L{verdictFinding}.
    """
    check = LoginCheck(reactor, credentials, checkers, policy, identifiersAssumed)
    return Step(check.subject, check.run, LOGIN_SECONDS + SECONDS)


@dataclass(frozen=True)
class LoginCheck:
    """
    @ivar checkers: those of the service. They are closed at the end.
    """

    reactor: Any
    credentials: Credentials
    checkers: Sequence[ICredentialsChecker]
    policy: Policy
    identifiersAssumed: bool

    @property
    def subject(self) -> str:
        """
        What its lines begin with.
        """
        if isinstance(self.credentials, BearerToken):
            return "login with the token"
        return f"login of {self.credentials.username.decode('utf-8', 'replace')}"

    async def run(self) -> list[Finding]:
        """
        Log in and compare.
        """
        try:
            return await self._login()
        finally:
            for checker in self.checkers:
                if ICheckerLifecycle.providedBy(checker):
                    await checker.close()

    async def _login(self) -> list[Finding]:
        checker = self._checker()
        if checker is None:
            what = "nothing is configured that checks access tokens"
            return [wrong(self.subject, what, "add [introspection], or omit --token")]
        try:
            asked = maybeDeferred(checker.requestAvatarId, self.credentials)
            await asked.addTimeout(LOGIN_SECONDS, self.reactor)
        except Exception:
            return [refusalFinding(Failure(), self.subject)]
        return await self._judged()

    def _checker(self) -> Any:
        for checker in chain(self.checkers):
            if any(i.providedBy(self.credentials) for i in checker.credentialInterfaces):
                return checker
        return None

    async def _judged(self) -> list[Finding]:
        authentication = authenticationOf(self.credentials)
        # Without an avatar, whether its identifiers can be read is not known: verdictFinding says
        # so.
        verdict = await verdictFor(self.policy, authentication, identifiersShared=True)
        assumed = self.identifiersAssumed
        found = verdictFinding(verdict, authentication, assumed, f"{self.subject}: verdict")
        if isinstance(verdict, Unknown):
            return [found]
        return [found, await self._compared(verdict, authentication.secret)]

    async def _compared(self, verdict: Usable | Known, secret: Any) -> Finding:
        subject = f"{self.subject}: JMAP at {verdict.url}"
        try:
            response = await SessionClient(self.reactor).ask(verdict.url, self._authorization())
        except RequestFailed as e:
            return wrong(subject, *await explainFailure(self.reactor, e))
        except BadRedirect as e:
            remedy = f"set {KEY} to the final URL and check again"
            return warning(subject, f"it {e}, so there is nothing to compare", remedy)
        return sessionFinding(verdict, secret, response, subject)

    def _authorization(self) -> bytes:
        credentials = self.credentials
        if isinstance(credentials, BearerToken):
            return bearer(credentials.token)
        return basic(credentials.username, credentials.password)
