# -*- test-case-name: tests.imap.test_login -*-
"""
A login through a L{twisted.cred.portal.Portal}, of which two things must be known that the portal
does not tell: whether the checker has finished, and which evidence it left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.cred import credentials as twistedCredentials
from twisted.cred.portal import Portal
from twisted.mail.imap4 import IAccount

from txjmapaccess.coroutines import settled
from txjmapaccess.credentials import UsernamePassword


class PortalLogin:
    """
    One login. It can be cancelled while the checker has it. After that the avatar is made,
    whatever happens, because only with it comes the function that undoes it.

    @ivar canBeCancelled: whether the checker still has it.
    @ivar began: when it began, by the clock of its connection.
    """

    canBeCancelled = False

    def __init__(self, portal: Any, credentials: Any, began: float) -> None:
        self.began = began
        self._portal = portal
        self._credentials = credentials

    async def login(self) -> tuple[Any, Any, Callable[[], object]]:
        """
        @return: what L{Portal.login} brings.
        """
        checker = self._checker()
        if checker is None:
            return await settled(self._portal.login, self._credentials, None, IAccount)  # type: ignore[no-any-return]
        # What Portal.login does, in the two steps that it does not tell about.
        self.canBeCancelled = True
        try:
            avatarId = await settled(checker.requestAvatarId, self._credentials)
        finally:
            self.canBeCancelled = False
        return await settled(self._portal.realm.requestAvatar, avatarId, None, IAccount)  # type: ignore[no-any-return]

    def _checker(self) -> Any:
        """
        @return: the checker, or L{None} where the portal must be asked itself: it has none, or is
            somebody else's and does not tell when its checker has finished.
        """
        if getattr(type(self._portal), "login", None) is not Portal.login:
            return None
        for interface, checker in self._portal.checkers.items():
            if interface.providedBy(self._credentials):
                return checker
        return None


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
