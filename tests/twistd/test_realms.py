# -*- test-case-name: tests.twistd.test_realms -*-
"""
Realm plugins: C{--realm maildir:PATH} and C{--realm python:NAME}.
"""

from __future__ import annotations

import subprocess
import sys

from twisted.cred.portal import IRealm
from twisted.plugin import IPlugin, getPlugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.interfaces import IRealmFactory
from txjmapaccess.twistd.realms import MaildirRealmFactory, PythonRealmFactory


@implementer(IRealm)
class Realm:
    """
    A realm for the tests.
    """

    def requestAvatar(self, avatarId: object, mind: object, *interfaces: object) -> object:
        """
        There are no avatars.
        """
        raise NotImplementedError


aRealm = Realm()
aString = "no realm"


def broken() -> None:
    """
    Cannot make a realm.
    """
    raise RuntimeError("no\nluck")


def nothing() -> None:
    """
    Makes none.
    """


class PluginTests(SynchronousTestCase):
    """
    The plugins themselves.
    """

    def test_found(self) -> None:
        """
        Both are found as plugins, complete.
        """
        found = {plugin.realmType: plugin for plugin in getPlugins(IRealmFactory)}
        self.assertLessEqual({"maildir", "python"}, set(found))
        for name in ("maildir", "python"):
            verifyObject(IRealmFactory, found[name])
            verifyObject(IPlugin, found[name])
            self.assertTrue(found[name].realmHelp and found[name].argStringFormat)

    def test_identifiers(self) -> None:
        """
        The embedded store makes its identifiers up; a foreign one is its author's.
        """
        self.assertTrue(MaildirRealmFactory().inventsIdentifiers)
        self.assertFalse(PythonRealmFactory().inventsIdentifiers)

    def test_light(self) -> None:
        """
        Looking for plugins, as every C{twistd} run does, imports no store.
        """
        program = (
            "import sys; from twisted.plugin import getPlugins;"
            "from txjmapaccess.interfaces import IRealmFactory; list(getPlugins(IRealmFactory));"
            "sys.exit('sqlite3' in sys.modules or 'txjmapaccess.maildir' in sys.modules)"
        )
        self.assertEqual(subprocess.run([sys.executable, "-c", program], check=False).returncode, 0)


class MaildirFactoryTests(SynchronousTestCase):
    """
    C{maildir:PATH}.
    """

    def test_path(self) -> None:
        """
        All behind the first colon is the path.
        """
        realm = MaildirRealmFactory().generateRealm(self.mktemp() + ":x")
        self.assertTrue(IRealm.providedBy(realm))

    def test_bad(self) -> None:
        """
        A missing path, or one that cannot be used, is a configuration error.
        """
        for path in ("", "/nonexistent/a/b"):
            self.assertRaises(ConfigurationError, MaildirRealmFactory().generateRealm, path)


class PythonFactoryTests(SynchronousTestCase):
    """
    C{python:package.module.attribute}.
    """

    def generate(self, name: str) -> object:
        """
        @return: what the factory makes of an attribute of this module.
        """
        return PythonRealmFactory().generateRealm(name)

    def test_realm(self) -> None:
        """
        The attribute is a realm, a class of realms, or a function that returns one.
        """
        self.assertIs(self.generate(f"{__name__}.aRealm"), aRealm)
        self.assertIsInstance(self.generate(f"{__name__}.Realm"), Realm)

    def test_bad(self) -> None:
        """
        What cannot be used is named in one sentence.
        """
        for name, expected in [
            ("", "dotted name"),
            ("os", "dotted name"),
            ("os..path", "dotted name"),
            ("no_such_module.x", "no_such_module cannot be imported"),
            (f"{__name__}.missing", "has no missing"),
            (f"{__name__}.aString", "aString is neither"),
            (f"{__name__}.broken", "broken raised RuntimeError: no luck"),
            (f"{__name__}.nothing", "nothing did not return a realm"),
        ]:
            error = self.assertRaises(ConfigurationError, self.generate, name)
            self.assertIn(expected, str(error))
            self.assertNotIn("\n", str(error))
