# -*- test-case-name: tests.integration.test_demo -*-
"""
The demonstration as a service.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.web.resource import Resource

from txjmapaccess.checkers import CheckerService
from txjmapaccess.demo.banner import demoText
from txjmapaccess.demo.introspectionendpoint import IntrospectionResource
from txjmapaccess.demo.ldapserver import makeDirectory
from txjmapaccess.demo.samplemail import deliver
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.jmap import BoundedRequest, JMAPResource
from txjmapaccess.maildir import MaildirRealm
from txjmapaccess.pacing import Pace
from txjmapaccess.twistd.config import Settings, parse
from txjmapaccess.twistd.connectionsettings import (
    ConnectionSettings,
    IMAPFactory,
    makeCheckers,
    makeConnectionSettings,
)
from txjmapaccess.twistd.plugins import FoundRealm
from txjmapaccess.twistd.shutdown import Connections
from txjmapaccess.twistd.website import StoppableSite

_LOOPBACK = "127.0.0.1"

#: Seconds for open connections when the service stops.
_GRACE = 10

#: A configuration file. The JMAP server is our own and reads the same store.
_SETTINGS = """
[jmap]
session_url = "http://127.0.0.1:{httpPort}/.well-known/jmap"
same_identifiers = true

[ldap]
uris = ["ldap://127.0.0.1:{ldapPort}"]
bind_dn_template = "uid={{user}},ou=people,dc=example,dc=com"
jmap_filter = "(employeeType=jmap)"

[introspection]
endpoint = "http://127.0.0.1:{httpPort}/introspect"
client_id = "demo"
client_secret_file = '{secretFile}'
"""


@dataclass(frozen=True)
class DemoPorts:
    """
    The ports, on 127.0.0.1; 0 for any that is free.
    """

    ldap: int = 1389
    http: int = 8080
    imap: int = 1143


def makeDemoService(
    reactor: Any,
    ports: DemoPorts = DemoPorts(),
    show: Callable[[str], object] | None = None,
) -> IService:
    """
    Bind the ports, deliver the sample mail, and show what to try.

    @param show: takes the text; L{None} for the terminal.

    @raise ConfigurationError: if a port is in use, or ldaptor is not installed.
    """
    demo = DemoService(reactor, ports)
    # At once: twistd may leave for the background.
    show = show or partial(print, flush=True)
    show(demoText(demo.ports.imap, demo.ports.http, demo.ports.ldap))
    return demo


class DemoService(MultiService):
    """
    The demonstration. Its parts are made in the order of their dependencies.

    @ivar ports: the L{DemoPorts} that it listens on.
    """

    def __init__(self, reactor: Any, ports: DemoPorts) -> None:
        super().__init__()
        self._reactor = reactor
        self._listening: list[IListeningPort] = []
        self._connections = Connections()
        self._clientSecret = secrets.token_urlsafe()
        self._directory = tempfile.mkdtemp(prefix="jmapaccess-demo-")
        try:
            self.ports = self._open(ports)
        except BaseException:
            self._close()
            raise

    def _open(self, ports: DemoPorts) -> DemoPorts:
        mail = os.path.join(self._directory, "mail")
        os.mkdir(mail)
        deliver(mail)
        web = Resource()
        ldapPort = self._listen(ports.ldap, makeDirectory())
        site = StoppableSite(web, self._connections, BoundedRequest)
        httpPort = self._listen(ports.http, site)
        settings = self._settings(ldapPort, httpPort)
        checkers = makeCheckers(settings, self._reactor)
        CheckerService(checkers).setServiceParent(self)
        realm = FoundRealm(MaildirRealm(mail, self._reactor), inventsIdentifiers=True)
        offered = makeConnectionSettings(settings, realm, checkers, certificate=None)
        self._putResources(web, offered)
        pace = Pace(self._reactor)
        imap = IMAPFactory(lambda: offered, connections=self._connections, pace=pace)
        return DemoPorts(ldapPort, httpPort, self._listen(ports.imap, imap))

    def _settings(self, ldapPort: int, httpPort: int) -> Settings:
        # Readable only for this user.
        with tempfile.NamedTemporaryFile("w", dir=self._directory, delete=False) as file:
            file.write(self._clientSecret)
        return parse(_SETTINGS.format(ldapPort=ldapPort, httpPort=httpPort, secretFile=file.name))

    def _putResources(self, web: Resource, offered: ConnectionSettings) -> None:
        wellKnown = Resource()
        web.putChild(b".well-known", wellKnown)
        jmap = JMAPResource(
            offered.portal, offered.policy, reactor=self._reactor, limits=offered.counts
        )
        wellKnown.putChild(b"jmap", jmap)
        web.putChild(b"introspect", IntrospectionResource("demo", self._clientSecret))

    def _listen(self, number: int, factory: IProtocolFactory) -> int:
        try:
            port = self._reactor.listenTCP(number, factory, interface=_LOOPBACK)
        except CannotListenError as e:
            why = getattr(e.socketError, "strerror", None) or str(e.socketError)
            raise ConfigurationError(
                f"--demo cannot listen on port {number} on {_LOOPBACK}: {why}"
            ) from None
        self._listening.append(port)
        return int(port.getHost().port)

    def stopService(self) -> Deferred[Any]:
        """
        End the connections, after the commands that are running.

        @return: a Deferred that fires when everything is closed.
        """
        ended = self._connections.end(self._reactor, _GRACE)
        ended.addBoth(lambda _: maybeDeferred(super(DemoService, self).stopService))
        return ended.addBoth(lambda _: self._close())

    def _close(self) -> Deferred[Any]:
        ports, self._listening = self._listening, []
        shutil.rmtree(self._directory, ignore_errors=True)
        return DeferredList([maybeDeferred(port.stopListening) for port in ports])
