# -*- test-case-name: tests.jmap.test_identifiers -*-
"""
Where the object identifiers (RFC 8474) of accounts come from, for IMAP and JMAP alike: from their
store, by adaptation, or from an L{txjmapaccess.objectid.ObjectIDIndex}.
"""

from __future__ import annotations

from typing import Any

from txjmapaccess.coroutines import settled
from txjmapaccess.errors import JMAPAccessError
from txjmapaccess.interfaces import IObjectIDAccount
from txjmapaccess.message.identifiers import accountID
from txjmapaccess.store.accountidentifiers import AccountIdentifiers
from txjmapaccess.store.objectids import isObjectID
from txjmapaccess.store.openaccount import OpenAccount
from txjmapaccess.store.problemreports import reportsOf


class Identification:
    """
    Of one server.

    @param index: the L{ObjectIDIndex<txjmapaccess.objectid.ObjectIDIndex>}, or L{None} for stores
        that have identifiers.
    @param portal: what the sessions of the server have in common, or L{None}.
    """

    def __init__(self, index: Any = None, portal: Any = None) -> None:
        self._index = index
        self._reports = reportsOf(portal)

    def isShared(self, account: Any) -> bool:
        """
        @return: whether IMAP may say that JMAP has the same identifiers.
        """
        if self._index is not None:
            return bool(self._index.sharedWithJMAP)
        return IObjectIDAccount(account, None) is not None

    async def accountID(self, account: Any, username: str) -> str:
        """
        @return: the JMAP accountId (RFC 8620, section 1.6.2).

        @raise JMAPAccessError: when the store gives what can be none.
        """
        identified: Any = IObjectIDAccount(account, None)
        if identified is None:
            return accountID(username)
        found = await settled(identified.getAccountID)
        if not isObjectID(found):  # An Id has the same form (RFC 8620, section 1.2).
            raise JMAPAccessError(f"{type(account).__name__} gives an illegal accountId")
        return str(found)

    def of(self, opened: OpenAccount, raises: bool = False) -> AccountIdentifiers:
        """
        @param raises: see L{AccountIdentifiers}.

        @return: the identifiers of one account.
        """
        return AccountIdentifiers(opened, self._index, self._reports, raises)
