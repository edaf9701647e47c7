# -*- test-case-name: tests.ldap.test_settings -*-
"""
What can be set about a directory: the C{[ldap]} table, the keyword arguments of
L{LDAPChecker<txjmapaccess.ldap.checker.LDAPChecker>}, the arguments of C{--auth ldap:}.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeVar

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.files import exposure, readSecret
from txjmapaccess.ldap.uri import ServerURI, parseURI
from txjmapaccess.settings import problem

if TYPE_CHECKING:
    from txjmapaccess.ldap.searchfilter import FilterTemplate
    from txjmapaccess.ldap.tlssettings import TLSSettings
    from txjmapaccess.ldap.usernames import BindNameTemplate

_T = TypeVar("_T")

#: No object identifiers: servers answer with the name, and it would not be found.
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*(;[A-Za-z0-9-]+)*\Z")
#: Lone surrogates (what was no text), and control characters; white space may be in a filter.
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NO_FILTER_TEXT = re.compile(r"[\x00\ud800-\udfff]")
_FILTER_KEYS = ("search_filter", "jmap_filter")
_SEARCH_KEYS = ("search_base", "search_filter", "bind_dn", "bind_password_file")
_TLS_KEYS = ("ca_file", "client_certificate", "client_key")


@dataclass(frozen=True)
class LDAPSettings:
    """
    The fields are the keys. Everything is checked when one is made, files included, so that
    whatever is wrong is one sentence at start.

    @ivar uris: C{ldap://host:port} or C{ldaps://host:port}, in the order in which they are tried.
    @ivar round_robin: begin with another one for each login.
    @ivar starttls: negotiate TLS on C{ldap://} connections before anything else.
    @ivar ca_file: PEM certificates to trust instead of the system's.
    @ivar client_certificate: PEM file to identify with.
    @ivar client_key: its key, when that is in another file.
    @ivar accept_any_certificate: do not verify servers at all.
    @ivar bind_dn_template: the name that a user binds with, C{{user}} standing for the user name.
    @ivar search_base: where to search for the user's entry.
    @ivar search_filter: what to search for, C{{user}} standing for the user name.
    @ivar bind_dn: the service account; L{None} searches anonymously.
    @ivar bind_password_file: a file with its password.
    @ivar username_attribute: the attribute that holds the canonical user name.
    @ivar jmap_filter: what the entry must match for JMAP.
    @ivar session_url_attribute: the attribute that holds the user's JMAP session URL.
    @ivar connections: binding connections for each server.
    @ivar timeout: seconds for one login.
    @ivar cache_seconds: for how long a correct password is remembered.

    @raise ConfigurationError: one sentence that names the key.
    """

    uris: tuple[str, ...]
    round_robin: bool = False
    starttls: bool = False
    ca_file: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    accept_any_certificate: bool = False
    bind_dn_template: str | None = None
    search_base: str | None = None
    search_filter: str | None = None
    bind_dn: str | None = None
    bind_password_file: str | None = None
    username_attribute: str | None = None
    jmap_filter: str | None = None
    session_url_attribute: str | None = None
    connections: int = 4
    timeout: int = 5
    cache_seconds: float = 0

    def __post_init__(self) -> None:
        self._checkText()
        self._checkServers()
        self._checkNumbers()
        if self.bind_dn_template is None:
            self._checkSearch()
        else:
            self._checkTemplate()
        self._checkEvidence()
        self.tls()

    # What the checker makes of them

    def servers(self) -> list[ServerURI]:
        """
        @return: the servers, in order.
        """
        return [_named("uris", parseURI, uri) for uri in self.uris]

    def tls(self) -> TLSSettings | None:
        """
        @return: how to do TLS, or L{None} when no server is reached over TLS.
        """
        if not self.usesTLS:
            return None
        from txjmapaccess.ldap.tlssettings import TLSSettings

        return TLSSettings(
            self.ca_file, self.client_certificate, self.client_key, self.accept_any_certificate
        )

    @property
    def usesTLS(self) -> bool:
        """
        Whether any server is reached over TLS.
        """
        return self.starttls or any(server.isTLS for server in self.servers())

    def bindName(self) -> BindNameTemplate | None:
        """
        @return: the template to bind with, or L{None} with search.
        """
        if self.bind_dn_template is None:
            return None
        from txjmapaccess.ldap.usernames import BindNameTemplate

        return _named("bind_dn_template", BindNameTemplate, self.bind_dn_template)

    def searchFilter(self) -> FilterTemplate | None:
        """
        @return: C{search_filter}, or L{None} with a template.
        """
        return self._filter("search_filter", self.search_filter)

    def jmapFilter(self) -> FilterTemplate | None:
        """
        @return: C{jmap_filter}, or L{None} when every entry is good for JMAP.
        """
        return self._filter("jmap_filter", self.jmap_filter)

    def canonicalAttribute(self) -> str | None:
        """
        @return: the attribute with the canonical user name; L{None} when it is what was typed.
        """
        if self.username_attribute is None and self.bind_dn_template is None:
            return "uid"
        return self.username_attribute

    def servicePassword(self) -> bytes:
        """
        @return: the password of the service account, C{b""} when there is none.
        """
        path = self.bind_password_file
        return b"" if path is None else readSecret("bind_password_file", path).encode("utf-8")

    def warnings(self) -> list[str]:
        """
        @return: sentences about what works and should not be.
        """
        found = []
        if self.accept_any_certificate:
            found.append("accept_any_certificate: the directory's certificate is not verified")
        if not self.starttls and any(not s.isTLS and not s.isLoopback for s in self.servers()):
            found.append("uris: passwords are sent in the clear without starttls or ldaps")
        # Without a key of its own the certificate's file holds it.
        key = "client_certificate" if self.client_key is None else "client_key"
        for secret in ("bind_password_file", key):
            sentence = exposure(getattr(self, secret) or "")
            if sentence is not None:
                found.append(f"{secret}: {sentence}")
        return found

    # Checks

    def _checkText(self) -> None:
        for key in [field.name for field in fields(self)]:
            value = getattr(self, key)
            illegal = _NO_FILTER_TEXT if key in _FILTER_KEYS else _NO_TEXT
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str) and illegal.search(text):
                    raise problem(key, "contains a control character or is not text")

    def _checkServers(self) -> None:
        if not self.uris:
            raise problem("uris", "must name at least one server")
        servers = self.servers()
        if self.starttls and any(server.isTLS for server in servers):
            raise problem("starttls", "cannot be used with an ldaps URI, which already uses TLS")
        if len({(server.host, server.port) for server in servers}) < len(servers):
            raise problem("uris", "names a server twice")
        for key in _TLS_KEYS:
            if getattr(self, key) is not None and not self.usesTLS:
                raise problem(key, "needs starttls or an ldaps URI")
        if self.client_key is not None and self.client_certificate is None:
            raise problem("client_key", "needs client_certificate")

    def _checkNumbers(self) -> None:
        if not 1 <= self.connections <= 1000:
            raise problem("connections", "must be between 1 and 1000")
        if not 1 <= self.timeout <= 3600:
            raise problem("timeout", "must be between 1 and 3600 seconds")
        if not 0 <= self.cache_seconds <= 86400:
            raise problem("cache_seconds", "must be between 0 and 86400")

    def _checkTemplate(self) -> None:
        for key in _SEARCH_KEYS:
            if getattr(self, key) is not None:
                raise problem(key, "cannot be used together with bind_dn_template")
        template = self.bindName()
        if template is None or template.isDN:
            return
        for key in ("username_attribute", "jmap_filter", "session_url_attribute"):
            if getattr(self, key) is not None:
                raise problem(
                    key, "needs a bind_dn_template that is a distinguished name, or search_base"
                )

    def _checkSearch(self) -> None:
        if self.search_base is None and self.search_filter is None:
            raise problem("bind_dn_template", "is missing: set it or search_base")
        if self.search_base is None:
            raise problem("search_base", "is missing")
        if self.search_filter is None:
            raise problem("search_filter", "is missing")
        self._checkBase(self.search_base)
        if "{user}" not in self.search_filter:
            raise problem("search_filter", "must contain {user}")
        self.searchFilter()
        if (self.bind_dn is None) != (self.bind_password_file is None):
            missing = "bind_dn" if self.bind_dn is None else "bind_password_file"
            raise problem(missing, "is missing: bind_dn and bind_password_file go together")
        if self.bind_dn == "":
            raise problem("bind_dn", "must not be empty: omit it to search anonymously")
        self.servicePassword()

    def _checkBase(self, base: str) -> None:
        from txjmapaccess.ldap.usernames import checkDN

        if "{user}" in base:
            raise problem("search_base", "must not contain {user}: use it in search_filter")
        if base:
            _named("search_base", checkDN, base)

    def _checkEvidence(self) -> None:
        self.jmapFilter()
        for key in ("username_attribute", "session_url_attribute"):
            value = getattr(self, key)
            if value is not None and not _ATTRIBUTE.match(value):
                raise problem(key, "is not the name of an attribute")

    def _filter(self, key: str, text: str | None) -> FilterTemplate | None:
        if text is None:
            return None
        try:
            from txjmapaccess.ldap.searchfilter import FilterTemplate
        except ImportError as e:
            raise problem(key, f"cannot be read, because ldap3 cannot be imported ({e})") from None
        return _named(key, FilterTemplate, text)


def _named(key: str, make: Callable[[str], _T], value: str) -> _T:
    """
    Call C{make(value)}, with C{key} put before what it objects to.
    """
    try:
        return make(value)
    except ConfigurationError as e:
        raise problem(key, str(e)) from None
