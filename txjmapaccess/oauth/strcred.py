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
Accepts OAuth 2.0 access tokens, which it has introspected (RFC 7662).

The arguments are key=value, with a colon between them. A colon or a backslash in a value has a
backslash before it: endpoint=https\\://idp.example.com/introspect. Members of a list have a comma
between them.

  endpoint            the URL of the introspection endpoint, or
  issuer              the issuer, whose metadata name the endpoint; one of them is required
  client_id           who this server is for the provider; required
  client_secret_file  a file with the client's secret; required
  client_auth         how it is sent: basic (the default) or post
  ca_file             the certificate authorities for https, PEM; default: the system's
  username_claim      the claim that names the user, a.b for one inside another; default: username
  imap_scopes         a token needs all of these scopes to log in; default: none
  imap_audiences      and one of these audiences; default: any
  jmap_scopes         a token with one of these scopes is good for JMAP; default:
                      urn:ietf:params:oauth:scope:mail,urn:ietf:params:jmap:mail
  jmap_audiences      if it has one of these audiences, too; default: any
  session_url_claim   the claim with the user's JMAP session URL; default: none
  cache_seconds       for how long an answer is used again, so for how long a revoked token may
                      still be good; a bad token is not asked about again for 5 seconds; 0: every
                      login asks; default: 60
  timeout             seconds for the whole check; default: 5
  as_password         true: a token may be given as a password, beside the name of its user
  password_prefix     only passwords that begin with this are tried as tokens, with the prefix;
                      without one the provider gets to see every password
  end_at_expiry       true: the connection ends when the token does
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
