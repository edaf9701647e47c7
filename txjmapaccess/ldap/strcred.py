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

The arguments are key=value, with a colon between them. A colon or a backslash in a value has a
backslash before it: uris=ldaps\\://ldap.example.com. Members of a list have a comma between them.

  uris                    ldap://host:port and ldaps://host:port, tried in order; required
  round_robin             true: begin with another one for each login
  starttls                true: negotiate TLS on ldap:// before anything else
  ca_file                 the certificate authorities for TLS, PEM; default: the system's
  client_certificate      a certificate to identify with, PEM; default: none
  client_key              its key, when that is in another file
  accept_any_certificate  true: do not verify the directory's certificate

Which user it is, either by a template:

  bind_dn_template        uid={user},ou=people,dc=example,dc=com

or by a search and a bind as what it found:

  search_base             where to search
  search_filter           (|(uid={user})(mail={user})); it must find exactly one entry
  bind_dn                 the account that searches; default: anonymous
  bind_password_file      a file with its password in the first line

What the entry says:

  username_attribute      the canonical user name; default: uid with a search, and with a template
                          the name that was typed, in lower case
  jmap_filter             who does not match it may log in, but is not told that JMAP works
  session_url_attribute   the user's JMAP session URL; default: the common one

Limits:

  connections             for binds, to each server; default: 4
  timeout                 whole seconds for one login; default: 5
  cache_seconds           for how long a right password is remembered, and so for how long an old
                          one works after a change; default: 0, not at all
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
