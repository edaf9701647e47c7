# -*- test-case-name: tests.test_server -*-
"""
Capability providers: everything that we add to a capability list, JMAPACCESS among it, is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger
from twisted.python.reflect import qual
from zope.interface import implementer

from txjmapaccess.interfaces import ICapabilityProvider
from txjmapaccess.verdict import Usable

if TYPE_CHECKING:
    from txjmapaccess.server import JMAPAccessMixin

Capabilities = dict[bytes, Any]

_log = Logger()


@implementer(ICapabilityProvider)
class AuthenticationCapabilities:
    """
    SASL mechanisms, SASL-IR (RFC 4959) and LOGINDISABLED (RFC 3501, section 6.2.3): before the
    login only, because after it they mean nothing.
    """

    def capabilities(self, connection: JMAPAccessMixin) -> Capabilities:
        """
        See L{ICapabilityProvider}.
        """
        if connection.loginRecord is not None or connection.state != "unauth":
            return {}
        disabled = connection.loginDisabled()
        offered: Capabilities = {b"SASL-IR": None}
        mechanisms = connection.offeredMechanisms(disabled)
        if mechanisms:
            offered[b"AUTH"] = list(mechanisms)
        if disabled:
            offered[b"LOGINDISABLED"] = None
        return offered


@implementer(ICapabilityProvider)
class JMAPAccessCapability:
    """
    JMAPACCESS (RFC 9698, section 3) when the verdict is usable, and at no other time.
    """

    def capabilities(self, connection: JMAPAccessMixin) -> Capabilities:
        """
        See L{ICapabilityProvider}.
        """
        record = connection.loginRecord
        if record is not None and isinstance(record.verdict, Usable):
            return {b"JMAPACCESS": None}
        return {}


@implementer(ICapabilityProvider)
class ObjectIDCapability:
    """
    OBJECTID (RFC 8474): before the login when the server has identifiers for every account, after
    it when this account has.
    """

    def capabilities(self, connection: JMAPAccessMixin) -> Capabilities:
        """
        See L{ICapabilityProvider}.
        """
        return {b"OBJECTID": None} if connection.hasObjectIDs() else {}


@implementer(ICapabilityProvider)
class FixedCapabilities:
    """
    The same at any time.
    """

    def __init__(self, *names: bytes) -> None:
        self._capabilities = dict.fromkeys(names)

    def capabilities(self, connection: JMAPAccessMixin) -> Capabilities:
        """
        See L{ICapabilityProvider}.
        """
        return self._capabilities


@implementer(ICapabilityProvider)
class StatusCapabilities:
    """
    LIST-STATUS (RFC 5819) and STATUS=SIZE (RFC 8438).
    """

    def capabilities(self, connection: JMAPAccessMixin) -> Capabilities:
        """
        See L{ICapabilityProvider}.
        """
        if connection.hasStatusExtensions():
            return {b"LIST-STATUS": None, b"STATUS=SIZE": None}
        return {}


BUILT_IN = (
    AuthenticationCapabilities(),
    FixedCapabilities(b"LITERAL+", b"ID", b"ENABLE", b"UNSELECT"),
    StatusCapabilities(),
    ObjectIDCapability(),
    JMAPAccessCapability(),
)

#: What only the built-in providers decide about.
_RESERVED = frozenset((b"AUTH", b"SASL-IR", b"LOGINDISABLED", b"JMAPACCESS"))
#: RFC 3501, section 9: a capability is an atom.
_ATOM = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+\Z")


def joined(
    base: Mapping[bytes, Any],
    others: Iterable[Any],
    connection: JMAPAccessMixin,
) -> Capabilities:
    """
    Join the capabilities of a server with those of all providers.

    @param base: what the server class itself says.
    @param others: L{ICapabilityProvider}s besides the built-in ones.
    """
    result: Capabilities = {}
    for name, values in base.items():
        try:
            _join(result, name, values)
        except Exception:
            _log.failure("A capability of the server itself is left out")
    for provider in others:
        try:
            added: Capabilities = {}
            _joinAll(added, provider.capabilities(connection))
            # All of it was good: none is joined of a provider that is left out.
            _joinAll(result, added)
        except Exception:
            kind = qual(type(provider))
            _log.failure("A capability provider failed and is left out: {kind}", kind=kind)
    if connection.loginRecord is not None:
        result.pop(b"STARTTLS", None)
    for provider in BUILT_IN:
        result.update(provider.capabilities(connection))
    return result


def _joinAll(result: Capabilities, added: Mapping[bytes, Any]) -> None:
    for name, values in added.items():
        _join(result, name, values)


def _join(result: Capabilities, name: bytes, values: Any) -> None:
    """
    @raise ValueError: for what is no capability.
    """
    if _kindOf(name) is _RESERVED:
        return
    if values is None:
        result[name] = None
        return
    if isinstance(values, (bytes, str)):
        raise ValueError(f"{values!r} is no list of capabilities")
    values = list(values)
    for value in values:
        _kindOf(value)
    known = result.get(name) or ()
    result[name] = [*known, *(value for value in values if value not in known)]


@lru_cache(1024)
def _kindOf(name: Any) -> frozenset[bytes] | None:
    if not isinstance(name, bytes) or _ATOM.match(name) is None:
        raise ValueError(f"{name!r} is no capability: it is no atom")
    # Capabilities have no case.
    return _RESERVED if name.upper() in _RESERVED else None
