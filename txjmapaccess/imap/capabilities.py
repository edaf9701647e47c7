# -*- test-case-name: tests.test_server -*-
"""
Capability lists: those of the server, those of L{ICapabilityProvider}s, and ours, which are a pure
function of the state of the connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from twisted.logger import Logger
from twisted.mail.imap4 import IMAP4Server
from twisted.python.reflect import qual

from txjmapaccess.imap.objectidentifiers import hasObjectIDs
from txjmapaccess.imap.tlsrequirement import isLoginDisabled, offeredMechanisms
from txjmapaccess.verdict import Usable

Capabilities = dict[bytes, Any]

_log = Logger()


class CapabilityState(NamedTuple):
    """
    What our own capabilities of a connection depend on.

    @ivar mechanisms: the SASL mechanisms on offer; L{None} after the login.
    @ivar loginDisabled: whether passwords in the clear are refused.
    @ivar statusExtensions: whether STATUS and LIST are ours.
    @ivar objectIDs: whether there are identifiers: before the login if the server has them for
        every account, after it if this account has.
    @ivar usable: whether the verdict is usable.
    @ivar offered: see L{txjmapaccess.imap.settings.MixinSettings}.
    """

    loggedIn: bool
    mechanisms: tuple[bytes, ...] | None
    loginDisabled: bool
    statusExtensions: bool
    objectIDs: bool
    usable: bool
    offered: frozenset[bytes]


def capabilityStateOf(connection: Any, base: Mapping[bytes, Any]) -> CapabilityState:
    """
    @param base: the capabilities of the server class itself.
    """
    record = connection.loginRecord
    mechanisms = None
    disabled = False
    if record is None and connection.state == "unauth":
        disabled = isLoginDisabled(connection, base)
        mechanisms = tuple(offeredMechanisms(connection, disabled))
    return CapabilityState(
        record is not None,
        mechanisms,
        disabled,
        # Not where another server has commands of its own.
        connection.auth_STATUS is IMAP4Server.auth_STATUS
        and connection.auth_LIST is IMAP4Server.auth_LIST,
        hasObjectIDs(connection),
        record is not None and isinstance(record.verdict, Usable),
        connection._jmaSettings.offered,
    )


@lru_cache(256)
def ourCapabilities(state: CapabilityState) -> Mapping[bytes, Any]:
    """
    @return: our capabilities: SASL mechanisms, SASL-IR (RFC 4959) and LOGINDISABLED (RFC 3501,
        section 6.2.3), LITERAL+ (RFC 7888), ID (RFC 2971), ENABLE (RFC 5161), UNSELECT (RFC 3691),
        LIST-STATUS (RFC 5819), STATUS=SIZE (RFC 8438), OBJECTID (RFC 8474), and JMAPACCESS (RFC
        9698, section 3) only when the verdict is usable.
    """
    added: Capabilities = {}
    if state.mechanisms is not None:
        added[b"SASL-IR"] = None
        if state.mechanisms:
            added[b"AUTH"] = state.mechanisms
        if state.loginDisabled:
            added[b"LOGINDISABLED"] = None
    added.update(dict.fromkeys((b"LITERAL+", b"ID", b"ENABLE", b"UNSELECT")))
    if state.statusExtensions:
        added.update(dict.fromkeys((b"LIST-STATUS", b"STATUS=SIZE")))
    if state.objectIDs:
        added[b"OBJECTID"] = None
    if state.usable:
        added[b"JMAPACCESS"] = None
    offered = state.offered.union((b"AUTH", b"LOGINDISABLED"))
    return {name: values for name, values in added.items() if name in offered}


#: Only we decide about these.
_RESERVED = frozenset((b"AUTH", b"SASL-IR", b"LOGINDISABLED", b"JMAPACCESS"))
#: RFC 3501, section 9: a capability is an atom.
_ATOM = re.compile(rb"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+\Z")


class CapabilityList(NamedTuple):
    """
    Capabilities, in the form of L{twisted.mail.imap4.IMAP4Server.capabilities}, and as the list
    that C{listCapabilities} makes of them. Shared by connections: not to be changed.
    """

    capabilities: Capabilities
    names: list[bytes]


#: Most connections have the state of many before them, and the same server class.
_joinedBefore: dict[CapabilityState, tuple[Capabilities, CapabilityList]] = {}
_MOST_REMEMBERED = 256


def joined(
    base: Mapping[bytes, Any],
    others: Iterable[Any],
    connection: Any,
) -> CapabilityList:
    """
    Join the capabilities of a server with those of all providers, and with ours.

    @param base: what the server class itself says.
    @param others: L{ICapabilityProvider}s.
    """
    state = capabilityStateOf(connection, base)
    if not others:
        before = _joinedBefore.get(state)
        if before is not None and before[0] == base:
            return before[1]
    capabilities, isSound = _joinedBase(base)
    for provider in others:
        try:
            added: Capabilities = {}
            _joinAll(added, provider.capabilities(connection))
            # All of it is valid; of a provider that fails, nothing is added.
            _joinAll(capabilities, added)
        except Exception:
            _log.failure(
                "A capability provider failed; its capabilities are omitted: {kind}",
                kind=qual(type(provider)),
            )
    if state.loggedIn:
        capabilities.pop(b"STARTTLS", None)
    capabilities.update(ourCapabilities(state))
    result = CapabilityList(capabilities, listed(capabilities))
    if isSound and not others and len(_joinedBefore) < _MOST_REMEMBERED:
        _joinedBefore[state] = dict(base), result
    return result


def listed(capabilities: Capabilities) -> list[bytes]:
    """
    @return: what L{twisted.mail.imap4.IMAP4Server.listCapabilities} makes of C{capabilities}.
    """
    names = [b"IMAP4rev1"]
    for name, values in capabilities.items():
        names += [name] if values is None else [name + b"=" + value for value in values]
    return names


def corrected(
    names: Iterable[bytes], state: CapabilityState, known: Iterable[bytes]
) -> list[bytes]:
    """
    @param names: a list that a server made in its own way.
    @param known: all mechanisms for which there is a checker.

    @return: the list without what is not so, and with LOGINDISABLED when that is so.
    """
    result = [name for name in names if _isSo(name.upper(), state, known)]
    if state.loginDisabled and b"LOGINDISABLED" not in result:
        result.append(b"LOGINDISABLED")
    return result


def _isSo(name: bytes, state: CapabilityState, known: Iterable[bytes]) -> bool:
    if name == b"JMAPACCESS":
        return state.usable and name in state.offered
    if not name.startswith(b"AUTH="):
        return True
    mechanism = name[len(b"AUTH=") :]
    # Of a mechanism that only the server itself knows nothing is known.
    return state.mechanisms is not None and (
        mechanism in state.mechanisms or mechanism not in known
    )


def _joinedBase(base: Mapping[bytes, Any]) -> tuple[Capabilities, bool]:
    """
    @return: what is good of C{base}, and whether the same base will always give the same: a list
        in it, other than that of mechanisms, which is left out, may be changed in its place.
    """
    result: Capabilities = {}
    isSound = True
    for name, values in base.items():
        isSound = isSound and (values is None or name == b"AUTH")
        try:
            _join(result, name, values)
        except Exception:
            isSound = False
            _log.failure("A capability of the server itself is omitted")
    return result, isSound


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
        raise ValueError(f"{values!r} is not a list of capabilities: write [{_literal(values)}]")
    values = list(values)
    for value in values:
        _kindOf(value)
    known = result.get(name) or ()
    result[name] = [*known, *(value for value in values if value not in known)]


def _literal(text: bytes | str) -> str:
    return repr(text.encode("ascii", "replace") if isinstance(text, str) else text)


@lru_cache(1024)
def _kindOf(name: Any) -> frozenset[bytes] | None:
    if isinstance(name, str):
        raise ValueError(f"{name!r} is a str: write {_literal(name)}")
    if not isinstance(name, bytes) or _ATOM.match(name) is None:
        raise ValueError(f"{name!r} is not a capability: not an atom")
    # Capabilities have no case.
    upper = name.upper()
    return _RESERVED if upper in _RESERVED or upper.startswith(b"AUTH=") else None
