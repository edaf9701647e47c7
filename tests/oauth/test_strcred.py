"""
Tests for L{txjmapaccess.oauth.strcred} and its plugin.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from io import StringIO

from twisted.cred import strcred
from twisted.cred.credentials import IUsernameHashedPassword, IUsernamePassword
from twisted.cred.strcred import AuthOptionMixin, ICheckerFactory
from twisted.plugin import IPlugin
from twisted.python.usage import Options, UsageError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface
from zope.interface.verify import verifyObject

from tests.support.introspection import secretFile
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.interfaces import IBearerToken
from txjmapaccess.oauth import IntrospectionChecker
from txjmapaccess.oauth.settings import IntrospectionSettings
from txjmapaccess.oauth.strcred import IntrospectionCheckerFactory


class TheirOptions(Options, AuthOptionMixin):
    """
    The options of another command.
    """

    def __init__(self, *interfaces: type[Interface]) -> None:
        super().__init__()
        self.supportedInterfaces = interfaces
        self.authOutput = StringIO()


class FactoryTests(SynchronousTestCase):
    """
    The checker factory.
    """

    def make(self, arguments: str) -> IntrospectionChecker:
        checker = strcred.makeChecker(
            f"introspection:{arguments}:client_id=imapd:client_secret_file={secretFile(self)}"
        )
        assert isinstance(checker, IntrospectionChecker)
        return checker

    def test_interfaces(self) -> None:
        """
        It is a checker factory and a plugin.
        """
        factory = IntrospectionCheckerFactory()
        verifyObject(ICheckerFactory, factory)
        verifyObject(IPlugin, factory)

    def test_plugin(self) -> None:
        """
        C{--auth introspection:...} makes a checker.
        """
        checker = self.make("endpoint=https\\://idp.example/introspect")
        self.assertEqual((IBearerToken,), tuple(checker.credentialInterfaces))

    def test_asPassword(self) -> None:
        """
        The checker has passwords only when it was told so.
        """
        checker = self.make("issuer=https\\://idp.example:as_password=true")
        self.assertEqual((IBearerToken, IUsernamePassword), tuple(checker.credentialInterfaces))

    def test_otherCommands(self) -> None:
        """
        Every command that has L{AuthOptionMixin} can have it: one that knows passwords alone, with
        C{as_password} and not without; one that knows tokens, in any case. The lists of ways to
        log in have it for both.
        """
        arguments = r"introspection:endpoint=https\://idp.example/x:client_id=x"
        arguments += f":client_secret_file={secretFile(self)}"
        for interface, works in ((IUsernamePassword, False), (IBearerToken, True)):
            options = TheirOptions(interface)
            if works:
                options.parseOptions([f"--auth={arguments}"])
            else:
                self.assertRaises(UsageError, options.parseOptions, [f"--auth={arguments}"])
            options = TheirOptions(interface)
            options.parseOptions([f"--auth={arguments}:as_password=true"])
            [checker] = options["credInterfaces"][interface]
            self.assertIsInstance(checker, IntrospectionChecker)
            self.assertRaises(SystemExit, options.opt_help_auth)
            self.assertIn("introspection", options.authOutput.getvalue())

    def test_otherCredentials(self) -> None:
        """
        A command that knows neither has no use for it.
        """
        options = TheirOptions(IUsernameHashedPassword)
        self.assertRaises(SystemExit, options.opt_help_auth)
        self.assertNotIn("introspection", options.authOutput.getvalue())

    def test_problems(self) -> None:
        """
        Every problem is a sentence that names the key.
        """
        for arguments, start in (
            ("endpoint=x", "endpoint "),
            ("cache_seconds=x", "cache_seconds "),
            ("as_password=yes", "as_password "),
            ("nonsense=1", "nonsense"),
            ("client_id=twice", "client_id "),
        ):
            error = self.assertRaises(ConfigurationError, self.make, arguments)
            self.assertTrue(str(error).startswith(start), str(error))

    def test_helpNamesEveryKey(self) -> None:
        """
        The help explains every key that there is, and no other.
        """
        help = IntrospectionCheckerFactory.authHelp
        explained = [
            line.split()[0]
            for line in help.splitlines()
            if line.startswith("  ") and not line.startswith("   ")
        ]
        keys = [field.name for field in dataclasses.fields(IntrospectionSettings) if field.init]
        self.assertEqual(sorted(keys), sorted(explained))

    def test_light(self) -> None:
        """
        Every twistd run imports the plugin, so it imports nothing that is large.
        """
        modules = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys, twisted.plugins.txjmapaccess_introspection; print(*sys.modules)",
            ],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout.split()
        self.assertIn("txjmapaccess.oauth.strcred", modules)
        for heavy in ("OpenSSL", "twisted.web", "twisted.internet.reactor", "txjmapaccess.cache"):
            self.assertNotIn(heavy, modules)
