# -*- test-case-name: tests.twistd.test_lookup -*-
"""
What plugins offer to the service.
"""

from __future__ import annotations

from typing import Any

from twisted.plugin import IPlugin
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.interfaces import ICapabilityProvider, IRealmFactory
from txjmapaccess.twistd import lookup


@implementer(IRealmFactory, IPlugin)
class FakeRealmFactory:
    """
    A realm plugin that gives its arguments as the realm.
    """

    realmHelp = "A fake."
    argStringFormat = "anything"

    def __init__(self, realmType: str, inventsIdentifiers: bool) -> None:
        self.realmType = realmType
        self.inventsIdentifiers = inventsIdentifiers

    def generateRealm(self, argstring: str) -> Any:
        if not argstring:
            raise ConfigurationError("the argument is missing")
        return ("realm", argstring)


class MakeRealmTests(SynchronousTestCase):
    """
    L{lookup.makeRealm}.
    """

    def setUp(self) -> None:
        plugins = [FakeRealmFactory("one", False), FakeRealmFactory("two", True)]
        self.patch(lookup, "getPlugins", {IRealmFactory: plugins}.__getitem__)

    def test_made(self) -> None:
        """
        The plugin with the name makes the realm of everything behind the first colon.
        """
        self.assertEqual(lookup.makeRealm("two:a:b"), lookup.FoundRealm(("realm", "a:b"), True))
        self.assertEqual(lookup.makeRealm("one:a"), lookup.FoundRealm(("realm", "a"), False))

    def test_unknown(self) -> None:
        """
        An unknown name is answered with the known ones.
        """
        error = self.assertRaises(ConfigurationError, lookup.makeRealm, "three:a")
        self.assertEqual(str(error), "realm three:a: there is no 'three' realm, only one, two")

    def test_arguments(self) -> None:
        """
        What the plugin objects to is said with the whole description.
        """
        error = self.assertRaises(ConfigurationError, lookup.makeRealm, "one")
        self.assertEqual(str(error), "realm one: the argument is missing")


class InstalledTests(SynchronousTestCase):
    """
    The plugins of this package, as Twisted finds them.
    """

    def test_realms(self) -> None:
        """
        There are C{maildir} and C{python}, and they describe themselves.
        """
        error = self.assertRaises(ConfigurationError, lookup.makeRealm, "nosuch:a")
        self.assertIn("only maildir, python", str(error))

    def test_capabilityProviders(self) -> None:
        """
        Those that are found are providers.
        """
        for provider in lookup.capabilityProviders():
            self.assertTrue(ICapabilityProvider.providedBy(provider))
