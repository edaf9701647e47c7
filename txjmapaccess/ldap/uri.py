# -*- test-case-name: tests.ldap.test_settings -*-
"""
LDAP URIs (RFC 4516), as far as they name a server.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.hosts import checkedHost
from txjmapaccess.sessionurl import isLoopback

_PORTS = {"ldap": 389, "ldaps": 636}


@dataclass(frozen=True)
class ServerURI:
    """
    Where a server is.

    @ivar text: the URI as configured.
    @ivar host: an address (IPv6 without brackets), or a name as TLS and the resolver take it:
        ASCII, without a dot at the end.
    @ivar isTLS: whether TLS comes before everything else (C{ldaps}).
    """

    text: str
    host: str
    port: int
    isTLS: bool

    @property
    def isLoopback(self) -> bool:
        """
        Whether the server is on this machine.
        """
        return isLoopback(self.host)


def parseURI(text: str) -> ServerURI:
    """
    @raise ConfigurationError: with the end of a sentence that starts with the name of the setting.
    """
    if "@" in text:
        # Not quoted: it may be a password.
        raise ConfigurationError("contains a URI with a user name: use bind_dn")
    wrong = ConfigurationError(
        f"contains {text!r}, which does not have the form ldap://host:port or ldaps://host:port"
    )
    try:
        parts = urlsplit(text)
        given, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    isWhole = parts.path in ("", "/") and not parts.query and not parts.fragment
    if parts.scheme not in _PORTS or not given or port == 0 or not isWhole:
        raise wrong
    if not text.isprintable() or " " in text:
        raise wrong
    try:
        host = checkedHost(given, "[" in parts.netloc)
    except ValueError:
        raise ConfigurationError(
            f"contains {text!r}, and {given} is neither an address nor a host name (RFC 1123)"
        ) from None
    isTLS = parts.scheme == "ldaps"
    return ServerURI(text, host, port or _PORTS[parts.scheme], isTLS)
