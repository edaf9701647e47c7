# -*- test-case-name: tests.test_oauth_settings -*-
"""
Which URLs a provider may have.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.sessionurl import checkSessionURL

#: RFC 1123, section 2.1, and the underscore that some have nevertheless.
_NAME = re.compile(r"(?=.{1,254}\Z)([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?\Z")


def checkProviderURL(url: str) -> str:
    """
    @return: C{url}, which is an absolute https URL, or an http URL of a loopback address, and names
        a host and a port that there can be.

    @raise ConfigurationError: with what is wrong about it, as the end of a sentence that starts
        with the name of the setting.
    """
    parts = urlsplit(checkSessionURL(url))
    if parts.port == 0:
        raise ConfigurationError("has the port 0, on which nobody can listen")
    if not _isHost(parts.hostname or ""):
        raise ConfigurationError("has a host that is neither a name nor an address")
    return url


def _isHost(host: str) -> bool:
    if _NAME.match(host):
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
