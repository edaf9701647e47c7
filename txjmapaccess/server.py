# -*- test-case-name: tests.test_server -*-
"""
JMAPACCESS (RFC 9698) on an IMAP server: L{JMAPAccessMixin} for a subclass of L{IMAP4Server},
L{JMAPAccessIMAP4Server} ready to use, L{extendFactory} for a factory that cannot be changed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.mail.imap4 import IMAP4Server

from txjmapaccess.imap._twisted import AnyCommands
from txjmapaccess.imap.authentication import AuthenticationCommands
from txjmapaccess.imap.capabilities import CapabilityList, capabilityStateOf, corrected, joined
from txjmapaccess.imap.commands.capability import capability
from txjmapaccess.imap.commands.fetch import spewEmailID, spewThreadID
from txjmapaccess.imap.dispatch import REPLACED
from txjmapaccess.imap.mixinattributes import checkClass
from txjmapaccess.imap.settings import DEFAULTS, SETTINGS, MixinSettings, kindOf
from txjmapaccess.imap.storeaccess import ask, changing
from txjmapaccess.imap.tlsrequirement import knownMechanisms
from txjmapaccess.interfaces import ICapabilityProvider
from txjmapaccess.limits import Limits
from txjmapaccess.policy import Policy
from txjmapaccess.settings import suggestion

_F = TypeVar("_F", bound=Factory)


class JMAPAccessMixin(AnyCommands, AuthenticationCommands):
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
            for name, values in self._jmaCapabilities().capabilities.items()
        }

    def listCapabilities(self) -> list[bytes]:
        """
        @return: the whole list. Where another server makes it in its own way, JMAPACCESS still
            depends on the verdict only, and mechanisms that are refused in the clear are left out.
        """
        theirs = super().listCapabilities
        if (
            getattr(theirs, "__func__", None) is IMAP4Server.listCapabilities
            and getattr(self.capabilities, "__func__", None) is JMAPAccessMixin.capabilities
        ):
            return list(self._jmaCapabilities().names)
        state = capabilityStateOf(self, super().capabilities())
        return corrected(theirs(), state, knownMechanisms(self))

    def _jmaCapabilities(self) -> CapabilityList:
        providers = self._jmaSettings.capabilityProviders
        if self.account is not None:
            ofAccount = ICapabilityProvider(self.account, None)
            if ofAccount is not None:
                providers = [*providers, ofAccount]
        return joined(super().capabilities(), providers, self)

    def _jmaSuper(self, name: str) -> Any:
        """
        @return: a method of the server itself.
        """
        return getattr(super(), name)

    # Changes to mailboxes and messages by a server's own commands: if identifiers come from an
    # index, these must not be made in any other way.

    def createIdentified(self, name: str) -> Deferred[Any]:
        """
        Create a mailbox.

        @return: a Deferred of the result of C{account.create}.
        """
        return self._jmaChange("creating", self.account.create, name)

    def deleteIdentified(self, name: str) -> Deferred[Any]:
        """
        Delete a mailbox.

        @return: a Deferred of the result of C{account.delete}.
        """
        return self._jmaChange("deleting", self.account.delete, name)

    def renameIdentified(self, old: str, new: str) -> Deferred[Any]:
        """
        Rename a mailbox.

        @return: a Deferred of the result of C{account.rename}.
        """

        def renamed(result: Any) -> Any:
            if self._jmaSelectedName == old:
                self._jmaSelectedName = new
            return result

        return self._jmaChange("renaming", self.account.rename, old, new).addCallback(renamed)

    def _jmaChange(self, what: str, method: Any, *names: str) -> Deferred[Any]:
        return Deferred.fromCoroutine(self.changing(what, names, partial(ask, method, *names)))

    async def changing(
        self, what: str, args: tuple[Any, ...], work: Callable[[], Awaitable[Any]]
    ) -> Any:
        """
        See L{txjmapaccess.imap.storeaccess.changing}.
        """
        return await changing(self, what, args, work)

    # Twisted's names for commands

    unauth_CAPABILITY = auth_CAPABILITY = select_CAPABILITY = logout_CAPABILITY = (capability,)
    spew_emailid = spewEmailID
    spew_threadid = spewThreadID


# For servers that override a command and call super().
JMAPAccessMixin.do_CAPABILITY = capability
for _theirs, _ours in REPLACED.items():
    if isinstance(_theirs, tuple) and isinstance(_ours, tuple):
        _theirs, _ours = _theirs[0], _ours[0]
    _name = getattr(_theirs, "__name__", "")
    if _name.startswith("do_"):
        setattr(JMAPAccessMixin, _name, _ours)


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
                "{factory!r} built {kind}, which is not an IMAP4Server: it has no JMAPACCESS",
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
    What a factory's connections get.
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
