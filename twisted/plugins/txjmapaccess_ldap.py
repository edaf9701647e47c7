"""
C{--auth ldap:...}.
"""

from txjmapaccess.ldap.strcred import LDAPCheckerFactory

ldapCheckerFactory = LDAPCheckerFactory()
