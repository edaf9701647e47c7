"""
The realm that all Twisted servers here have: an account in memory for each login.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.cred.portal import IRealm
from twisted.mail.imap4 import IAccount, MemoryAccount
from zope.interface import implementer

from txjmapaccess.interfaces import IObjectIDAccount


@implementer(IObjectIDAccount)
class Account(MemoryAccount):
    """
    An account whose store has identifiers.
    """

    def getAccountID(self) -> str:
        """
        See L{IObjectIDAccount.getAccountID}.
        """
        return "A1"


@implementer(IRealm)
class Realm:
    """
    See the module.
    """

    def requestAvatar(
        self, avatarId: Any, mind: Any, *interfaces: Any
    ) -> tuple[Any, Account, Callable[[], None]]:
        """
        See L{IRealm.requestAvatar}.
        """
        return IAccount, Account(avatarId), _nothing


def _nothing() -> None:
    """
    Do nothing at a logout.
    """
