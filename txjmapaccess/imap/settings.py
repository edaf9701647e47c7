# -*- test-case-name: tests.imap.test_settings -*-
"""
The settings of a connection: one frozen value under one attribute with a prefix, which cannot
collide with a server's own attributes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import inf
from typing import Any

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.limits import Limits

#: Capabilities that we add, and that the owner of a server can turn off.
EXTENSIONS = (
    "SASL-IR",
    "LITERAL+",
    "ID",
    "ENABLE",
    "UNSELECT",
    "LIST-STATUS",
    "STATUS=SIZE",
    "OBJECTID",
    "JMAPACCESS",
    "AUTH=PLAIN",
    "AUTH=LOGIN",
    "AUTH=OAUTHBEARER",
    "AUTH=XOAUTH2",
)


def extensionNames(names: Collection[str], where: str) -> frozenset[str]:
    """
    @param where: what has these names.

    @return: C{names} as they are written in L{EXTENSIONS}.

    @raise ConfigurationError: for a name that is not there.
    """
    for name in names:
        if name.upper() not in EXTENSIONS:
            legal = ", ".join(EXTENSIONS)
            raise ConfigurationError(f"{where} has {name!r}, which is none of {legal}")
    return frozenset(name.upper() for name in names)


@dataclass(frozen=True)
class MixinSettings:
    """
    The settings of a connection. See L{txjmapaccess.server.JMAPAccessMixin} for those that are
    attributes of a subclass with the mixin.

    @ivar pace: the L{txjmapaccess.pacing.Pace} at which logins start, or L{None} for at once. When
        thousands of clients reconnect, it gives other connections their turns in between.
    @ivar seconds: the clock.
    @ivar offered: those of L{EXTENSIONS} that are offered, as they are advertised.

    @raise TypeError: for a value of the wrong type.
    @raise ConfigurationError: for an extension that is none of ours.
    """

    jmapAccessPolicy: Any = None
    objectIDs: Any = None
    capabilityProviders: Sequence[Any] = ()
    debugging: bool = False
    limits: Limits | None = None
    failuresPerConnection: int = 3
    refusalSeconds: float = 1
    loginSeconds: float = 60
    requireTLS: bool | None = None
    extensions: Collection[str] | None = None
    serverID: Mapping[str, str] = field(default_factory=lambda: {"name": "txjmapaccess"})
    pace: Any = None
    seconds: Callable[[], float] = time.monotonic
    offered: frozenset[bytes] = field(init=False)

    def __post_init__(self) -> None:
        for name in _EXPECTED:
            check(name, getattr(self, name), name)
        names = EXTENSIONS if self.extensions is None else self.extensions
        offered = extensionNames(names, "extensions")
        if "OBJECTID" not in offered:
            # JMAPACCESS asserts what OBJECTID shows (RFC 9698, section 3).
            offered -= {"JMAPACCESS"}
        object.__setattr__(self, "offered", frozenset(name.encode("ascii") for name in offered))


#: Those that are given.
SETTINGS = tuple(each.name for each in fields(MixinSettings) if each.init)
#: Those that are attributes in a subclass: public names that we take in other people's classes.
ATTRIBUTES = tuple(name for name in SETTINGS if name not in ("pace", "seconds"))


def _isInstance(value: Any) -> bool:
    return not isinstance(value, type)


def _has(name: str) -> Callable[[Any], bool]:
    return lambda value: value is None or (_isInstance(value) and hasattr(value, name))


def _can(value: Any, method: str) -> bool:
    return _isInstance(value) and callable(getattr(value, method, None))


def _isProvider(value: Any) -> bool:
    return _can(value, "capabilities")


def _isListing(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _areNames(value: Any) -> bool:
    return isinstance(value, Collection) and all(isinstance(name, str) for name in value)


def _isText(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()


def _isNumber(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < inf


_BOOLEAN = (lambda value: isinstance(value, bool), "True or False")
_SECONDS = (_isNumber, "a number of seconds")

#: For each setting whether a value will do, and what to write.
_EXPECTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "jmapAccessPolicy": (
        lambda value: value is None or _can(value, "decide"),
        "an object with a method decide, such as txjmapaccess.policy.SharedCredentials(URL),"
        " or None",
    ),
    "objectIDs": (
        _has("sharedWithJMAP"),
        "txjmapaccess.objectid.ObjectIDIndex(DIRECTORY), or None",
    ),
    "capabilityProviders": (
        lambda value: _isListing(value) and all(map(_isProvider, value)),
        "a tuple or list of ICapabilityProviders: (Provider(),)",
    ),
    "debugging": _BOOLEAN,
    "limits": (
        lambda value: value is None or isinstance(value, Limits),
        "txjmapaccess.limits.Limits(...), or None",
    ),
    "failuresPerConnection": (
        lambda value: _isNumber(value) and isinstance(value, int),
        "a whole number",
    ),
    "refusalSeconds": _SECONDS,
    "loginSeconds": _SECONDS,
    "requireTLS": (lambda value: value is None or isinstance(value, bool), "True, False or None"),
    "extensions": (
        lambda value: value is None or (_areNames(value) and not isinstance(value, str)),
        'a collection of names of capabilities: {"OBJECTID", "JMAPACCESS"}, or None for all',
    ),
    "serverID": (
        lambda value: (
            isinstance(value, Mapping)
            and all(_isText(word) for pair in value.items() for word in pair)
        ),
        'a dict of str in visible ASCII: {"name": "yourserver"}',
    ),
    "pace": (_has("soon"), "txjmapaccess.pacing.Pace(reactor), or None"),
}


def check(name: str, value: Any, where: str, further: str = "") -> None:
    """
    @param name: of a setting.
    @param where: what the value is called where it was found.
    @param further: the end of the sentence.

    @raise TypeError: unless C{value} will do, with a sentence that says what to write.
    @raise ConfigurationError: for an extension that is none of ours.
    """
    isGood, expected = _EXPECTED[name]
    if not isGood(value):
        found = kindOf(value)
        if name == "capabilityProviders" and _isListing(value):
            found += f" with {kindOf(next(each for each in value if not _isProvider(each)))} in it"
        raise TypeError(f"{where} is {found}, and must be {expected}{further}")
    if name == "extensions" and value is not None:
        extensionNames(value, where)


def kindOf(value: Any) -> str:
    """
    @return: what C{value} is, for a sentence. It is not shown itself: it may be a secret.
    """
    if not _isInstance(value):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


#: What a connection has before it is made.
DEFAULTS = MixinSettings()
