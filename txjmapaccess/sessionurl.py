# -*- test-case-name: tests.test_sessionurl -*-
"""
JMAP session URLs: which are valid for clients, and C{{user}} in the configured one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from txjmapaccess.errors import ConfigurationError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_VISIBLE_ASCII = re.compile(r"[!-~]+\Z")
_LONGEST = 2000
_USER = "{user}"


@lru_cache(1024)
def isLoopback(host: str) -> bool:
    """
    @return: whether C{host}, a name or an address, is this machine.
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    # On a socket for both, a client's IPv4 address is mapped.
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


@lru_cache(256)
def checkSessionURL(url: str) -> str:
    """
    @return: C{url}, which is an absolute https URL, or an http URL of a loopback address.

    @raise ConfigurationError: with what is wrong about it, as the end of a sentence that starts
        with the name of the setting.
    """
    if _CONTROL.search(url):
        raise ConfigurationError("contains a control character")
    if len(url) > _LONGEST:
        raise ConfigurationError(f"is longer than {_LONGEST} characters")
    if not _VISIBLE_ASCII.match(url):
        raise ConfigurationError(
            "is not a URL: it is empty, or contains spaces or non-ASCII characters"
        )
    try:
        parts = urlsplit(url)
        host = parts.hostname
        parts.port  # noqa: B018 (raises ValueError for an illegal port)
    except ValueError as e:
        raise ConfigurationError(f"is not a URL ({e})") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigurationError("must be an absolute https URL")
    if "#" in url:
        raise ConfigurationError("must not have a fragment")
    if "@" in parts.netloc:
        raise ConfigurationError("must not contain a user name or password before the host")
    if parts.scheme == "http" and not isLoopback(host):
        raise ConfigurationError("must be https: http is only for loopback addresses")
    return url


class SessionURLTemplate:
    """
    The configured session URL, with C{{user}} in its path or query replaced for each login.

    @raise ConfigurationError: see L{checkSessionURL}.
    """

    def __init__(self, template: str) -> None:
        sample = checkSessionURL(template.replace(_USER, "user"))
        if _USER in template and _USER in template.split("://", 1)[-1].split("/", 1)[0]:
            raise ConfigurationError(
                "must not have {user} in the host: use it in the path or query"
            )
        if "{" in sample or "}" in sample:
            raise ConfigurationError("contains braces: only {user} is supported")
        self.template = template
        self.perUser = sample != template

    def forUser(self, username: str | None) -> str | None:
        """
        @return: the URL for this user (percent-encoded UTF-8), or L{None} when the URL depends on
            a user name that is not known.
        """
        if not self.perUser:
            return self.template
        if not username:
            return None
        return self.template.replace(
            _USER, quote(username.encode("utf-8", "surrogateescape"), safe="")
        )
