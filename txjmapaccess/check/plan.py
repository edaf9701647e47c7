# -*- test-case-name: tests.check.test_command -*-
"""
From a configuration to the steps of its check.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword

from txjmapaccess.check.certificatecheck import checkListening, checkMetrics
from txjmapaccess.check.findings import Finding, wrong
from txjmapaccess.check.introspectioncheck import introspectionStep
from txjmapaccess.check.ldapcheck import ldapSteps, warningsAbout
from txjmapaccess.check.logincheck import Credentials, loginStep
from txjmapaccess.check.options import CheckOptions
from txjmapaccess.check.realmcheck import checkRealm
from txjmapaccess.check.sessioncheck import sessionSteps, unaskedURL
from txjmapaccess.check.steps import Step
from txjmapaccess.interfaces import IBearerToken
from txjmapaccess.ldap.settings import LDAPSettings
from txjmapaccess.oauth.settings import IntrospectionSettings
from txjmapaccess.settings import fromArguments
from txjmapaccess.twistd.config import Settings
from txjmapaccess.twistd.connectionsettings import makeCheckers, makeConnectionSettings
from txjmapaccess.twistd.plugins import FoundRealm

#: Seconds for a step that only reads files.
_FILES = 10.0


def makeSteps(
    reactor: Any, options: CheckOptions, settings: Settings, credentials: Credentials | None
) -> list[Step]:
    """
    @param credentials: whose login to check, or L{None}.

    @return: the steps, in the order of their lines.
    """
    now, days = time.time(), float(options["days"])
    realm, found = checkRealm(settings.imap.realm or "")
    metrics = settings.metrics.listen
    checkers = [*makeCheckers(settings, reactor), *options["credCheckers"]]
    passwords, tokens = _checks(checkers, IUsernamePassword), _checks(checkers, IBearerToken)
    return [
        _known("[imap]", checkListening(reactor, settings.imap, now, days) + realm),
        _known("[metrics]", checkMetrics(reactor, metrics, settings.imap, now, days)),
        *_backEnds(reactor, options, settings, days),
        *sessionSteps(reactor, settings, days, passwords, tokens),
        _known("[jmap]", unaskedURL(settings, credentials is not None)),
        *([] if credentials is None else [_login(reactor, credentials, settings, found, checkers)]),
    ]


def _backEnds(reactor: Any, options: CheckOptions, settings: Settings, days: float) -> list[Step]:
    steps = []
    for directory in _directories(options, settings):
        steps.append(_known("[ldap]", warningsAbout(directory)))
        steps += ldapSteps(reactor, directory, days)
    return steps + [introspectionStep(reactor, p, days) for p in _providers(options, settings)]


def _known(subject: str, findings: Sequence[Finding]) -> Step:
    async def run() -> list[Finding]:
        return list(findings)

    return Step(subject, run, _FILES)


def _directories(options: CheckOptions, settings: Settings) -> list[LDAPSettings]:
    found = [fromArguments(LDAPSettings, arguments) for arguments in options.directories]
    return found + ([settings.ldap] if settings.ldap is not None else [])


def _providers(options: CheckOptions, settings: Settings) -> list[IntrospectionSettings]:
    found = [fromArguments(IntrospectionSettings, arguments) for arguments in options.providers]
    return found + ([settings.introspection] if settings.introspection is not None else [])


def _checks(checkers: Sequence[ICredentialsChecker], interface: Any) -> bool:
    return any(interface in checker.credentialInterfaces for checker in checkers)


def _login(
    reactor: Any,
    credentials: Credentials,
    settings: Settings,
    found: FoundRealm | None,
    checkers: Sequence[ICredentialsChecker],
) -> Step:
    if found is None:
        what = "not checked, because the realm cannot be created"
        return _known("login", [wrong("login", what, "fix that first")])
    policy = makeConnectionSettings(settings, found, checkers, None).policy
    return loginStep(reactor, credentials, checkers, policy, not found.inventsIdentifiers)
