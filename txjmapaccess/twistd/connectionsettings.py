# -*- test-case-name: tests.twistd.test_connectionsettings -*-
"""
The settings of new connections. One immutable L{ConnectionSettings} holds everything that a reload
can change; the factory gets the current one for each connection, and a connection keeps its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.portal import Portal
from twisted.internet.protocol import ServerFactory

from txjmapaccess.checkers import chain
from txjmapaccess.hosts import isIn
from txjmapaccess.imap.settings import EXTENSIONS, MixinSettings, extensionNames
from txjmapaccess.imap.tlsrequirement import isFromLoopback
from txjmapaccess.interfaces import ICapabilityProvider, IJMAPAccessPolicy
from txjmapaccess.limits import Limits
from txjmapaccess.pacing import Pace
from txjmapaccess.policy import EvidencePolicy
from txjmapaccess.twistd.certificate import ReloadableCertificate
from txjmapaccess.twistd.config import JMAPSettings, LimitSettings, Settings
from txjmapaccess.twistd.plugins import FoundRealm
from txjmapaccess.twistd.shutdown import Connections, StoppableServer


@dataclass(frozen=True)
class ConnectionSettings:
    """
    @ivar portal: logs in.
    @ivar policy: decides about JMAPACCESS.
    @ivar debugging: whether to send the response codes of the draft.
    @ivar extensions: the capabilities of ours that are offered.
    @ivar requireTLS: whether to refuse unencrypted logins, except from loopback.
    @ivar certificate: for STARTTLS, or L{None}.
    @ivar limits: C{[imap.limits]}.
    @ivar counts: counts what C{limits} apply to.
    @ivar proxies: networks whose PROXY protocol header is trusted.
    @ivar proxiesEndTLS: whether connections from them count as protected.
    """

    portal: Portal
    policy: IJMAPAccessPolicy
    debugging: bool
    extensions: frozenset[str]
    requireTLS: bool
    certificate: ReloadableCertificate | None
    limits: LimitSettings
    counts: Limits = field(default_factory=Limits)
    proxies: tuple[Any, ...] = ()
    proxiesEndTLS: bool = False

    def believes(self, peer: Any) -> bool:
        """
        @return: whether the PROXY protocol header of this peer is trusted.
        """
        return bool(self.proxies) and isIn(self.proxies, getattr(peer, "host", ""))


def makeConnectionSettings(
    settings: Settings,
    found: FoundRealm,
    checkers: Iterable[ICredentialsChecker],
    certificate: ReloadableCertificate | None,
    before: ConnectionSettings | None = None,
) -> ConnectionSettings:
    """
    @param before: the settings that these replace: their counters continue, but refused logins are
        counted from zero if the limits have changed.

    @raise ConfigurationError: for invalid settings.
    """
    return ConnectionSettings(
        portal=Portal(found.realm, chain(checkers)),
        policy=_policy(settings.jmap, found),
        debugging=settings.jmap.debugging,
        extensions=frozenset(EXTENSIONS)
        - extensionNames(settings.imap.extensions_off, "extensions_off"),
        requireTLS=settings.imap.require_tls,
        certificate=certificate,
        limits=settings.limits,
        counts=_counts(settings.limits, before),
        proxies=tuple(ip_network(network) for network in settings.imap.proxy_protocol_from),
        proxiesEndTLS=settings.imap.proxy_protocol_tls,
    )


def _counts(limits: LimitSettings, before: ConnectionSettings | None) -> Limits:
    if before is not None and before.limits == limits:
        return before.counts
    return Limits(
        connections=limits.connections,
        unauthenticatedPerAddress=limits.unauthenticated_per_address,
        failuresPerAddress=limits.failures_per_address,
        window=limits.window,
        exempt=limits.exempt,
        counters=None if before is None else before.counts.counters,
    )


def _policy(jmap: JMAPSettings, found: FoundRealm) -> EvidencePolicy:
    return EvidencePolicy(
        jmap.session_url,
        passwords=jmap.passwords,
        tokens=jmap.tokens,
        passwordsMayBeTokens=jmap.passwords_may_be_tokens,
        sameIdentifiers=jmap.same_identifiers or not found.inventsIdentifiers,
    )


def makeCheckers(settings: Settings, reactor: Any) -> Sequence[ICredentialsChecker]:
    """
    @return: the checkers of [introspection] and [ldap], in this order.

    @raise ConfigurationError: for a file that cannot be used.
    """
    checkers: list[ICredentialsChecker] = []
    # First, because a token sent as a password would be a wrong password for the directory, which
    # may count it.
    if settings.introspection is not None:
        from txjmapaccess.oauth import IntrospectionChecker

        checkers.append(IntrospectionChecker.fromSettings(settings.introspection, reactor))
    if settings.ldap is not None:
        from txjmapaccess.ldap import LDAPChecker

        checkers.append(LDAPChecker.fromSettings(settings.ldap, reactor))
    return checkers


class IMAPFactory(ServerFactory):
    """
    @param settings: returns the current L{ConnectionSettings}.
    @param providers: further capability providers.
    @param implicitTLS: whether TLS begins with the connection, so that there is no STARTTLS.
    @param connections: registers the connections; L{None} for a new registry.
    @param pace: paces the start of logins; L{None} for no delay.
    """

    protocol: Any = StoppableServer

    _kinds: tuple[ConnectionSettings, Any, Any] | None = None

    def __init__(
        self,
        settings: Callable[[], ConnectionSettings],
        providers: tuple[ICapabilityProvider, ...] = (),
        implicitTLS: bool = False,
        connections: Connections | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._settings = settings
        self._providers = providers
        self._implicitTLS = implicitTLS
        self._connections = Connections() if connections is None else connections
        self._pace = pace

    def buildProtocol(self, addr: Any) -> Any:
        """
        See L{twisted.internet.interfaces.IProtocolFactory.buildProtocol}.
        """
        settings = self._settings()
        if self._kinds is None or self._kinds[0] is not settings:
            # Loopback may always log in without TLS.
            loopback = self._extended(settings, requireTLS=False)
            self._kinds = settings, loopback, self._extended(settings, settings.requireTLS)
        kind: Any = self._kinds[1 if isFromLoopback(addr) else 2]
        server = kind(contextFactory=None if self._implicitTLS else settings.certificate)
        server.factory = self
        return server

    def _extended(self, settings: ConnectionSettings, requireTLS: bool) -> Any:
        # Attributes of a class: on each connection they would make it larger.
        attributes = {
            "connections": self._connections,
            "portal": settings.portal,
            "_jmaSettings": MixinSettings(
                jmapAccessPolicy=settings.policy,
                capabilityProviders=self._providers,
                debugging=settings.debugging,
                extensions=settings.extensions,
                limits=settings.counts,
                loginSeconds=settings.limits.login_seconds,
                refusalSeconds=settings.limits.refusal_seconds,
                failuresPerConnection=settings.limits.failures_per_connection,
                requireTLS=requireTLS,
                pace=self._pace,
            ),
        }
        return type(self.protocol.__name__, (self.protocol,), attributes)
