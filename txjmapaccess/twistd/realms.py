# -*- test-case-name: tests.twistd.test_realms -*-
"""
Realms for C{--realm NAME[:ARGS]}. The stores themselves are imported on demand.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from twisted.cred.portal import IRealm
from twisted.plugin import IPlugin
from zope.interface import implementer

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.interfaces import IRealmFactory


@implementer(IRealmFactory, IPlugin)
class MaildirRealmFactory:
    """
    C{maildir:PATH}: the embedded store.
    """

    realmType = "maildir"
    realmHelp = (
        "A Maildir++ for each user under PATH, created at the first login, with UIDs and object"
        " identifiers in an SQLite file next to the mail. PATH is created if its parent"
        " directory exists."
    )
    argStringFormat = "PATH"
    inventsIdentifiers = True

    def generateRealm(self, argstring: str) -> IRealm:
        """
        See L{IRealmFactory.generateRealm}.
        """
        from txjmapaccess.maildir.realm import MaildirRealm

        if not argstring:
            raise ConfigurationError("maildir requires a path: maildir:/var/mail/accounts")
        return MaildirRealm(argstring)


@implementer(IRealmFactory, IPlugin)
class PythonRealmFactory:
    """
    C{python:package.module.attribute}: a third-party realm.
    """

    realmType = "python"
    realmHelp = (
        "A realm in Python: the attribute is an IRealm, or is called without arguments and"
        " returns one. It must have avatars for twisted.mail.interfaces.IAccountIMAP."
    )
    argStringFormat = "package.module.attribute"
    inventsIdentifiers = False

    def generateRealm(self, argstring: str) -> IRealm:
        """
        See L{IRealmFactory.generateRealm}.
        """
        found = _attribute(argstring)
        if IRealm.providedBy(found):
            return _asRealm(found)
        if not callable(found):
            raise ConfigurationError(f"{argstring} is neither a realm nor a function")
        try:
            made = found()
        except Exception as e:
            raise ConfigurationError(f"{argstring} raised {_oneLine(e)}") from e
        if not IRealm.providedBy(made):
            raise ConfigurationError(f"{argstring} did not return a realm")
        return _asRealm(made)


def _asRealm(realm: Any) -> IRealm:
    return realm  # type: ignore[no-any-return]


def _attribute(dotted: str) -> Any:
    name, _, attribute = dotted.rpartition(".")
    if not name or not attribute or not all(part.isidentifier() for part in dotted.split(".")):
        raise ConfigurationError("python requires a dotted name: python:package.module.attribute")
    try:
        module = import_module(name)
    except Exception as e:
        raise ConfigurationError(f"{name} cannot be imported: {_oneLine(e)}") from e
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise ConfigurationError(f"{name} has no {attribute}") from None


def _oneLine(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
