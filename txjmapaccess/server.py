# -*- test-case-name: tests.test_server -*-
"""
JMAPACCESS (RFC 9698) on an IMAP server: L{JMAPAccessMixin} to stand before a subclass of
L{IMAP4Server}, L{JMAPAccessIMAP4Server} ready to use, L{extendFactory} for a factory that cannot
be changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.credentials import Authentication
from txjmapaccess.imap._twisted import AnyCommands
from txjmapaccess.imap.authentication import AuthenticationCommands
from txjmapaccess.imap.capabilities import Joined, corrected, joined, standingOf
from txjmapaccess.imap.fetchcommand import FetchCommand
from txjmapaccess.imap.grammar import quote
from txjmapaccess.imap.listcommands import ListCommands
from txjmapaccess.imap.mailboxcommands import MailboxCommands
from txjmapaccess.imap.messagecommands import MessageCommands
from txjmapaccess.imap.searchcommand import SearchCommand
from txjmapaccess.imap.sessioncommands import SessionCommands
from txjmapaccess.interfaces import ICapabilityProvider, IObjectIDAccount
from txjmapaccess.limits import Limits
from txjmapaccess.policy import Policy, verdictFor
from txjmapaccess.store.sharedidentifiers import identifiersShared
from txjmapaccess.verdict import Unknown, Usable, Verdict

_F = TypeVar("_F", bound=Factory)


class JMAPAccessMixin(
    AnyCommands,
    FetchCommand,
    SearchCommand,
    MessageCommands,
    MailboxCommands,
    ListCommands,
    SessionCommands,
    AuthenticationCommands,
):
    """
    What an IMAP server needs to offer JMAPACCESS truthfully. To stand first among the bases of a
    class, before L{twisted.mail.imap4.IMAP4Server} or a subclass::

        class Server(JMAPAccessMixin, TheirIMAP4Server):
            jmapAccessPolicy = SharedCredentials("https://mail.example.com/.well-known/jmap")

    @ivar jmapAccessPolicy: the L{txjmapaccess.interfaces.IJMAPAccessPolicy}, or L{None}: then every
        verdict is C{Unknown}.
    @ivar objectIDs: the L{txjmapaccess.objectid.ObjectIDIndex} for a store that has no
        identifiers, or L{None} for one that has them.
    @ivar capabilityProviders: further L{ICapabilityProvider}s.
    @ivar debugging: whether to send the response codes of draft-ietf-extra-jmapaccess too.
    """

    _log = Logger()

    jmapAccessPolicy: Policy | None = None
    objectIDs: Any = None
    capabilityProviders: Iterable[Any] = ()
    debugging = False

    # What is advertised

    def capabilities(self) -> dict[bytes, Any]:
        """
        @return: what this connection may advertise now.
        """
        return {
            name: None if values is None else list(values)
            for name, values in self._joined().capabilities.items()
        }

    def _joined(self) -> Joined:
        providers = self.capabilityProviders
        if self.account is not None:
            ofAccount = ICapabilityProvider(self.account, None)
            if ofAccount is not None:
                providers = [*providers, ofAccount]
        return joined(super().capabilities(), providers, self)

    def listCapabilities(self) -> list[bytes]:
        """
        @return: the whole list. Where another server makes it in its own way, JMAPACCESS is still
            the verdict's alone, and what is refused in clear is not offered.
        """
        if self._listsAsTwistedDoes():
            return list(self._joined().names)
        names = super().listCapabilities()
        return corrected(names, standingOf(self, super().capabilities()), self.knownMechanisms())

    def _listsAsTwistedDoes(self) -> bool:
        theirs = getattr(super().listCapabilities, "__func__", None)
        return (
            theirs is IMAP4Server.listCapabilities
            and getattr(self.capabilities, "__func__", None) is JMAPAccessMixin.capabilities
        )

    def do_CAPABILITY(self, tag: bytes) -> None:
        """
        CAPABILITY (RFC 3501, section 6.1.1).
        """
        self.sendUntaggedResponse(b"CAPABILITY " + b" ".join(self.listCapabilities()))
        self.sendPositiveResponse(tag, b"CAPABILITY completed")

    unauth_CAPABILITY: Any = (do_CAPABILITY,)
    auth_CAPABILITY = unauth_CAPABILITY
    select_CAPABILITY = unauth_CAPABILITY
    logout_CAPABILITY = unauth_CAPABILITY

    def hasObjectIDs(self) -> bool:
        """
        @return: whether mailboxes and messages have identifiers (RFC 8474).
        """
        if self.objectIDs is not None:
            return True
        return self.account is not None and IObjectIDAccount(self.account, None) is not None

    # The verdict

    async def _decide(self, authentication: Authentication, account: Any) -> Verdict:
        policy = self.jmapAccessPolicy
        if policy is None:
            return Unknown()
        failures = self.identifierFailures()._replace(username=authentication.username)
        shared = await identifiersShared(account, self.objectIDs, failures)
        if self.hasGone():
            raise CancelledError()
        return await verdictFor(policy, authentication, shared)

    def announceVerdict(self, verdict: Verdict) -> None:
        """
        The response codes of the draft, for clients written to it.
        """
        if not self.debugging:
            return
        if isinstance(verdict, Usable):
            code = b"JMAPACCESS " + quote(verdict.url.encode("ascii"))
            self.sendPositiveResponse(None, b"[" + code + b"] For JMAP access")
        else:
            code = b"DEBUGGING " + quote(verdict.reason.value.encode("ascii"))
            self.sendPositiveResponse(None, b"[" + code + b"] No JMAP access")

    def do_GETJMAPACCESS(self, tag: bytes) -> None:
        """
        GETJMAPACCESS (RFC 9698, section 4).
        """
        verdict = Unknown() if self.loginRecord is None else self.loginRecord.verdict
        if isinstance(verdict, Unknown):
            self.sendBadResponse(tag, b"No JMAP server is known")
            return
        self.sendUntaggedResponse(b"JMAPACCESS " + quote(verdict.url.encode("ascii")))
        self.sendPositiveResponse(tag, b"GETJMAPACCESS completed")

    auth_GETJMAPACCESS = (do_GETJMAPACCESS,)
    select_GETJMAPACCESS = auth_GETJMAPACCESS


class JMAPAccessIMAP4Server(JMAPAccessMixin, IMAP4Server):
    """
    Twisted's IMAP server with JMAPACCESS.
    """


_log = Logger()


def extendFactory(
    factory: _F,
    policy: Policy,
    *,
    objectIDs: Any = None,
    **attributes: Any,
) -> _F:
    """
    Make every connection of a factory offer JMAPACCESS, without a change to the factory's class or
    to its protocol's. Wrapped factories (TLS, PROXY protocol) are followed.

    @param policy: the L{txjmapaccess.interfaces.IJMAPAccessPolicy}.
    @param objectIDs: see L{JMAPAccessMixin}.
    @param attributes: other attributes of L{JMAPAccessMixin} to set on each connection. Unless
        C{limits} is among them, the connections of this factory share L{Limits} of their own.

    @return: C{factory}.

    @raise TypeError: for an attribute that L{JMAPAccessMixin} does not have.
    """
    for name in attributes:
        if name.startswith("_") or not hasattr(JMAPAccessMixin, name):
            raise TypeError(f"a connection has no attribute {name}")
    attributes.update(jmapAccessPolicy=policy, objectIDs=objectIDs)
    attributes.setdefault("limits", Limits())
    innermost: Any = factory
    while hasattr(innermost, "wrappedFactory"):
        innermost = innermost.wrappedFactory
    build = innermost.buildProtocol
    extended: dict[type, type] = {}

    def buildProtocol(address: Any) -> Any:
        protocol = build(address)
        if isinstance(protocol, IMAP4Server):
            _extend(protocol, attributes, extended)
        elif protocol is not None:
            _log.error(
                "{factory!r} built {kind}, which is no IMAP4Server: it stays without JMAPACCESS",
                factory=type(innermost),
                kind=type(protocol).__name__,
            )
        return protocol

    innermost.buildProtocol = buildProtocol
    return factory


def _extend(protocol: Any, attributes: dict[str, Any], extended: dict[type, type]) -> None:
    kind = type(protocol)
    if issubclass(kind, JMAPAccessMixin):
        for name, value in attributes.items():
            setattr(protocol, name, value)
        return
    if kind not in extended:
        # Attributes of the class: setting them on every connection takes longer than the policy.
        own = {name: _asAttribute(value) for name, value in attributes.items()}
        extended[kind] = type("JMAPAccess" + kind.__name__, (JMAPAccessMixin, kind), own)
    protocol.__class__ = extended[kind]


def _asAttribute(value: Any) -> Any:
    # A function among the attributes of a class would become a method.
    return staticmethod(value) if isinstance(value, FunctionType) else value
