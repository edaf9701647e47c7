# -*- test-case-name: tests.integration.test_benchmarks -*-
"""
Everything that a benchmark needs, started when it is asked for, and ended together.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from benchmarks.servers.dovecot import bySearch, byTemplate, startDovecot, whyNoDovecot
from benchmarks.servers.people import COUNT, LDIF, LOGINS, SCOPE, SEARCH, TEMPLATE, USERS, bearer
from benchmarks.servers.process import Server
from benchmarks.servers.twistedservers import startBare, startOurs
from tests.support.certificate import writeCertificate
from tests.support.oidc import CLIENT_ID, CLIENT_SECRET, OIDCProvider, whyNoProvider
from tests.support.slapd import Slapd, skipWithoutSlapd

#: Connections of ours to the directory.
_CONNECTIONS = 8


class Stage:
    """
    Servers and back ends. Use it with C{with}.
    """

    def __init__(self) -> None:
        self._ending = contextlib.ExitStack()
        self._servers: dict[str, Server] = {}

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def server(self, contender: Contender) -> Server:
        """
        @return: the contender, which runs until the end.
        """
        name = contender.server
        if name not in self._servers:
            server = self._servers[name] = STARTERS[name](self)
            self._ending.callback(server.stop)
        return self._servers[name]

    @contextlib.contextmanager
    def fresh(self, contender: Contender) -> Iterator[Server]:
        """
        @return: a context with the contender newly started.
        """
        server = STARTERS[contender.server](self)
        try:
            yield server
        finally:
            server.stop()

    def logins(self, contender: Contender) -> tuple[bytes, ...]:
        """
        @return: the commands with which to log in there.
        """
        return self.tokenLogins if contender.isToken else LOGINS

    @cached_property
    def directory(self) -> Path:
        """
        Temporary files.
        """
        temporary = tempfile.TemporaryDirectory(prefix="benchmarks")
        return Path(self._ending.enter_context(temporary))

    @cached_property
    def certificate(self) -> str:
        """
        A PEM file with a certificate (P-256) and its key.
        """
        path = str(self.directory / "certificate.pem")
        writeCertificate(path)
        return path

    @cached_property
    def slapd(self) -> Slapd:
        """
        The directory.
        """
        slapd = Slapd(LDIF)
        self._ending.callback(slapd.close)
        return slapd

    @cached_property
    def provider(self) -> OIDCProvider:
        """
        The authorization server.
        """
        provider = OIDCProvider()
        self._ending.callback(provider.stop)
        return provider

    @cached_property
    def tokenLogins(self) -> tuple[bytes, ...]:
        """
        More tokens than there are sessions at a time, so that no two of these share a request.
        """
        names = [name for name, _ in USERS[:COUNT]]
        return tuple(bearer(self.provider.mint(name, SCOPE)) for name in names)

    def ldapKeys(self, search: bool = False) -> dict[str, object]:
        """
        @return: the configuration of our LDAP checker.
        """
        keys: dict[str, object] = {"uris": [self.slapd.uri], "connections": _CONNECTIONS}
        return {**keys, **SEARCH} if search else {**keys, "bind_dn_template": TEMPLATE}

    def introspectionKeys(self, seconds: int) -> dict[str, object]:
        """
        @param seconds: for how long answers are cached.

        @return: the configuration of our introspection checker.
        """
        secret = self.directory / "secret"
        secret.write_text(CLIENT_SECRET)
        return {
            "endpoint": self.provider.endpoint,
            "client_id": CLIENT_ID,
            "client_secret_file": str(secret),
            "cache_seconds": seconds,
        }


STARTERS: dict[str, Callable[[Stage], Server]] = {
    "bare": lambda stage: startBare("bare", stage.certificate),
    "extended": lambda stage: startBare("extended", stage.certificate),
    "threads": lambda stage: startBare("threads", stage.certificate, stage.slapd.uri),
    "memory": lambda stage: startOurs(stage.certificate),
    "ldap": lambda stage: startOurs(stage.certificate, "ldap", stage.ldapKeys()),
    "search": lambda stage: startOurs(stage.certificate, "ldap", stage.ldapKeys(search=True)),
    "token": lambda stage: startOurs(
        stage.certificate, "introspection", stage.introspectionKeys(0)
    ),
    "cached": lambda stage: startOurs(
        stage.certificate, "introspection", stage.introspectionKeys(3600)
    ),
    "dovecot": lambda stage: startDovecot(byTemplate(stage.slapd.uri), stage.certificate, False),
    "tuned": lambda stage: startDovecot(byTemplate(stage.slapd.uri), stage.certificate, True),
    "tuned-search": lambda stage: startDovecot(bySearch(stage.slapd.uri), stage.certificate, True),
}


class Contender:
    """
    A server with a back end.

    @param server: its name in L{STARTERS}, and on the command line.
    @param program: its name, for people.
    @param backend: the checker of its logins, for people.
    """

    def __init__(self, server: str, program: str, backend: str) -> None:
        self.server = server
        self.program = program
        self.backend = backend

    @property
    def label(self) -> str:
        """
        Both in one.
        """
        return f"{self.program}, {self.backend}"

    @property
    def isToken(self) -> bool:
        """
        Whether people log in with tokens.
        """
        return self.server in ("token", "cached")

    @property
    def isOurs(self) -> bool:
        """
        Whether it knows GETJMAPACCESS.
        """
        return self.program.startswith("txjmapaccess") or self.server == "extended"

    def whyNot(self) -> str:
        """
        @return: why it cannot be measured here, or C{""}.
        """
        if self.program.startswith("Dovecot"):
            return whyNoDovecot() or skipWithoutSlapd or ""
        if self.isToken:
            return whyNoProvider()
        return (skipWithoutSlapd or "") if "LDAP" in self.backend else ""


CONTENDERS = {
    each.server: each
    for each in (
        Contender("bare", "Twisted alone", "memory"),
        Contender("extended", "Twisted, extended", "memory"),
        Contender("memory", "txjmapaccess", "memory"),
        Contender("cached", "txjmapaccess", "introspection, cached"),
        Contender("token", "txjmapaccess", "introspection"),
        Contender("ldap", "txjmapaccess", "LDAP"),
        Contender("threads", "Twisted, ldap3 in threads", "LDAP"),
        Contender("tuned", "Dovecot, tuned", "LDAP"),
        Contender("dovecot", "Dovecot as installed", "LDAP"),
        Contender("search", "txjmapaccess", "LDAP with a search"),
        Contender("tuned-search", "Dovecot, tuned", "LDAP with a search"),
    )
}
