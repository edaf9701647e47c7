# -*- test-case-name: tests.oauth.test_settings -*-
"""
The settings of the introspection checker: the table C{[introspection]}, the arguments of
C{--auth introspection:...} and the keyword arguments of
L{txjmapaccess.oauth.IntrospectionChecker}.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.files import readCertificates, readSecret
from txjmapaccess.oauth.discovery import checkProviderURL
from txjmapaccess.settings import problem

_LISTS = ("imap_scopes", "jmap_scopes", "imap_audiences", "jmap_audiences")

#: Controls, and lone surrogates: what was in the arguments of a command and is not UTF-8.
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

_CLIENT_AUTH = ("basic", "post")

#: What an access token is made of: RFC 6750, section 2.1, and whatever else is visible.
TOKEN = re.compile(r"[!-~]+\Z")

#: Longer ones are not sent to the provider.
LONGEST_TOKEN = 49_152


@dataclass(frozen=True)
class IntrospectionSettings:
    """
    See the documentation of the configuration file for the keys.

    The files are read when this is made, so two of these are equal only when the contents are.

    @ivar clientSecret: what C{client_secret_file} holds.
    @ivar trustRoot: what C{ca_file} holds, or L{None} for the system's.

    @raise ConfigurationError: for values that cannot be used, contradict each other, or name a
        file that cannot be read.
    """

    client_id: str
    client_secret_file: str
    endpoint: str | None = None
    issuer: str | None = None
    client_auth: str = "basic"
    ca_file: str | None = None
    username_claim: str = "username"
    imap_scopes: tuple[str, ...] = ()
    imap_audiences: tuple[str, ...] = ()
    jmap_scopes: tuple[str, ...] = (
        "urn:ietf:params:oauth:scope:mail",
        "urn:ietf:params:jmap:mail",
    )
    jmap_audiences: tuple[str, ...] = ()
    session_url_claim: str | None = None
    cache_seconds: float = 60.0
    timeout: float = 5.0
    as_password: bool = False
    password_prefix: str = ""
    end_at_expiry: bool = False
    clientSecret: str = field(init=False, repr=False, default="")
    trustRoot: Any = field(init=False, repr=False, compare=False, default=None)
    _authorities: tuple[bytes, ...] = field(init=False, repr=False, default=())

    def __post_init__(self) -> None:
        self._checkText()
        self._checkProvider()
        self._checkClient()
        self._checkClaims()
        self._checkNumbers()
        self._checkPasswords()
        self._readFiles()

    def _checkText(self) -> None:
        for key in ("client_id", "username_claim", "session_url_claim", *_LISTS):
            value = getattr(self, key) or ()
            texts = (value,) if isinstance(value, str) else value
            if any(_NO_TEXT.search(text) for text in texts):
                raise problem(key, "contains a control character or is not text")

    def _checkProvider(self) -> None:
        if self.endpoint is None and self.issuer is None:
            raise problem("endpoint", "or issuer is required")
        if self.endpoint is not None and self.issuer is not None:
            raise problem("endpoint", "and issuer are mutually exclusive")
        for key, url in (("endpoint", self.endpoint), ("issuer", self.issuer)):
            if url is not None:
                _checkURL(key, url)
        if self.ca_file is not None and urlsplit(self.endpoint or "").scheme == "http":
            raise problem("ca_file", "is only allowed with an https endpoint")
        if self.issuer is not None and "?" in self.issuer:
            raise problem("issuer", "must not have a query (RFC 8414, section 2)")

    def _checkClient(self) -> None:
        if not self.client_id:
            raise problem("client_id", "is empty")
        if self.client_auth not in _CLIENT_AUTH:
            raise problem("client_auth", "must be basic or post")

    def _checkClaims(self) -> None:
        for key in ("username_claim", "session_url_claim"):
            claim = getattr(self, key)
            if claim is not None and not all(claim.split(".")):
                raise problem(key, "must be the name of a claim, or names separated by dots")
        for key in _LISTS:
            if not all(member.strip() for member in getattr(self, key)):
                raise problem(key, "contains an empty string")
        for key in ("imap_scopes", "jmap_scopes"):
            if any(member.split() != [member] for member in getattr(self, key)):
                raise problem(key, "must be a list with one string for each scope")

    def _checkNumbers(self) -> None:
        if not 0 <= self.cache_seconds < math.inf:
            raise problem("cache_seconds", "must be 0 or more")
        if not 0 < self.timeout < math.inf:
            raise problem("timeout", "must be greater than 0")

    def _checkPasswords(self) -> None:
        if self.password_prefix and not self.as_password:
            raise problem("password_prefix", "requires as_password = true")
        prefix = self.password_prefix
        if prefix and not (TOKEN.match(prefix) and len(prefix) < LONGEST_TOKEN):
            raise problem(
                "password_prefix", "contains characters that an access token cannot contain"
            )

    def _readFiles(self) -> None:
        secret = readSecret("client_secret_file", self.client_secret_file)
        object.__setattr__(self, "clientSecret", secret)
        if self.ca_file is not None:
            from twisted.internet.ssl import trustRootFromCertificates

            authorities = readCertificates("ca_file", self.ca_file)
            object.__setattr__(self, "_authorities", tuple(a.dump() for a in authorities))
            object.__setattr__(self, "trustRoot", trustRootFromCertificates(authorities))


def _checkURL(key: str, url: str) -> None:
    try:
        checkProviderURL(url)
    except ConfigurationError as e:
        raise problem(key, str(e)) from None
