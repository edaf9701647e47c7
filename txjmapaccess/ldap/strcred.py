# -*- test-case-name: tests.ldap.test_strcred -*-
"""
C{--auth ldap:...}, for C{twistd jmapaccess} and for every other command that has
L{twisted.cred.strcred.AuthOptionMixin}.

Every twistd run on the machine imports this: ldap3 and what needs it are imported when a checker is
made.
"""

from __future__ import annotations

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import ICheckerFactory
from twisted.plugin import IPlugin
from zope.interface import implementer

_HELP = """
Checks user names and passwords by binding to an LDAP directory.

Arguments are key=value, separated by colons. Escape a colon or backslash in a value with a
backslash: uris=ldaps\\://ldap.example.com. Separate list items with commas.

  uris                    ldap://host:port and ldaps://host:port, tried in order; required
  round_robin             true: start each login with the next server in turn
  starttls                true: negotiate TLS on ldap:// before anything else
  ca_file                 the certificate authorities for TLS, PEM; default: the system's
  client_certificate      client certificate, PEM; default: none
  client_key              its key, if it is in a separate file
  accept_any_certificate  true: do not verify the directory's certificate

Find the user, either with a template:

  bind_dn_template        uid={user},ou=people,dc=example,dc=com

or with a search, followed by a bind as the entry found:

  search_base             where to search
  search_filter           (|(uid={user})(mail={user})); it must find exactly one entry
  bind_dn                 the account that searches; default: anonymous
  bind_password_file      a file with its password in the first line

What the entry says:

  username_attribute      the canonical user name; default: uid with a search, and with a template
                          the name as typed, lowercased
  jmap_filter             users whose entry does not match can log in, but do not get JMAPACCESS
  session_url_attribute   the user's JMAP session URL; default: the common one

Limits:

  connections             for binds, to each server; default: 4
  timeout                 whole seconds for one login; default: 5
  cache_seconds           how long a correct password is cached, so how long an old one keeps
                          working after a change; default: 0, not at all
"""


@implementer(ICheckerFactory, IPlugin)
class LDAPCheckerFactory:
    """
    Makes L{txjmapaccess.ldap.LDAPChecker}s.
    """

    authType = "ldap"
    authHelp = _HELP
    argStringFormat = "key=value:key=value..., see --help-auth-type ldap"
    credentialInterfaces = (IUsernamePassword,)

    def generateChecker(self, argstring: str) -> ICredentialsChecker:
        """
        @param argstring: what came behind C{ldap:}.

        @raise txjmapaccess.errors.ConfigurationError: with a sentence that names the key.
        """
        from txjmapaccess.ldap.settings import LDAPSettings
        from txjmapaccess.settings import fromArguments

        settings = fromArguments(LDAPSettings, argstring)
        from txjmapaccess.ldap.checker import LDAPChecker

        return LDAPChecker.fromSettings(settings)
