# -*- test-case-name: tests.test_portals -*-
"""
A login through a L{twisted.cred.portal.Portal}, of which two things must be known that the portal
does not tell: whether the checker has finished, and which evidence it left.
"""

from __future__ import annotations

from typing import Any

from twisted.cred import credentials as twistedCredentials
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from twisted.mail.imap4 import IAccount
from zope.interface import implementer

from txjmapaccess.credentials import UsernamePassword


@implementer(IRealm)
class _WatchedRealm:
    """
    Notes that the checker has finished and the avatar is being made.
    """

    def __init__(self, realm: Any, login: PortalLogin) -> None:
        self._realm = realm
        self._login = login

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        """
        See L{IRealm}.
        """
        self._login.canBeCancelled = False
        return self._realm.requestAvatar(avatarId, mind, *interfaces)


class PortalLogin:
    """
    One login. It can be cancelled while the checker has it. After that the avatar is made,
    whatever happens, because only with it comes the function that undoes it.

    @ivar canBeCancelled: whether the checker still has it.
    """

    canBeCancelled = False

    def __init__(self, portal: Any, credentials: Any) -> None:
        self._portal = portal
        self._credentials = credentials

    def start(self) -> Deferred[Any]:
        """
        @return: a Deferred of C{(interface, avatar, logout)}.
        """
        portal = self._portal
        if getattr(type(portal), "login", None) is not Portal.login:
            # A portal of somebody else's does not tell when its checker has finished.
            return portal.login(self._credentials, None, IAccount)  # type: ignore[no-any-return]
        self.canBeCancelled = True
        watched = Portal(_WatchedRealm(portal.realm, self))
        watched.checkers = portal.checkers
        return watched.login(self._credentials, None, IAccount)


class EvidencePortal:
    """
    Stands for a portal while an C{authenticateLogin} that somebody else wrote is at work, so that
    evidence can travel on the credentials that this method makes.

    @param portal: the portal that it stands for.
    @param credentials: the credentials of this login.
    """

    def __init__(self, portal: Any, credentials: UsernamePassword) -> None:
        self._portal = portal
        self._credentials = credentials

    def __getattr__(self, name: str) -> Any:
        return getattr(self._portal, name)

    def login(self, credentials: Any, mind: Any, *interfaces: Any) -> Any:
        """
        See L{Portal.login}.
        """
        if type(credentials) is twistedCredentials.UsernamePassword:
            # The method may have changed the name (a default domain): its word counts.
            self._credentials.username = credentials.username
            self._credentials.password = credentials.password
            credentials = self._credentials
        return self._portal.login(credentials, mind, *interfaces)
