# -*- test-case-name: tests.integration.test_check_provider -*-
"""
The introspection endpoint of C{[introspection]}: discovered as for a login, and queried about a
random token, which shows whether C{client_id} and its secret are accepted.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

from txjmapaccess.check.explanation import explainURL
from txjmapaccess.check.findings import Finding, ok, openSecret, wrong
from txjmapaccess.check.peercertificate import datesOf
from txjmapaccess.check.steps import Step
from txjmapaccess.credentials import BearerToken
from txjmapaccess.errors import TemporaryFailure, TokenRefused
from txjmapaccess.oauth.checker import IntrospectionChecker
from txjmapaccess.oauth.settings import IntrospectionSettings

#: The refusal in L{txjmapaccess.oauth.introspection} for an unknown token.
NOT_ACTIVE = "The token is not active"

#: Parts of the checker's texts, and remedies.
_REMEDIES = (
    ("does not accept client_id", "correct client_id, client_secret_file or client_auth"),
    ("not the metadata of the issuer", "set issuer to the provider's own issuer identifier"),
    ("names no introspection_endpoint", "enable introspection there, or set endpoint"),
    ("not a JSON object", "correct endpoint or issuer: this is not an introspection endpoint"),
    (" responded with ", "correct endpoint or issuer, or check the provider's log"),
)


def introspectionStep(reactor: Any, settings: IntrospectionSettings, days: float) -> Step:
    """
    @param days: how many days before the end of the provider's certificate to warn.
    """
    check = IntrospectionCheck(reactor, settings, days)
    return Step(check.subject, check.run, 2 * settings.timeout + 15)


@dataclass(frozen=True)
class IntrospectionCheck:
    """
    @ivar days: see L{introspectionStep}.
    """

    reactor: Any
    settings: IntrospectionSettings
    days: float

    @property
    def url(self) -> str:
        """
        The configured URL.
        """
        return self.settings.endpoint or self.settings.issuer or ""

    @property
    def subject(self) -> str:
        """
        What its lines begin with.
        """
        return f"[introspection] {self.url}"

    async def run(self) -> list[Finding]:
        """
        Check the provider.
        """
        checker = IntrospectionChecker.fromSettings(self.settings, self.reactor)
        try:
            await checker.requestAvatarId(BearerToken(secrets.token_urlsafe(32)))
        except TokenRefused as e:
            found = self._accepts() if str(e) == NOT_ACTIVE else self._acceptsAll()
        except TemporaryFailure as e:
            return [await self._failed(str(e))]
        else:
            found = self._acceptsAll()
        finally:
            await checker.close()
        dates = await datesOf(self.reactor, self.url, self.subject, time.time(), self.days)
        return [found, *dates, *openSecret(self.subject, self.settings.client_secret_file)]

    def _accepts(self) -> Finding:
        found = "discovery succeeded, and" if self.settings.issuer is not None else "it"
        return ok(self.subject, f"{found} accepts client_id and its secret")

    def _acceptsAll(self) -> Finding:
        what = "it reports a random token as active, so anyone could log in"
        return wrong(self.subject, what, "do not use this endpoint")

    async def _failed(self, problem: str) -> Finding:
        for text, remedy in _REMEDIES:
            if text in problem:
                return wrong(self.subject, problem, remedy)
        key = "[introspection] endpoint" if self.settings.endpoint else "[introspection] issuer"
        trust = "[introspection] ca_file"
        explanation = await explainURL(self.reactor, self.url, problem, key, trust)
        return wrong(self.subject, *explanation)
