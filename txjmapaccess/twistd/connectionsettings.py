# -*- test-case-name: tests.twistd.test_connectionsettings -*-
"""
What a new connection is met with. One immutable L{ConnectionSettings} holds all that a reload may
change; the factory asks for the present one for each connection, and a connection keeps what it was
given.
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
from txjmapaccess.imap.settings import EXTENSIONS, MixinSettings, extensionNames
from txjmapaccess.imap.tlsrequirement import isFromLoopback
from txjmapaccess.interfaces import ICapabilityProvider, IJMAPAccessPolicy
from txjmapaccess.limits import Limits
from txjmapaccess.pacing import Pace
from txjmapaccess.policy import EvidencePolicy
from txjmapaccess.twistd.certificate import ReloadableCertificate
from txjmapaccess.twistd.config import JMAPSettings, LimitSettings, Settings
from txjmapaccess.twistd.plugins import FoundRealm
from txjmapaccess.twistd.proxyprotocol import isIn
from txjmapaccess.twistd.shutdown import Connections, StoppableServer


@dataclass(frozen=True)
class ConnectionSettings:
    """
    @ivar portal: who may come in.
    @ivar policy: what is said about JMAP.
    @ivar debugging: whether the response codes of the draft are sent.
    @ivar extensions: those capabilities of ours that are offered.
    @ivar requireTLS: whether secrets are refused in clear; loopback may always.
    @ivar certificate: for STARTTLS, or L{None}.
    @ivar limits: how often, how many, how long.
    @ivar counts: the connections and refusals that C{limits} are about.
    @ivar proxies: networks whose PROXY protocol header is believed.
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
        @return: whether the PROXY protocol header of this peer is believed.
        """
        return bool(self.proxies) and isIn(self.proxies, peer)


def makeConnectionSettings(
    settings: Settings,
    found: FoundRealm,
    checkers: Iterable[ICredentialsChecker],
    certificate: ReloadableCertificate | None,
    before: ConnectionSettings | None = None,
) -> ConnectionSettings:
    """
    @param before: what this replaces: what was counted goes on counting, but refusals
        are counted anew when the limits have changed.

    @raise ConfigurationError: for settings that cannot be used.
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

    @raise ConfigurationError: for a file that they name and that cannot be used.
    """
    checkers: list[ICredentialsChecker] = []
    # First, because a token that comes as a password would be a wrong password for the directory,
    # which may count it.
    if settings.introspection is not None:
        from txjmapaccess.oauth import IntrospectionChecker

        checkers.append(IntrospectionChecker.fromSettings(settings.introspection, reactor))
    if settings.ldap is not None:
        from txjmapaccess.ldap import LDAPChecker

        checkers.append(LDAPChecker.fromSettings(settings.ldap, reactor))
    return checkers


class IMAPFactory(ServerFactory):
    """
    @param settings: gives the present L{ConnectionSettings}.
    @param providers: capability providers besides the built-in ones.
    @param implicitTLS: whether TLS begins with the connection, so that there is no STARTTLS.
    @param connections: where those of this factory are among; L{None} for such of its own.
    @param pace: at which logins are begun; L{None} for at once.
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
            # Loopback may always send secrets in clear.
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
