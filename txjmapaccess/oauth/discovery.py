# -*- test-case-name: tests.oauth.test_discovery -*-
"""
From an issuer to its introspection endpoint: authorization server metadata (RFC 8414) and OpenID
Connect Discovery 1.0. No I/O here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from txjmapaccess.errors import ConfigurationError, TemporaryFailure
from txjmapaccess.hosts import checkedHost
from txjmapaccess.sessionurl import checkSessionURL

_OPENID = "/.well-known/openid-configuration"
_RFC8414 = "/.well-known/oauth-authorization-server"


@dataclass(frozen=True)
class Provider:
    """
    Where to introspect.

    @ivar endpoint: the introspection endpoint's URL.
    @ivar openidConfiguration: the URL of the OpenID metadata, for clients (RFC 7628, section
        3.2.2), or L{None}.
    """

    endpoint: str
    openidConfiguration: str | None = None


def metadataURLs(issuer: str) -> tuple[str, ...]:
    """
    @return: possible URLs of the issuer's metadata, to be tried in order. OpenID appends its path
        to the issuer's; RFC 8414 (section 3.1) inserts it between host and path.
    """
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    return (
        issuer.rstrip("/") + _OPENID,
        urlunsplit((parts.scheme, parts.netloc, _RFC8414 + path, "", "")),
    )


def readMetadata(document: Mapping[str, object], issuer: str, url: str) -> Provider:
    """
    @param document: the JSON object that was found at C{url}.

    @raise TemporaryFailure: if it is for a different issuer (RFC 8414, section 3.3: the two must be
        identical), or has no valid introspection endpoint.
    """
    if document.get("issuer") != issuer:
        raise TemporaryFailure(f"{url} is not the metadata of the issuer {issuer}")
    endpoint = document.get("introspection_endpoint")
    if not isinstance(endpoint, str):
        raise TemporaryFailure(f"{url} names no introspection_endpoint")
    try:
        checkProviderURL(endpoint)
    except ConfigurationError as e:
        raise TemporaryFailure(f"The introspection_endpoint in {url} {e}") from None
    return Provider(endpoint, url if url.endswith(_OPENID) else None)


def checkProviderURL(url: str) -> str:
    """
    @return: C{url}: an absolute https URL, or an http URL of a loopback address, with a valid host
        and port.

    @raise ConfigurationError: with the end of a sentence that starts with the name of the setting.
    """
    parts = urlsplit(checkSessionURL(url))
    if parts.port == 0:
        raise ConfigurationError("has the invalid port 0")
    try:
        checkedHost(parts.hostname or "", "[" in parts.netloc)
    except ValueError:
        raise ConfigurationError(
            "has a host that is neither an address nor a host name (RFC 1123)"
        ) from None
    return url
