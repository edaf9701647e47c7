# -*- test-case-name: tests.twistd.test_plugins -*-
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
from txjmapaccess.twistd import plugins


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
    L{plugins.makeRealm}.
    """

    def setUp(self) -> None:
        found = [FakeRealmFactory("one", False), FakeRealmFactory("two", True)]
        self.patch(plugins, "getPlugins", {IRealmFactory: found}.__getitem__)

    def test_made(self) -> None:
        """
        The plugin with the name makes the realm of everything behind the first colon.
        """
        self.assertEqual(plugins.makeRealm("two:a:b"), plugins.FoundRealm(("realm", "a:b"), True))
        self.assertEqual(plugins.makeRealm("one:a"), plugins.FoundRealm(("realm", "a"), False))

    def test_unknown(self) -> None:
        """
        An unknown name is answered with the known ones.
        """
        error = self.assertRaises(ConfigurationError, plugins.makeRealm, "three:a")
        self.assertEqual(str(error), "realm three:a: unknown realm 'three', only one, two")

    def test_arguments(self) -> None:
        """
        What the plugin objects to is said with the whole description.
        """
        error = self.assertRaises(ConfigurationError, plugins.makeRealm, "one")
        self.assertEqual(str(error), "realm one: the argument is missing")


class InstalledTests(SynchronousTestCase):
    """
    The plugins of this package, as Twisted finds them.
    """

    def test_realms(self) -> None:
        """
        There are C{maildir} and C{python}, and they describe themselves.
        """
        error = self.assertRaises(ConfigurationError, plugins.makeRealm, "nosuch:a")
        self.assertIn("only maildir, python", str(error))

    def test_capabilityProviders(self) -> None:
        """
        Those that are found are providers.
        """
        for provider in plugins.capabilityProviders():
            self.assertTrue(ICapabilityProvider.providedBy(provider))
