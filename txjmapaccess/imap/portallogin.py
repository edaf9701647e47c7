# -*- test-case-name: tests.imap.test_login -*-
"""
A login through a L{twisted.cred.portal.Portal}, which does not tell two things that we need:
whether the checker has finished, and the evidence that it left.
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
    One login. It can be cancelled while the checker runs. After that the avatar is always made,
    because only its logout function undoes it.

    @ivar canBeCancelled: whether the checker still runs.
    @ivar began: when it began, by the clock of its connection.
    """

    canBeCancelled = False

    def __init__(self, portal: Any, credentials: Any, began: float) -> None:
        self.began = began
        self._portal = portal
        self._credentials = credentials

    async def login(self) -> tuple[Any, Any, Callable[[], object]]:
        """
        @return: the result of L{Portal.login}.
        """
        checker = self._checker()
        if checker is None:
            return await settled(self._portal.login, self._credentials, None, IAccount)  # type: ignore[no-any-return]
        # What Portal.login does, in two steps.
        self.canBeCancelled = True
        try:
            avatarId = await settled(checker.requestAvatarId, self._credentials)
        finally:
            self.canBeCancelled = False
        return await settled(self._portal.realm.requestAvatar, avatarId, None, IAccount)  # type: ignore[no-any-return]

    def _checker(self) -> Any:
        """
        @return: the checker, or L{None} where C{portal.login} must be called: the portal has none,
            or is not Twisted's.
        """
        if getattr(type(self._portal), "login", None) is not Portal.login:
            return None
        for interface, checker in self._portal.checkers.items():
            if interface.providedBy(self._credentials):
                return checker
        return None


class EvidencePortal:
    """
    Replaces a portal while a server's own C{authenticateLogin} runs, so that evidence can be left
    on our credentials.
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
            # The method may have changed the name (a default domain).
            self._credentials.username = credentials.username
            self._credentials.password = credentials.password
            credentials = self._credentials
        return self._portal.login(credentials, mind, *interfaces)
