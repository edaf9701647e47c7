# -*- test-case-name: tests.integration.test_demo -*-
"""
An LDAP directory in the process (ldaptor's server), with two people in it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import ServerFactory

from txjmapaccess.errors import ConfigurationError

_PEOPLE: dict[str, dict[str, list[str]]] = {
    "arnt": {"cn": ["Arnt"], "userPassword": ["trondheim"], "employeeType": ["jmap"]},
    "bron": {"cn": ["Bron"], "userPassword": ["melbourne"]},
}


class _DirectoryFactory(ServerFactory):
    """
    Makes connections to the directory C{root}.
    """

    def __init__(self, protocol: Any, root: Any) -> None:
        self.protocol = protocol
        self._root = root

    def __conform__(self, interface: Any) -> Any:
        # Ldaptor's server adapts its factory to the interface of the root.
        return self._root if interface.providedBy(self._root) else None


def makeDirectory() -> IProtocolFactory:
    """
    @return: a factory for connections to the directory.

    @raise ConfigurationError: if ldaptor is not installed.
    """
    try:
        from ldaptor.inmemory import ReadOnlyInMemoryLDAPEntry
        from ldaptor.protocols.ldap.ldapserver import LDAPServer
    except ImportError:
        raise ConfigurationError(
            "--demo requires ldaptor: pip install 'txjmapaccess[demo]'"
        ) from None
    return _DirectoryFactory(LDAPServer, _grow(ReadOnlyInMemoryLDAPEntry))


def _grow(makeEntry: Any) -> Any:
    """
    @return: C{dc=example,dc=com}, with the people below it.
    """
    root = makeEntry("dc=example,dc=com", {"objectClass": ["domain"], "dc": ["example"]})
    people = root.addChild("ou=people", {"objectClass": ["organizationalUnit"], "ou": ["people"]})
    for name, attributes in _PEOPLE.items():
        common = {"objectClass": ["inetOrgPerson"], "uid": [name], "sn": [name.capitalize()]}
        people.addChild(f"uid={name}", {**common, **attributes})
    return root
