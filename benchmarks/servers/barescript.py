"""
A Twisted server without C{twistd}: the process that L{benchmarks.servers.bare} starts. It listens
on two ports, in clear and with TLS, and prints both.

The first argument is its kind: C{bare} is Twisted alone, C{extended} the same factory with the
mixin and its log line, C{threads} Twisted with ldap3 in threads.
"""

from __future__ import annotations

import argparse
import importlib
import os
import threading
import warnings
from collections.abc import Iterable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.threads import deferToThread
from twisted.logger import FileLogObserver, globalLogBeginner
from twisted.mail.imap4 import IMAP4Server
from zope.interface import implementer

from benchmarks.servers.people import SESSION_URL, TEMPLATE, USERS
from benchmarks.servers.realm import Realm
from txjmapaccess import extendFactory
from txjmapaccess.checkers import chain
from txjmapaccess.policy import EvidencePolicy
from txjmapaccess.twistd.logs import textLine

THREADS = 16


class BareFactory(Factory):
    """
    As an application has it.
    """

    noisy = False

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def buildProtocol(self, address: object) -> Any:
        """
        See L{twisted.internet.interfaces.IProtocolFactory.buildProtocol}.
        """
        server: Any = IMAP4Server()
        server.portal = self._portal
        return server


@implementer(ICredentialsChecker)
class ThreadedChecker:
    """
    Binds with ldap3, each thread on a connection of its own, without its slow features (the
    schema, a connection for each login).

    @param uri: the directory.
    """

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._own = threading.local()

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """
        See L{ICredentialsChecker.requestAvatarId}.
        """
        return deferToThread(self._bind, credentials.username, credentials.password)

    def _bind(self, username: bytes, password: bytes) -> bytes | tuple[()]:
        if not self._connection().rebind(
            TEMPLATE.replace("{user}", username.decode()), password.decode()
        ):
            raise UnauthorizedLogin()
        return username

    def _connection(self) -> Any:
        if not hasattr(self._own, "connection"):
            import ldap3

            server = ldap3.Server(self._uri, get_info=ldap3.NONE)
            self._own.connection = ldap3.Connection(server)
            self._own.connection.open()
        return self._own.connection


def memoryChecker() -> InMemoryUsernamePasswordDatabaseDontUse:
    """
    @return: a checker that has the passwords in memory.
    """
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    checker.users = {name.encode(): secret.encode() for name, secret in USERS}
    return checker


def makeFactory(kind: str, uri: str) -> Factory:
    """
    @param uri: the directory, for C{threads}.

    @return: a server of this kind.
    """
    if kind == "extended":
        factory = BareFactory(Portal(Realm(), chain([memoryChecker()])))
        return extendFactory(factory, EvidencePolicy(SESSION_URL), requireTLS=False)
    checkers: Iterable[Any] = [ThreadedChecker(uri) if kind == "threads" else memoryChecker()]
    return BareFactory(Portal(Realm(), checkers))


def main() -> None:
    """
    The command line.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["bare", "extended", "threads"])
    parser.add_argument("certificate", help="a PEM file with a certificate and its key")
    parser.add_argument("--uri", default="", help="the directory")
    options = parser.parse_args()
    run(options.kind, options.certificate, options.uri)


def run(kind: str, certificate: str, uri: str) -> None:
    """
    Serve until killed.
    """
    reactor: Any = importlib.import_module("twisted.internet.reactor")
    warnings.simplefilter("ignore", DeprecationWarning)
    with open(os.devnull, "w") as nowhere:
        globalLogBeginner.beginLoggingTo(
            [FileLogObserver(nowhere, textLine)], redirectStandardIO=False
        )
        reactor.suggestThreadPoolSize(THREADS)
        factory = makeFactory(kind, uri)
        file = quoteStringArgument(certificate)
        for kind in ("tcp:0", f"ssl:0:privateKey={file}:certKey={file}"):
            endpoint = serverFromString(reactor, f"{kind}:interface=127.0.0.1:backlog=4096")
            endpoint.listen(factory).addCallback(
                lambda port: print(port.getHost().port, flush=True)
            )
        reactor.run()


def _announce(port: Any) -> None:
    print(port.getHost().port, flush=True)


if __name__ == "__main__":
    main()
