# -*- test-case-name: tests.test_server -*-
"""
JMAPACCESS (RFC 9698) on an IMAP server: L{JMAPAccessMixin} to stand before a subclass of
L{IMAP4Server}, L{JMAPAccessIMAP4Server} ready to use, L{extendFactory} for a factory that cannot
be changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.credentials import Authentication
from txjmapaccess.imap._twisted import AnyCommands
from txjmapaccess.imap.authentication import AuthenticationCommands
from txjmapaccess.imap.capabilities import CapabilityList, capabilityStateOf, corrected, joined
from txjmapaccess.imap.commands.append import MessageCommands
from txjmapaccess.imap.commands.create import MailboxCommands
from txjmapaccess.imap.commands.fetch import FetchCommand
from txjmapaccess.imap.commands.id import SessionCommands
from txjmapaccess.imap.commands.list import ListCommands
from txjmapaccess.imap.commands.search import SearchCommand
from txjmapaccess.imap.dispatch import ADDED
from txjmapaccess.imap.grammar import quote
from txjmapaccess.imap.mixinattributes import checkClass
from txjmapaccess.imap.settings import DEFAULTS, SETTINGS, MixinSettings, kindOf
from txjmapaccess.interfaces import ICapabilityProvider, IObjectIDAccount
from txjmapaccess.limits import Limits
from txjmapaccess.policy import Policy, verdictFor
from txjmapaccess.settings import suggestion
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

    The attributes are settings: of a class or of an instance, and read when a connection is made.

    @ivar jmapAccessPolicy: the L{txjmapaccess.interfaces.IJMAPAccessPolicy}, or L{None}: then every
        verdict is C{Unknown}.
    @ivar objectIDs: the L{txjmapaccess.objectid.ObjectIDIndex} for a store that has no
        identifiers, or L{None} for one that has them.
    @ivar capabilityProviders: further L{ICapabilityProvider}s, a tuple or list.
    @ivar debugging: whether to send the response codes of draft-ietf-extra-jmapaccess too.
    @ivar limits: the L{Limits} that this connection shares with others, or L{None}.
    @ivar failuresPerConnection: refused logins, then BYE.
    @ivar refusalSeconds: every refusal is answered so long after its command came, so that
        nothing can be learned from the time that it took; doubled for each further one. When the
        checker took longer, a multiple of it counts.
    @ivar loginSeconds: from connect to login.
    @ivar requireTLS: L{True} when no password or token may come in clear, L{False} when they may,
        L{None} to leave passwords as the server has them (in clear unless it can do TLS), and to
        take tokens in clear from loopback addresses only.
    @ivar extensions: those of L{txjmapaccess.imap.settings.EXTENSIONS} that are offered; L{None}
        for all.
    @ivar serverID: what ID answers: fields and their values, visible ASCII.
    """

    _log = Logger()

    # Without values: one here would hide what a server's class has under the same name.
    jmapAccessPolicy: Policy | None
    objectIDs: Any
    capabilityProviders: Sequence[Any]
    debugging: bool
    limits: Limits | None
    failuresPerConnection: int
    refusalSeconds: float
    loginSeconds: float
    requireTLS: bool | None
    extensions: Collection[str] | None
    serverID: Mapping[str, str]

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        bases = cls.__mro__
        if IMAP4Server in bases and bases.index(IMAP4Server) < bases.index(JMAPAccessMixin):
            names = [base.__name__ for base in cls.__bases__ if base is not JMAPAccessMixin]
            raise TypeError(
                "JMAPAccessMixin must stand before the server among the bases:"
                f" class {cls.__name__}({', '.join(['JMAPAccessMixin', *names])})"
            )
        if "_jmaSettings" not in vars(cls):
            checkClass(cls)
            cls._jmaRead = {}

    # What is advertised

    def capabilities(self) -> dict[bytes, Any]:
        """
        @return: what this connection may advertise now.
        """
        return {
            name: None if values is None else list(values)
            for name, values in self._joined().capabilities.items()
        }

    def _joined(self) -> CapabilityList:
        providers = self._jmaSettings.capabilityProviders
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
        return corrected(
            names, capabilityStateOf(self, super().capabilities()), self.knownMechanisms()
        )

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
        if self._jmaSettings.objectIDs is not None:
            return True
        return self.account is not None and IObjectIDAccount(self.account, None) is not None

    def offersObjectIDs(self) -> bool:
        """
        @return: whether clients see them.
        """
        return b"OBJECTID" in self._jmaSettings.offered and self.hasObjectIDs()

    # The verdict

    async def _decide(self, authentication: Authentication, account: Any) -> Verdict:
        policy = self._jmaSettings.jmapAccessPolicy
        if policy is None:
            return Unknown()
        shared = b"OBJECTID" in self._jmaSettings.offered
        if shared:
            shared = await self.identifiersShared(authentication, account)
        if self.hasGone():
            raise CancelledError()
        return await verdictFor(policy, authentication, shared)

    def announceVerdict(self, verdict: Verdict) -> None:
        """
        The response codes of the draft, for clients written to it.
        """
        settings = self._jmaSettings
        if not settings.debugging or b"JMAPACCESS" not in settings.offered:
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


ADDED.update(
    {
        (state, b"GETJMAPACCESS"): (b"JMAPACCESS", (JMAPAccessMixin.do_GETJMAPACCESS,))
        for state in ("auth", "select")
    }
)


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
    **settings: Any,
) -> _F:
    """
    Make every connection of a factory offer JMAPACCESS, without a change to the factory's class or
    to its protocol's. Wrapped factories (TLS, PROXY protocol) are followed.

    @param policy: the L{txjmapaccess.interfaces.IJMAPAccessPolicy}.
    @param objectIDs: see L{JMAPAccessMixin}.
    @param settings: other attributes of L{JMAPAccessMixin}. Unless C{limits} is among them, the
        connections of this factory share L{Limits} of their own.

    @return: C{factory}.

    @raise TypeError: for what is no factory, or for a setting that there is not or that has the
        wrong type.
    @raise ConfigurationError: for an extension that is none of ours.
    """
    _checkFactory(factory, policy)
    given = {"jmapAccessPolicy": policy, **settings}
    if objectIDs is not None:
        given["objectIDs"] = objectIDs
    given.setdefault("limits", Limits())
    extension = _Extension(given, hasOwnLimits="limits" in settings)
    innermost: Any = factory
    while hasattr(innermost, "wrappedFactory"):
        innermost = innermost.wrappedFactory
    build = innermost.buildProtocol

    def buildProtocol(address: Any) -> Any:
        protocol = build(address)
        if isinstance(protocol, IMAP4Server):
            extension.extend(protocol)
        elif protocol is not None:
            _log.error(
                "{factory!r} built {kind}, which is no IMAP4Server: it stays without JMAPACCESS",
                factory=type(innermost),
                kind=type(protocol).__name__,
            )
        return protocol

    innermost.buildProtocol = buildProtocol
    return factory


def _checkFactory(factory: Any, policy: Any) -> None:
    if isinstance(factory, type):
        name = factory.__name__
        raise TypeError(
            f"extendFactory was given the class {name}; it takes a factory:"
            f" extendFactory({'factory' if issubclass(factory, Protocol) else name + '()'}, policy)"
        )
    if not hasattr(factory, "buildProtocol"):
        wrong = (
            "its arguments the wrong way round"
            if hasattr(policy, "buildProtocol")
            else f"{kindOf(factory)} for a factory"
        )
        raise TypeError(f"extendFactory was given {wrong}: write extendFactory(factory, policy)")


class _Extension:
    """
    What becomes of the connections of one factory.
    """

    def __init__(self, given: dict[str, Any], hasOwnLimits: bool) -> None:
        known = dict.fromkeys(SETTINGS)
        for name in given:
            if name not in known:
                hint = suggestion(name, known)
                raise TypeError(f"extendFactory has no argument {name}{hint}")
        self._settings = MixinSettings(**given)
        self._given = given
        #: For a class that may have limits of its own.
        self._wanted = {n: v for n, v in given.items() if n != "limits" or hasOwnLimits}
        self._extended: dict[type, type] = {}

    def extend(self, protocol: Any) -> None:
        kind = type(protocol)
        if issubclass(kind, JMAPAccessMixin):
            if protocol._jmaSettings is DEFAULTS:
                protocol._jmaGiven = self._wanted if hasattr(protocol, "limits") else self._given
            else:  # Extended before.
                protocol._jmaSettings = replace(protocol._jmaSettings, **self._wanted)
            return
        if kind not in self._extended:
            own = {"_jmaSettings": self._settings}
            self._extended[kind] = type(f"JMAPAccess{kind.__name__}", (JMAPAccessMixin, kind), own)
        protocol.__class__ = self._extended[kind]
