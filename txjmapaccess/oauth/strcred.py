# -*- test-case-name: tests.oauth.test_strcred -*-
"""
C{--auth introspection:...}, for C{twistd jmapaccess} and for every other command that has
L{twisted.cred.strcred.AuthOptionMixin}.

Every twistd run on the machine imports this: what is needed to make a checker is imported when
one is made.
"""

from __future__ import annotations

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import ICheckerFactory
from twisted.plugin import IPlugin
from zope.interface import implementer

from txjmapaccess.interfaces import IBearerToken

_HELP = """
Checks OAuth 2.0 access tokens by introspection (RFC 7662).

Arguments are key=value, separated by colons. Escape a colon or backslash in a value with a
backslash: endpoint=https\\://idp.example.com/introspect. Separate list items with commas.

  endpoint            the URL of the introspection endpoint, or
  issuer              the issuer, whose metadata contains the endpoint; one of the two is required
  client_id           the client id of this server at the provider; required
  client_secret_file  a file with the client secret; required
  client_auth         how to send it: basic (the default) or post
  ca_file             the certificate authorities for https, PEM; default: the system's
  username_claim      the claim with the user name; a.b for a nested claim; default: username
  imap_scopes         scopes that are all required to log in; default: none
  imap_audiences      audiences, one of which is required; default: any
  jmap_scopes         a token with one of these scopes is valid for JMAP; default:
                      urn:ietf:params:oauth:scope:mail,urn:ietf:params:jmap:mail
  jmap_audiences      audiences, one of which is required for JMAP; default: any
  session_url_claim   the claim with the user's JMAP session URL; default: none
  cache_seconds       how long a response is cached, so how long a revoked token may keep
                      working; a bad token is cached for 5 seconds; 0: no cache; default: 60
  timeout             seconds for the whole check; default: 5
  as_password         true: accept a token as a password, together with its user's name
  password_prefix     try only passwords with this prefix as tokens (the prefix is part of the
                      token); without it, the provider sees every password
  end_at_expiry       true: close the connection when the token expires
"""


@implementer(ICheckerFactory, IPlugin)
class IntrospectionCheckerFactory:
    """
    Makes L{txjmapaccess.oauth.IntrospectionChecker}s.
    """

    authType = "introspection"
    authHelp = _HELP
    argStringFormat = "key=value:key=value..., see --help-auth-type introspection"
    #: What the checker may have; it has passwords only with as_password.
    credentialInterfaces = (IBearerToken, IUsernamePassword)

    def generateChecker(self, argstring: str) -> ICredentialsChecker:
        """
        @param argstring: what came behind C{introspection:}.

        @raise txjmapaccess.errors.ConfigurationError: with a sentence that names the key.
        """
        from txjmapaccess.oauth.checker import IntrospectionChecker
        from txjmapaccess.oauth.settings import IntrospectionSettings
        from txjmapaccess.settings import fromArguments

        return IntrospectionChecker.fromSettings(fromArguments(IntrospectionSettings, argstring))
