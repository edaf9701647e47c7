# -*- test-case-name: tests.test_ldap_settings -*-
"""
LDAP URIs (RFC 4516), as far as they name a server.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.sessionurl import isLoopback

_PORTS = {"ldap": 389, "ldaps": 636}


@dataclass(frozen=True)
class ServerURI:
    """
    Where a server is.

    @ivar text: the URI as configured.
    @ivar host: a name or an address (IPv6 without brackets).
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
    wrong = ConfigurationError(
        f"holds {text!r}, which is not of the form ldap://host:port or ldaps://host:port"
    )
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
        (host or "").encode("idna")
    except ValueError:
        raise wrong from None
    if "@" in parts.netloc:
        # Not quoted: it may be a password.
        raise ConfigurationError("holds a URI with a user name; use bind_dn")
    isWhole = parts.path in ("", "/") and not parts.query and not parts.fragment
    if parts.scheme not in _PORTS or not host or port == 0 or not isWhole:
        raise wrong
    if not text.isprintable() or " " in text:
        raise wrong
    isTLS = parts.scheme == "ldaps"
    return ServerURI(text, host, port or _PORTS[parts.scheme], isTLS)
