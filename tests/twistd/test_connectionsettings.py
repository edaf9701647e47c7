# -*- test-case-name: tests.twistd.test_connectionsettings -*-
"""
What a new connection is met with.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.portal import IRealm
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txjmapaccess.checkers import CheckerChain
from txjmapaccess.credentials import Authentication, Evidence, Secret
from txjmapaccess.imap.settings import EXTENSIONS
from txjmapaccess.twistd.config import IMAPSettings, JMAPSettings, LimitSettings, Settings, parse
from txjmapaccess.twistd.connectionsettings import (
    ConnectionSettings,
    IMAPFactory,
    makeCheckers,
    makeConnectionSettings,
)
from txjmapaccess.twistd.plugins import FoundRealm
from txjmapaccess.verdict import Known, Reason, Usable, Verdict

URL = "https://mail.example.com/jmap/"


@implementer(IRealm)
class NoRealm:
    """
    A realm that is never asked.
    """

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        raise NotImplementedError()


def settingsOf(
    settings: Settings,
    inventsIdentifiers: bool = False,
    certificate: Any = None,
    before: ConnectionSettings | None = None,
) -> ConnectionSettings:
    """
    @return: what C{settings} make of a connection.
    """
    found = FoundRealm(NoRealm(), inventsIdentifiers)
    checkers = [InMemoryUsernamePasswordDatabaseDontUse(ada=b"lovelace")]
    return makeConnectionSettings(settings, found, checkers, certificate, before)


class MakeConnectionSettingsTests(SynchronousTestCase):
    """
    L{makeConnectionSettings}: from settings to what they mean.
    """

    def decide(self, jmap: JMAPSettings, secret: Secret, invents: bool = False) -> Verdict:
        """
        @return: the verdict about a login with good evidence.
        """
        policy = settingsOf(Settings(jmap=jmap), invents).policy
        verdict: Verdict = policy.decide(
            Authentication("ada", "PLAIN", secret, Evidence("ada", "ldap"))
        )
        return verdict

    def test_portal(self) -> None:
        """
        The portal asks a chain of the checkers.
        """
        checkers = settingsOf(Settings()).portal.checkers
        self.assertIsInstance(checkers[IUsernamePassword], CheckerChain)

    def test_passwords(self) -> None:
        """
        [jmap] passwords, tokens and passwords_may_be_tokens are the policy's.
        """
        jmap = JMAPSettings(session_url=URL)
        cases = [
            ("passwords", Secret.PASSWORD, Reason.PASSWORDS),
            ("tokens", Secret.TOKEN, Reason.TOKENS),
            ("passwords_may_be_tokens", Secret.TOKEN_AS_PASSWORD, Reason.TOKEN_AS_PASSWORD),
        ]
        for key, secret, reason in cases:
            yes, no = replace(jmap, **{key: True}), replace(jmap, **{key: False})
            self.assertEqual(self.decide(yes, secret), Usable(URL))
            self.assertEqual(self.decide(no, secret), Known(URL, reason))

    def test_identifiers(self) -> None:
        """
        A store that invents identifiers needs the operator's word; one that has its own does not.
        """
        silent = JMAPSettings(session_url=URL)
        word = replace(silent, same_identifiers=True)
        reason = Reason.IDENTIFIERS
        self.assertEqual(self.decide(silent, Secret.PASSWORD, True), Known(URL, reason))
        self.assertEqual(self.decide(silent, Secret.PASSWORD, False), Usable(URL))
        self.assertEqual(self.decide(word, Secret.PASSWORD, True), Usable(URL))


class CountsTests(SynchronousTestCase):
    """
    L{makeConnectionSettings}: the limits that all connections share.
    """

    def test_connections(self) -> None:
        """
        [imap.limits] connections.
        """
        counts = settingsOf(Settings(limits=LimitSettings(connections=1))).counts
        self.assertIsNone(counts.enter("192.0.2.1"))
        self.assertIn(b"Too many connections", counts.enter("192.0.2.2") or b"")

    def test_unauthenticated(self) -> None:
        """
        [imap.limits] unauthenticated_per_address.
        """
        counts = settingsOf(Settings(limits=LimitSettings(unauthenticated_per_address=1))).counts
        self.assertIsNone(counts.enter("192.0.2.1"))
        self.assertIn(b"from your address", counts.enter("192.0.2.1") or b"")

    def test_failures(self) -> None:
        """
        [imap.limits] failures_per_address and window.
        """
        for window, blocked in ((60.0, True), (1e-9, False)):
            limits = LimitSettings(failures_per_address=1, window=window)
            counts = settingsOf(Settings(limits=limits)).counts
            counts.refused("192.0.2.1")
            self.assertIs(counts.isBlocked("192.0.2.1"), blocked)

    def test_exempt(self) -> None:
        """
        [imap.limits] exempt.
        """
        counts = settingsOf(Settings(limits=LimitSettings(exempt=("192.0.2.0/24",)))).counts
        self.assertIsNone(counts.source(IPv4Address("TCP", "192.0.2.1", 1234)))
        self.assertIsNotNone(counts.source(IPv4Address("TCP", "127.0.0.1", 1234)))

    def test_countedOn(self) -> None:
        """
        What was counted before a reload counts after it; with other limits, refusals are counted
        anew, and connections still go on.
        """
        first = settingsOf(Settings())
        same = settingsOf(Settings(jmap=JMAPSettings(tokens=False)), before=first)
        self.assertIs(same.counts, first.counts)
        changed = settingsOf(Settings(limits=LimitSettings(connections=1)), before=first)
        self.assertIsNot(changed.counts, first.counts)
        self.assertIs(changed.counts.counters, first.counts.counters)


class MakeCheckersTests(SynchronousTestCase):
    """
    L{makeCheckers}.
    """

    def test_none(self) -> None:
        """
        Without sections there are none.
        """
        self.assertEqual(list(makeCheckers(Settings(), None)), [])

    def test_order(self) -> None:
        """
        The provider is asked before the directory: with C{as_password}, a password is tried as a
        token first.
        """
        from twisted.internet import reactor

        secret = self.mktemp()
        with open(secret, "w") as file:
            file.write("secret\n")
        settings = parse(
            f"""
            [introspection]
            endpoint = "https://provider.example.com/introspect"
            client_id = "imap"
            client_secret_file = "{secret}"
            [ldap]
            uris = ["ldap://127.0.0.1"]
            bind_dn_template = "uid={{user}},dc=example"
            """
        )
        names = [type(checker).__name__ for checker in makeCheckers(settings, reactor)]
        self.assertEqual(names, ["IntrospectionChecker", "LDAPChecker"])


class Provider:
    """
    Has nothing to add.
    """

    def capabilities(self, connection: object) -> dict[bytes, None]:
        """
        See L{txjmapaccess.interfaces.ICapabilityProvider}.
        """
        return {}


class IMAPFactoryTests(SynchronousTestCase):
    """
    L{IMAPFactory}: what each connection is given.
    """

    def connection(
        self, settings: Settings, host: str = "192.0.2.1", implicitTLS: bool = False
    ) -> Any:
        """
        @return: the connection that is built for a client at C{host}.
        """
        self.certificate = object()
        self.provider = Provider()
        self.settings = settingsOf(settings, certificate=self.certificate)
        self.factory = IMAPFactory(lambda: self.settings, (self.provider,), implicitTLS)  # type: ignore
        kind = IPv6Address if ":" in host else IPv4Address
        return self.factory.buildProtocol(kind("TCP", host, 1234))

    def test_attributes(self) -> None:
        """
        A connection has the portal, the policy, the providers and the factory.
        """
        server = self.connection(Settings())
        self.assertIs(server.portal, self.settings.portal)
        self.assertIs(server._jmaSettings.jmapAccessPolicy, self.settings.policy)
        self.assertEqual(server._jmaSettings.capabilityProviders, (self.provider,))
        self.assertIs(server.factory, self.factory)
        self.assertEqual(server._jmaSettings.extensions, set(EXTENSIONS))
        self.assertIs(server._jmaSettings.debugging, False)

    def test_debugging(self) -> None:
        """
        [jmap] debugging is the connection's.
        """
        server = self.connection(Settings(jmap=JMAPSettings(debugging=True)))
        self.assertIs(server._jmaSettings.debugging, True)

    def test_limits(self) -> None:
        """
        So are [imap.limits].
        """
        limits = LimitSettings(refusal_seconds=2.5, login_seconds=6.5, failures_per_connection=7)
        server = self.connection(Settings(limits=limits))
        self.assertEqual(server._jmaSettings.refusalSeconds, 2.5)
        self.assertEqual(server._jmaSettings.loginSeconds, 6.5)
        self.assertEqual(server._jmaSettings.failuresPerConnection, 7)
        self.assertIs(server._jmaSettings.limits, self.settings.counts)

    def test_extensions(self) -> None:
        """
        [imap] extensions_off are not offered, and the others are.
        """
        server = self.connection(Settings(imap=IMAPSettings(extensions_off=("id", "OBJECTID"))))
        self.assertEqual(set(EXTENSIONS) - set(server._jmaSettings.extensions), {"ID", "OBJECTID"})

    def test_requireTLS(self) -> None:
        """
        [imap] require_tls is for all but loopback.
        """
        required, not_required = Settings(), Settings(imap=IMAPSettings(require_tls=False))
        for host in ("192.0.2.1", "2001:db8::1"):
            self.assertIs(self.connection(required, host)._jmaSettings.requireTLS, True)
            self.assertIs(self.connection(not_required, host)._jmaSettings.requireTLS, False)
        for host in ("127.0.0.1", "127.1.2.3", "::1"):
            self.assertIs(self.connection(required, host)._jmaSettings.requireTLS, False)

    def test_unixSocket(self) -> None:
        """
        A UNIX socket is as good as loopback.
        """
        self.connection(Settings())
        server = self.factory.buildProtocol(UNIXAddress("/run/imap"))
        self.assertIs(server._jmaSettings.requireTLS, False)

    def test_startTLS(self) -> None:
        """
        STARTTLS is for connections that do not begin with TLS.
        """
        self.assertIs(self.connection(Settings()).ctx, self.certificate)
        self.assertIsNone(self.connection(Settings(), implicitTLS=True).ctx)

    def test_present(self) -> None:
        """
        What a reload has changed is for new connections.
        """
        before = self.connection(Settings())
        old, self.settings = self.settings, settingsOf(Settings(jmap=JMAPSettings(debugging=True)))
        after = self.factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1234))
        self.assertIs(before.portal, old.portal)
        self.assertIs(after.portal, self.settings.portal)
        self.assertIs(after._jmaSettings.debugging, True)
