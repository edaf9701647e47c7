"""
C{--auth introspection:...}.
"""

from txjmapaccess.oauth.strcred import IntrospectionCheckerFactory

introspectionCheckerFactory = IntrospectionCheckerFactory()
