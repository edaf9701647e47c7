# -*- test-case-name: tests.integration.test_check_directory -*-
"""
Each directory server of C{[ldap]}: connects as a login does, with TLS and the service account as
configured.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from txjmapaccess.check.explanation import Explanation, explain
from txjmapaccess.check.findings import LET_OWNER_READ, Finding, Grade, ok, warning, wrong
from txjmapaccess.check.peercertificate import Peer, checkDates, fetchPeer, peerOf
from txjmapaccess.check.steps import Step
from txjmapaccess.ldap.codec import NO_ATTRIBUTES, SCOPE_BASE, SearchRequest
from txjmapaccess.ldap.connector import makeConnector
from txjmapaccess.ldap.deadlines import Deadlines
from txjmapaccess.ldap.errors import ConnectionBroken, ServerFailed, ServiceRefused
from txjmapaccess.ldap.protocol import LDAPConnection
from txjmapaccess.ldap.results import INSUFFICIENT_ACCESS, NO_SUCH_OBJECT, SUCCESS
from txjmapaccess.ldap.searchfilter import ANY_ENTRY
from txjmapaccess.ldap.serviceaccount import ServiceConnection, serviceAccount
from txjmapaccess.ldap.settings import LDAPSettings
from txjmapaccess.ldap.tlssettings import TLSSettings
from txjmapaccess.ldap.uri import ServerURI

_RENEW = "renew it there"

#: Remedies for L{LDAPSettings.warnings}, by the key at their start.
_REMEDIES = {
    "accept_any_certificate": "use ca_file to trust its CA instead",
    "uris": "set one of them",
    "bind_password_file": LET_OWNER_READ,
    "client_certificate": LET_OWNER_READ,
    "client_key": LET_OWNER_READ,
}


def warningsAbout(settings: LDAPSettings) -> list[Finding]:
    """
    @return: warnings about insecure settings.
    """
    found = []
    for sentence in settings.warnings():
        remedy = _REMEDIES.get(sentence.partition(":")[0], "see docs/configuration.md")
        found.append(warning("[ldap]", sentence, remedy))
    return found


def ldapSteps(reactor: Any, settings: LDAPSettings, days: float) -> list[Step]:
    """
    @param days: how many days before the end of a server's certificate to warn.

    @return: one for each server.
    """
    checks = [DirectoryServerCheck(reactor, settings, uri, days) for uri in settings.servers()]
    # Connecting and binding, the search, and the certificate when something is wrong with it.
    seconds = 3.0 * settings.timeout + 15
    return [Step(check.subject, check.run, seconds) for check in checks]


@dataclass(frozen=True)
class DirectoryServerCheck:
    """
    @ivar days: see L{ldapSteps}.
    """

    reactor: Any
    settings: LDAPSettings
    uri: ServerURI
    days: float

    @property
    def subject(self) -> str:
        """
        What its lines begin with.
        """
        return f"[ldap] {self.uri.text}"

    async def run(self) -> list[Finding]:
        """
        Check the server.
        """
        deadlines = Deadlines(self.reactor)
        try:
            connector = makeConnector(
                self.reactor, deadlines, self.settings, self.uri, self.settings.tls()
            )
            service = ServiceConnection(
                self.reactor, deadlines, connector, serviceAccount(self.settings), self._timeout
            )
            try:
                lease = await service.get(self._deadline())
                return await self._answering(lease.connection)
            except ServiceRefused as e:
                remedy = "correct bind_dn, or the content of bind_password_file"
                return [wrong(self.subject, str(e), remedy)]
            except ServerFailed as e:
                return [await self._failed(e, deadlines)]
            finally:
                service.closeIdle(0)
                connector.abort(ConnectionBroken("the check has ended"))
                await connector.allClosed()
        finally:
            deadlines.close()

    # Connecting as the service does

    @property
    def _timeout(self) -> float:
        return float(self.settings.timeout)

    def _deadline(self) -> float:
        now: float = self.reactor.seconds()
        return now + self._timeout

    @property
    def _usesTLS(self) -> bool:
        return self.uri.isTLS or self.settings.starttls

    # What is found

    async def _answering(self, connection: LDAPConnection) -> list[Finding]:
        found = [await self._searched(connection)]
        transport: Any = connection.transport
        if self._usesTLS and not self.settings.accept_any_certificate:
            peer = peerOf(transport.getPeerCertificate())
            dates = checkDates(f"{self.subject} certificate", peer, time.time(), self.days, _RENEW)
            found += [] if dates.grade is Grade.OK else [dates]
        return found

    async def _searched(self, connection: LDAPConnection) -> Finding:
        base = self.settings.search_base
        search = SearchRequest(
            (base or "").encode("utf-8"),
            SCOPE_BASE,
            ANY_ENTRY,
            (NO_ATTRIBUTES,),
            1,
            self.settings.timeout,
        )
        result, _ = await connection.search(search, self._deadline())
        how = "it responds over TLS" if self._usesTLS else "it responds"
        if base is None:
            # Any result will do.
            return ok(self.subject, how)
        problem = self._baseProblem(result.code)
        if problem is not None:
            return wrong(self.subject, *problem)
        who = "bind_dn is accepted" if self.settings.bind_dn else "it can be searched anonymously"
        return ok(self.subject, f"{how}, {who}, search_base exists")

    def _baseProblem(self, code: int) -> tuple[str, str] | None:
        """
        @param code: of the search at C{search_base} (RFC 4511, appendix A).
        """
        if code == SUCCESS:
            # With or without an entry: the search is allowed.
            return None
        who = "bind_dn" if self.settings.bind_dn else "anonymous users"
        if code == NO_SUCH_OBJECT:
            return (
                f"search_base {self.settings.search_base} does not exist, or {who} cannot see it",
                "correct search_base, or the access rules of the directory",
            )
        if code == INSUFFICIENT_ACCESS:
            return (
                f"{who} cannot search search_base",
                f"grant {who} that permission, or use a different bind_dn",
            )
        return self._explained(f"the search at search_base ended with result {code}", None)

    async def _failed(self, failure: ServerFailed, deadlines: Deadlines) -> Finding:
        peer = await self._peer(deadlines) if "connection ended" in str(failure) else None
        return wrong(self.subject, *self._explained(str(failure), peer))

    def _explained(self, problem: str, peer: Peer | None) -> Explanation:
        now = time.time()
        return explain(problem, self.uri.host, peer, now, "[ldap] uris", "[ldap] ca_file")

    async def _peer(self, deadlines: Deadlines) -> Peer | None:
        """
        @return: the certificate that failed verification. Nothing is sent on this connection.
        """
        if not self._usesTLS:
            return None
        if self.uri.isTLS:
            return await fetchPeer(self.reactor, self.uri.host, self.uri.port)
        connector = makeConnector(
            self.reactor, deadlines, self.settings, self.uri, TLSSettings(acceptAny=True)
        )
        try:
            connection = await connector.connect(self._deadline())
            transport: Any = connection.transport
            return peerOf(transport.getPeerCertificate())
        except ServerFailed:
            return None
        finally:
            connector.abort(ConnectionBroken("the check has ended"))
            await connector.allClosed()
