# -*- test-case-name: tests.ldap.test_checker -*-
"""
The credentials checker: user names and passwords in, evidence out.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.logger import Logger
from zope.interface import implementer

from txjmapaccess.cache import ResultCache
from txjmapaccess.credentials import Evidence, leaveEvidence
from txjmapaccess.interfaces import ICheckerLifecycle
from txjmapaccess.ldap.counters import LDAPCounters
from txjmapaccess.ldap.deadlines import Deadlines
from txjmapaccess.ldap.directory import Directory
from txjmapaccess.ldap.directoryserver import DirectoryServer
from txjmapaccess.ldap.serviceaccount import serviceAccount
from txjmapaccess.ldap.settings import LDAPSettings
from txjmapaccess.ldap.usernames import checkedPassword, checkedUsername
from txjmapaccess.ldap.verification import verifier
from txjmapaccess.settings import fromMapping


@implementer(ICredentialsChecker, ICheckerLifecycle)
class LDAPChecker:
    """
    Checks user names and passwords by binding to a directory. It connects on the first login.

    @param reactor: L{None} for the global one.
    @param keys: the settings, see L{LDAPSettings}.

    @raise ConfigurationError: one sentence that names the key.

    @ivar counters: counts logins and binds.
    """

    credentialInterfaces = (IUsernamePassword,)
    _log = Logger()

    def __init__(self, *, reactor: Any = None, **keys: Any) -> None:
        self._begin(fromMapping(LDAPSettings, keys), reactor)

    @classmethod
    def fromSettings(cls, settings: LDAPSettings, reactor: Any = None) -> LDAPChecker:
        """
        @return: a checker with valid settings.
        """
        checker = cls.__new__(cls)
        checker._begin(settings, reactor)
        return checker

    def _begin(self, settings: LDAPSettings, reactor: Any) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self.counters = LDAPCounters()
        self._deadlines = Deadlines(reactor)
        self._servers = _servers(settings, reactor, self._deadlines, self.counters)
        self._directory = Directory(
            reactor, self._servers, settings.round_robin, float(settings.timeout)
        )
        self._verifier = verifier(settings)
        self._cache: ResultCache[Evidence] | None = None
        if settings.cache_seconds > 0:
            lifetime = settings.cache_seconds
            # Refusals are not cached: a wrong password always goes to the directory.
            self._cache = ResultCache(
                reactor, lambda evidence: lifetime, refusalSeconds=0, pace=self._deadlines.pace
            )
        for sentence in settings.warnings():
            self._log.warn("LDAP: {sentence}", sentence=sentence)

    @property
    def cacheEntries(self) -> int:
        """
        Number of cached results.
        """
        return 0 if self._cache is None else self._cache.entries

    def requestAvatarId(  # type: ignore[override]
        self, credentials: IUsernamePassword
    ) -> Deferred[str]:
        """
        See L{twisted.cred.checkers.ICredentialsChecker}.

        @return: a Deferred of the canonical user name, which can be cancelled. It fails with
            L{Refused<txjmapaccess.errors.Refused>} or
            L{TemporaryFailure<txjmapaccess.errors.TemporaryFailure>}.
        """
        return Deferred.fromCoroutine(self._login(credentials))

    def start(self) -> None:
        """
        Test whether the servers respond, for the log (L{ICheckerLifecycle}).
        """
        for server in self._servers:
            server.health.check()

    def close(self) -> Deferred[None]:
        """
        Close everything (L{ICheckerLifecycle}).

        @return: a Deferred that fires when all connections and timers have ended.
        """
        closing = gatherResults([server.close() for server in self._servers])
        closing.addCallback(lambda _: self._deadlines.pace.whenIdle())
        return closing.addCallback(lambda _: self._deadlines.close())

    async def _login(self, credentials: IUsernamePassword) -> str:
        counters = self.counters
        try:
            username = checkedUsername(credentials.username)
            password = checkedPassword(credentials.password)
            if self._cache is None:
                evidence = await self._verify(username, password)
            else:
                evidence = await self._cached(self._cache, username, password)
        except UnauthorizedLogin:
            counters.refused += 1
            raise
        except (CancelledError, GeneratorExit):
            counters.cancelled += 1
            raise
        except BaseException:
            counters.failed += 1
            raise
        counters.accepted += 1
        leaveEvidence(credentials, evidence)
        return evidence.username

    async def _cached(
        self, cache: ResultCache[Evidence], username: str, password: bytes
    ) -> Evidence:
        isMiss = False

        def ask() -> Deferred[Evidence]:
            nonlocal isMiss
            isMiss = True
            self.counters.cacheMisses += 1
            return Deferred.fromCoroutine(self._verify(username, password))

        evidence = await cache.get((username.encode("utf-8"), password), ask)
        self.counters.fromCache += not isMiss
        return evidence

    def _verify(self, username: str, password: bytes) -> Coroutine[Deferred[Any], Any, Evidence]:
        return self._directory.ask(self._verifier.verify, username, password)


def _servers(
    settings: LDAPSettings, reactor: Any, deadlines: Deadlines, counters: LDAPCounters
) -> list[DirectoryServer]:
    tls, uris = settings.tls(), settings.servers()
    account = serviceAccount(settings) if settings.bind_dn_template is None else None
    counters.poolSize = settings.connections * len(uris)
    return [
        DirectoryServer(reactor, deadlines, settings, uri, tls, account, counters) for uri in uris
    ]
