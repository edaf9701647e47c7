# -*- test-case-name: tests.oauth.test_settings -*-
"""
Which URLs a provider may have.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.hosts import checkedHost
from txjmapaccess.sessionurl import checkSessionURL


def checkProviderURL(url: str) -> str:
    """
    @return: C{url}, which is an absolute https URL, or an http URL of a loopback address, and names
        a host and a port that there can be.

    @raise ConfigurationError: with what is wrong about it, as the end of a sentence that starts
        with the name of the setting.
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
