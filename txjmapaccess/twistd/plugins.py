# -*- test-case-name: tests.twistd.test_plugins -*-
"""
Twisted plugins for the service: realms by name, and capability providers.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.cred.portal import IRealm
from twisted.plugin import getPlugins

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.interfaces import ICapabilityProvider, IRealmFactory


@dataclass(frozen=True)
class FoundRealm:
    """
    @ivar realm: from the plugin.
    @ivar inventsIdentifiers: see L{IRealmFactory}.
    """

    realm: IRealm
    inventsIdentifiers: bool


def findRealm(description: str) -> IRealmFactory:
    """
    @param description: C{NAME[:ARGS]}.

    @raise ConfigurationError: when there is no such plugin.
    """
    name = description.partition(":")[0]
    factories = {factory.realmType: factory for factory in getPlugins(IRealmFactory)}
    if name not in factories:
        known = ", ".join(sorted(factories))
        raise ConfigurationError(f"realm {description}: unknown realm {name!r}, only {known}")
    return factories[name]


def makeRealm(description: str) -> FoundRealm:
    """
    @param description: C{NAME[:ARGS]}.

    @raise ConfigurationError: if there is no such plugin, or its arguments are invalid.
    """
    factory = findRealm(description)
    _, _, arguments = description.partition(":")
    try:
        realm = factory.generateRealm(arguments)
    except ConfigurationError as e:
        raise ConfigurationError(f"realm {description}: {e}") from None
    return FoundRealm(realm, factory.inventsIdentifiers)


def capabilityProviders() -> tuple[ICapabilityProvider, ...]:
    """
    @return: those of all plugins. Finding them reads files, so it is done once, at startup.
    """
    return tuple(getPlugins(ICapabilityProvider))
