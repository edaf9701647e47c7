# -*- test-case-name: tests.integration.test_check_session -*-
"""
The session URL of C{[jmap]}, requested without credentials.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from txjmapaccess.check.findings import Finding, warning, wrong
from txjmapaccess.check.peercertificate import datesOf
from txjmapaccess.check.sessionclient import (
    SECONDS,
    BadRedirect,
    RequestFailed,
    SessionClient,
    explainFailure,
)
from txjmapaccess.check.sessionresponse import KEY, missingScheme, strangerFinding
from txjmapaccess.check.steps import Step
from txjmapaccess.sessionurl import SessionURLTemplate
from txjmapaccess.twistd.config import Settings


def sessionSteps(
    reactor: Any, settings: Settings, days: float, passwords: bool, tokens: bool
) -> list[Step]:
    """
    @param days: how many days before the end of the server's certificate to warn.
    @param passwords: whether there is a checker for passwords.
    @param tokens: whether there is one for tokens.

    @return: at most one step: a URL for each user cannot be requested without a user.
    """
    url = settings.jmap.session_url
    if url is None or SessionURLTemplate(url).perUser:
        return []
    jmap = settings.jmap
    check = SessionCheck(reactor, url, days, passwords and jmap.passwords, tokens and jmap.tokens)
    return [Step(check.subject, check.run, SECONDS)]


def unaskedURL(settings: Settings, isUserNamed: bool) -> list[Finding]:
    """
    @param isUserNamed: whether a user's own URL will be requested anyway.

    @return: a warning about a configuration without a URL to request.
    """
    url = settings.jmap.session_url
    if url is not None:
        if not SessionURLTemplate(url).perUser or isUserNamed:
            return []
        what = "not checked, because it contains {user}"
        return [warning(f"{KEY} {url}", what, "use --user")]
    ldap, introspection = settings.ldap, settings.introspection
    isOwn = ldap is not None and ldap.session_url_attribute is not None
    isOwn |= introspection is not None and introspection.session_url_claim is not None
    if isOwn:
        what = "not set: only users with their own session URL learn about JMAP"
    else:
        what = "not set: no user learns about JMAP"
    return [warning(KEY, what, "set it")]


@dataclass(frozen=True)
class SessionCheck:
    """
    @ivar passwords: whether a login with a password can be usable there.
    @ivar tokens: whether a login with a token can.
    """

    reactor: Any
    url: str
    days: float
    passwords: bool
    tokens: bool

    @property
    def subject(self) -> str:
        """
        What its lines begin with.
        """
        return f"{KEY} {self.url}"

    async def run(self) -> list[Finding]:
        """
        Request the Session object.
        """
        try:
            response = await SessionClient(self.reactor).ask(self.url)
        except RequestFailed as e:
            return [wrong(self.subject, *await explainFailure(self.reactor, e))]
        except BadRedirect as e:
            return [wrong(self.subject, f"it {e}", f"correct {KEY}")]
        found = [strangerFinding(response, self.subject)]
        missing = missingScheme(response, self.passwords, self.tokens)
        if missing is not None:
            found.append(warning(self.subject, *missing))
        dates = await datesOf(self.reactor, response.url, self.subject, time.time(), self.days)
        return [*found, *dates]
