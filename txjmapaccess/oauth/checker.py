# -*- test-case-name: tests.oauth.test_checker -*-
"""
The credentials checker for access tokens.

::

    credentials -> token and user -> ResultCache -> IntrospectionClient -> tokenInfo() -> Evidence
"""

from __future__ import annotations

import dataclasses
import math
import secrets
import time
from collections.abc import Callable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials, IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import Interface, implementer

from txjmapaccess.cache import REFUSAL_SECONDS, ResultCache
from txjmapaccess.credentials import Evidence, leaveEvidence
from txjmapaccess.errors import Refused, TemporaryFailure, TokenRefused
from txjmapaccess.files import exposure
from txjmapaccess.http.client import HTTPClient, Network
from txjmapaccess.interfaces import IBearerToken, ICheckerLifecycle, ITokenAdvice
from txjmapaccess.oauth.availabilitylog import AvailabilityLog
from txjmapaccess.oauth.counters import IntrospectionCounters
from txjmapaccess.oauth.introspection import MalformedResponse, TokenInfo, checkUser, tokenInfo
from txjmapaccess.oauth.introspectionclient import IntrospectionClient
from txjmapaccess.oauth.settings import LONGEST_TOKEN, TOKEN, IntrospectionSettings
from txjmapaccess.pacing import Pace
from txjmapaccess.settings import fromMapping


@implementer(ICredentialsChecker, ICheckerLifecycle, ITokenAdvice)
class IntrospectionChecker:
    """
    Accepts access tokens that an OAuth 2.0 provider calls valid, and leaves evidence of whether
    they are valid for JMAP.

    @param reactor: the reactor; L{None} for the global one.
    @param network: sends all requests; L{None} for one with C{ca_file}.
    @param now: the time, in seconds since the epoch.
    @param keys: the settings, named as in the configuration file; see L{IntrospectionSettings}.

    @ivar credentialInterfaces: L{IBearerToken}; and
        L{twisted.cred.credentials.IUsernamePassword} with C{as_password}.
    @ivar counters: counts logins and requests.

    @raise ConfigurationError: for invalid settings.
    """

    _log = Logger()

    credentialInterfaces: tuple[type[Interface], ...] = (IBearerToken,)

    def __init__(
        self,
        *,
        reactor: Any = None,
        network: Network | None = None,
        now: Callable[[], float] = time.time,
        **keys: Any,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self._settings = settings = fromMapping(IntrospectionSettings, keys)
        self._now = now
        self._nonsense = AvailabilityLog(reactor)
        http = HTTPClient(network or Network(reactor, settings.trustRoot))
        self._pace = Pace(reactor)
        self.counters = IntrospectionCounters()
        self._client = IntrospectionClient(settings, http, reactor, self.counters)
        # Without a cache, refusals are not cached either.
        refusalSeconds = REFUSAL_SECONDS if settings.cache_seconds else 0.0
        self._cache: ResultCache[TokenInfo] = ResultCache(
            reactor, self._lifetime, refusalSeconds, pace=self._pace
        )
        if settings.as_password:
            self.credentialInterfaces = (IBearerToken, IUsernamePassword)

    @classmethod
    def fromSettings(
        cls, settings: IntrospectionSettings, reactor: Any = None
    ) -> IntrospectionChecker:
        """
        @return: a checker with valid settings.
        """
        keys = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings) if f.init}
        return cls(reactor=reactor, **keys)

    def start(self) -> None:
        """
        Discover the endpoint (again) and introspect a random token. This finds an unreachable
        provider, a wrong client secret, and a provider that accepts anything. See
        L{ICheckerLifecycle.start}.
        """
        sentence = exposure(self._settings.client_secret_file)
        if sentence is not None:
            self._log.warn("Introspection: client_secret_file: {sentence}", sentence=sentence)
        probe = self._client.introspect(secrets.token_urlsafe(32), rediscover=True)
        # The client has logged the failure.
        probe.addCallbacks(self._probed, lambda failure: failure.trap(TemporaryFailure))
        probe.addErrback(lambda f: self._log.failure("Testing the introspection endpoint", f))

    def close(self) -> Deferred[None]:
        """
        See L{ICheckerLifecycle.close}.
        """
        return self._client.close().addCallback(lambda _: self._pace.whenIdle())

    @property
    def cacheEntries(self) -> int:
        """
        Number of cached responses.
        """
        return self._cache.entries

    def requestAvatarId(self, credentials: ICredentials) -> Deferred[Any]:
        """
        @return: a Deferred of the user's name. It can be cancelled without disturbing other logins.
            It fails with L{TokenRefused} (L{Refused} for a password),
            L{txjmapaccess.errors.ForeignAuthorizationIdentity}, or L{TemporaryFailure} if the
            provider cannot answer.
        """
        info = maybeDeferred(self._lookUp, credentials)
        return info.addCallback(self._accept, credentials).addErrback(self._count)

    def _count(self, failure: Failure) -> Failure:
        if failure.check(CancelledError):
            self.counters.cancelled += 1
        elif failure.check(UnauthorizedLogin):
            self.counters.refused += 1
        else:
            self.counters.failed += 1
        return failure

    def _lookUp(self, credentials: Any) -> Deferred[TokenInfo]:
        if IBearerToken.providedBy(credentials):
            return self._lookUpToken(credentials.token)
        password = _text(credentials.password)
        if not password.startswith(self._settings.password_prefix):
            raise Refused("The password does not have the prefix of a token")
        return maybeDeferred(self._lookUpToken, password).addErrback(_notAToken)

    def _lookUpToken(self, token: str) -> Deferred[TokenInfo]:
        if len(token) > LONGEST_TOKEN or not TOKEN.match(token):
            raise self.advise(TokenRefused("This is not an access token (RFC 6750)"))
        misses = self.counters.cacheMisses
        info = self._cache.get((token.encode(),), lambda: self._introspect(token))
        self.counters.cacheHits += self.counters.cacheMisses == misses
        return info

    def _accept(self, info: TokenInfo, credentials: Any) -> str:
        isToken = IBearerToken.providedBy(credentials)
        user = credentials.authorizationIdentity if isToken else _text(credentials.username)
        checkUser(info, user)
        leaveEvidence(credentials, self._evidence(info, tokenAsPassword=not isToken))
        self.counters.accepted += 1
        return info.username

    def _introspect(self, token: str) -> Deferred[TokenInfo]:
        self.counters.cacheMisses += 1
        return self._client.introspect(token).addCallback(self._judge)

    def _judge(self, response: dict[str, object]) -> TokenInfo:
        try:
            return tokenInfo(response, self._settings, self._now())
        except MalformedResponse as e:
            self._nonsense.failed(f"in the provider's response, {e}")
            raise
        except TokenRefused as e:
            raise self.advise(e) from None

    def advise(self, refusal: TokenRefused) -> TokenRefused:
        """
        See L{ITokenAdvice.advise}.
        """
        scope = " ".join(self._settings.imap_scopes) or None
        openid = self._client.openidConfiguration
        return TokenRefused(str(refusal), refusal.status, scope, openid)

    def _lifetime(self, info: TokenInfo) -> float:
        untilExpiry = math.inf if info.expires is None else info.expires - self._now()
        return min(self._settings.cache_seconds, untilExpiry)

    def _evidence(self, info: TokenInfo, tokenAsPassword: bool) -> Evidence:
        return Evidence(
            username=info.username,
            source="introspection",
            objection=info.objection,
            sessionURL=info.sessionURL,
            expires=info.expires,
            endAtExpiry=self._settings.end_at_expiry,
            tokenAsPassword=tokenAsPassword,
        )

    def _probed(self, response: dict[str, object]) -> None:
        if response.get("active") is True:
            self._log.error("The introspection endpoint reports a random token as active")


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _notAToken(failure: Failure) -> Failure:
    """
    A password that is not a token may still be right as a password: the next checker decides.
    """
    if isinstance(failure.value, TokenRefused):
        raise Refused(str(failure.value))
    return failure
