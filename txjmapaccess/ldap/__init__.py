# -*- test-case-name: tests -*-
"""
Logins checked by an LDAP directory (LDAPv3, RFC 4511), without threads.

Read in this order: L{txjmapaccess.ldap.settings} (what can be configured),
L{txjmapaccess.ldap.checker} (what the rest of the program sees), L{txjmapaccess.ldap.verification}
(the requests of a login), L{txjmapaccess.ldap.directory} and
L{txjmapaccess.ldap.directoryserver} (failover), L{txjmapaccess.ldap.protocol} and
L{txjmapaccess.ldap.codec} (the wire).

ldap3 is the authority for filters and message formats. It is imported only when a filter must be
parsed or a checker is made, so that settings and plugins work without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from txjmapaccess.ldap.checker import LDAPChecker

__all__ = ["LDAPChecker"]


def __getattr__(name: str) -> object:
    if name == "LDAPChecker":
        from txjmapaccess.ldap.checker import LDAPChecker

        return LDAPChecker
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
