# -*- test-case-name: tests.twistd.test_config -*-
"""
The configuration file: TOML, one frozen dataclass for each section, whose fields are the keys and
whose defaults are the defaults.

Nothing here opens more than the configuration file itself. Every error is a
L{ConfigurationError} whose text is one sentence that names the file, the section and the key.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.imap.settings import extensionNames
from txjmapaccess.sessionurl import SessionURLTemplate
from txjmapaccess.settings import fromMapping, problem, suggestion

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from txjmapaccess.ldap.settings import LDAPSettings
    from txjmapaccess.oauth.settings import IntrospectionSettings


def _positive(settings: object, *keys: str) -> None:
    for key in keys:
        if not 0 < getattr(settings, key) < math.inf:
            raise problem(key, "must be a number greater than 0")


def _networks(settings: object, key: str) -> None:
    for network in getattr(settings, key):
        try:
            ip_network(network)
        except ValueError as e:
            raise problem(key, f"contains a value that is not a network: {e}") from None


@dataclass(frozen=True)
class IMAPSettings:
    """
    C{[imap]}: the IMAP server.

    @ivar listen: Twisted endpoint strings. C{ssl:} is implicit TLS.
    @ivar realm: C{NAME[:ARGS]} of an L{txjmapaccess.interfaces.IRealmFactory}.
    @ivar certificate: a PEM file with the certificate and its chain, for STARTTLS and C{ssl:}.
    @ivar private_key: a PEM file; L{None} when C{certificate} holds the key as well.
    @ivar require_tls: no unencrypted password or token, except from loopback.
    @ivar proxy_protocol_from: networks whose PROXY protocol header is trusted.
    @ivar proxy_protocol_tls: these proxies end TLS.
    @ivar extensions_off: capabilities of ours that are not offered.
    """

    listen: tuple[str, ...] = ()
    realm: str | None = None
    certificate: str | None = None
    private_key: str | None = None
    require_tls: bool = True
    proxy_protocol_from: tuple[str, ...] = ()
    proxy_protocol_tls: bool = False
    extensions_off: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        extensionNames(self.extensions_off, "extensions_off")
        _networks(self, "proxy_protocol_from")
        if self.private_key is not None and self.certificate is None:
            raise problem("private_key", "requires certificate")


@dataclass(frozen=True)
class LimitSettings:
    """
    C{[imap.limits]}. Times are in seconds.

    @ivar failures_per_connection: refused logins before BYE.
    @ivar refusal_seconds: delay of the response to a refused login, counted from its command.
    @ivar failures_per_address: refused logins from one address within C{window}.
    @ivar window: see C{failures_per_address}.
    @ivar connections: at one time, in all.
    @ivar unauthenticated_per_address: connections at one time that have not logged in.
    @ivar login_seconds: from connect to login.
    @ivar exempt: networks without limits by address.
    """

    failures_per_connection: int = 3
    refusal_seconds: float = 1.0
    failures_per_address: int = 20
    window: float = 300.0
    connections: int = 10000
    unauthenticated_per_address: int = 50
    login_seconds: float = 60.0
    exempt: tuple[str, ...] = ("127.0.0.0/8", "::1")

    def __post_init__(self) -> None:
        _positive(self, "failures_per_connection", "failures_per_address", "window")
        _positive(self, "connections", "unauthenticated_per_address", "login_seconds")
        _networks(self, "exempt")
        if not 0 <= self.refusal_seconds < math.inf:
            raise problem("refusal_seconds", "must be 0 or more")


@dataclass(frozen=True)
class JMAPSettings:
    """
    C{[jmap]}: the JMAP server. See
    L{txjmapaccess.policy.EvidencePolicy} for the first five.

    @ivar debugging: send the response codes of the draft.
    """

    session_url: str | None = None
    same_identifiers: bool = False
    passwords: bool = True
    tokens: bool = True
    passwords_may_be_tokens: bool = False
    debugging: bool = False

    def __post_init__(self) -> None:
        if self.session_url is not None:
            try:
                SessionURLTemplate(self.session_url)
            except ConfigurationError as e:
                raise problem("session_url", str(e)) from None


@dataclass(frozen=True)
class LogSettings:
    """
    C{[log]}.

    @ivar format: C{"text"} or C{"json"}.
    """

    format: str = "text"

    def __post_init__(self) -> None:
        if self.format not in ("text", "json"):
            raise problem("format", "must be text or json")


@dataclass(frozen=True)
class MetricsSettings:
    """
    C{[metrics]}.

    @ivar listen: a Twisted endpoint string, or L{None} for no metrics.
    """

    listen: str | None = None


@dataclass(frozen=True)
class Settings:
    """
    The whole file.
    """

    imap: IMAPSettings = field(default_factory=IMAPSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    jmap: JMAPSettings = field(default_factory=JMAPSettings)
    ldap: LDAPSettings | None = None
    introspection: IntrospectionSettings | None = None
    log: LogSettings = field(default_factory=LogSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)


def load(path: str) -> Settings:
    """
    @return: the settings in the file at C{path}.

    @raise ConfigurationError: if it cannot be read or is invalid.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return parse(file.read())
    except OSError as e:
        raise ConfigurationError(f"{path} cannot be read: {e.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not a TOML file: not UTF-8") from None
    except ConfigurationError as e:
        raise ConfigurationError(f"{path}: {e}") from None


def parse(text: str) -> Settings:
    """
    @param text: TOML.

    @raise ConfigurationError: see L{load}.
    """
    try:
        sections = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ConfigurationError(f"invalid TOML: {e}") from None
    _checkSections(sections)
    imap = dict(sections.get("imap", {}))
    limits = _table("imap.limits", imap.pop("limits", {}))
    return Settings(
        imap=fromMapping(IMAPSettings, imap, "[imap] "),
        limits=fromMapping(LimitSettings, limits, "[imap.limits] "),
        jmap=fromMapping(JMAPSettings, sections.get("jmap", {}), "[jmap] "),
        ldap=_ldap(sections.get("ldap")),
        introspection=_introspection(sections.get("introspection")),
        log=fromMapping(LogSettings, sections.get("log", {}), "[log] "),
        metrics=fromMapping(MetricsSettings, sections.get("metrics", {}), "[metrics] "),
    )


_SECTIONS = ("imap", "jmap", "ldap", "introspection", "log", "metrics")


def _checkSections(sections: Mapping[str, Any]) -> None:
    for name, value in sections.items():
        if name not in _SECTIONS:
            known = dict.fromkeys(_SECTIONS)
            raise ConfigurationError(f"[{name}]: unknown section{suggestion(name, known)}")
        _table(name, value)


def _table(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{name} must be a section: [{name}]")
    return value


def _ldap(table: Mapping[str, Any] | None) -> LDAPSettings | None:
    if table is None:
        return None
    from txjmapaccess.ldap.settings import LDAPSettings

    return fromMapping(LDAPSettings, table, "[ldap] ")


def _introspection(table: Mapping[str, Any] | None) -> IntrospectionSettings | None:
    if table is None:
        return None
    from txjmapaccess.oauth.settings import IntrospectionSettings

    return fromMapping(IntrospectionSettings, table, "[introspection] ")
