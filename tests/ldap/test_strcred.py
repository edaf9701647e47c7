"""
C{--auth ldap:...}.
"""

from __future__ import annotations

import dataclasses

from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import ICheckerFactory, findCheckerFactory, makeChecker
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.ldap import LDAPChecker
from txjmapaccess.ldap.settings import LDAPSettings
from txjmapaccess.ldap.strcred import LDAPCheckerFactory


class LDAPCheckerFactoryTests(SynchronousTestCase):
    """
    The plugin.
    """

    def test_found(self) -> None:
        """
        Twisted finds the plugin by the name C{ldap}.
        """
        factory = findCheckerFactory("ldap")
        self.assertIsInstance(factory, LDAPCheckerFactory)
        self.assertTrue(verifyObject(ICheckerFactory, factory))
        self.assertEqual(list(factory.credentialInterfaces), [IUsernamePassword])

    def test_helpExplainsEveryKey(self) -> None:
        """
        C{--help-auth-type ldap} has a line for each key, and none has a password in it.
        """
        explained = {
            line.split()[0] for line in LDAPCheckerFactory.authHelp.splitlines() if line[:2] == "  "
        }
        keys = {field.name for field in dataclasses.fields(LDAPSettings)}
        self.assertEqual(keys - explained, set())

    def test_checker(self) -> None:
        """
        Arguments are those of the file, with colons escaped as in endpoint strings.
        """
        checker = makeChecker(
            "ldap:uris=ldap\\://127.0.0.1\\:10389,ldap\\://127.0.0.2:timeout=2"
            ":bind_dn_template=uid={user},dc=example"
        )
        self.assertIsInstance(checker, LDAPChecker)
        self.assertEqual(len(checker.counters.serverStates), 2)

    def test_errors(self) -> None:
        """
        What is wrong is one sentence that names the key.
        """
        for argstring, key in (
            ("", "uris"),
            ("uris=x:bind_dn_template=uid={user}", "uris"),
            ("uris=ldap\\://x:bind_dn_template=x", "bind_dn_template"),
            ("uris=ldap\\://x:bind_dn_templat=uid={user}", "bind_dn_templat"),
            ("uris=ldap\\://x:bind_password=secret", "bind_password: unknown key"),
            ("uris=ldap\\://x:bind_dn_template=uid={user}:timeout=soon", "timeout"),
        ):
            error = self.assertRaises(
                ConfigurationError, LDAPCheckerFactory().generateChecker, argstring
            )
            self.assertTrue(str(error).startswith(key), str(error))
