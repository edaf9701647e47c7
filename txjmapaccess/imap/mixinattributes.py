# -*- test-case-name: tests.imap.test_settings -*-
"""
The settings of a subclass with the mixin: the documented attributes. They are checked when the
class is created, and again when a connection is made, because instances can have their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from weakref import WeakSet

from twisted.logger import Logger

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.imap._twisted import ServerBase
from txjmapaccess.imap.settings import ATTRIBUTES, DEFAULTS, MixinSettings, check

_log = Logger()
_ABSENT = object()
_MOST_READ = 100
_reported: WeakSet[type] = WeakSet()


class MixinAttributes(ServerBase):
    """
    The settings of a connection.
    """

    _jmaSettings: MixinSettings = DEFAULTS
    #: The arguments of C{extendFactory}, for a class with the mixin.
    _jmaGiven: Mapping[str, Any] = {}
    #: For each class, the settings made of its connections' attributes, by their identity.
    _jmaRead: dict[tuple[int, ...], tuple[tuple[object, ...], MixinSettings]] = {}

    def _jmaReadSettings(self) -> bool:
        """
        Read the settings of a connection that is being made, unless it has them.

        @return: whether they are valid. If not, there is an error in the log.
        """
        if self._jmaSettings is not DEFAULTS:
            return True
        found = tuple([getattr(self, name, _ABSENT) for name in ATTRIBUTES])
        identity = (id(self._jmaGiven), *map(id, found))
        read = self._jmaRead.get(identity)
        if read is None:
            try:
                read = (self._jmaGiven, found), _settingsOf(self, found)
            except (TypeError, ConfigurationError) as e:
                if type(self) not in _reported:
                    _reported.add(type(self))
                    _log.critical("No connection is served: {problem}", problem=str(e))
                return False
            if len(self._jmaRead) < _MOST_READ:
                # The values are kept too, so that their identities are not reused.
                self._jmaRead[identity] = read
        self._jmaSettings = read[1]
        return True


def _settingsOf(connection: MixinAttributes, found: tuple[object, ...]) -> MixinSettings:
    kind, given = type(connection).__name__, connection._jmaGiven
    values: dict[str, Any] = {}
    for name, value in zip(ATTRIBUTES, found, strict=True):
        if value is not _ABSENT and name not in given:
            check(name, value, f"the attribute {name} of a {kind}", further(kind, name))
            values[name] = value
    return MixinSettings(**values, **given)


def checkClass(kind: type) -> None:
    """
    Check the documented attributes of a class that was just created.

    @raise TypeError: for one of the wrong type, from whichever of the bases.
    @raise ConfigurationError: for an extension that is none of ours.
    """
    for name in ATTRIBUTES:
        owner = next((each for each in kind.__mro__ if name in vars(each)), None)
        if owner is not None and not _isProperty(vars(owner)[name]):
            where = f"{owner.__name__}.{name}"
            check(name, getattr(kind, name), where, further(kind.__name__, name))


def _isProperty(attribute: object) -> bool:
    # Only an instance has its value.
    return hasattr(type(attribute), "__set__") or isinstance(attribute, cached_property)


def further(kind: str, name: str) -> str:
    """
    @return: the end of a sentence about an attribute that may not be meant for us.
    """
    return (
        f"; {kind} has JMAPAccessMixin, which reads {name} as its setting: rename an attribute of"
        " your own, or use extendFactory"
    )
