# -*- test-case-name: tests.store.test_identification -*-
"""
Where the object identifiers (RFC 8474) of accounts come from, for IMAP and JMAP alike: from their
store, by adaptation, or from an L{txjmapaccess.objectid.ObjectIDIndex}. And whether an account has
the same over JMAP as over IMAP, which JMAPACCESS asserts (RFC 9698, section 3).

The accountId and the file of an index are tried at each login. That mailboxes have no identifiers,
or other ones at each look, shows only when they are opened: then the account is among the
L{AccountFailures<txjmapaccess.store.identifierfailures.AccountFailures>} of the server, and for a
while its logins do not get JMAPACCESS.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.reflect import qual

from txjmapaccess.coroutines import settled
from txjmapaccess.errors import JMAPAccessError
from txjmapaccess.interfaces import IObjectIDAccount
from txjmapaccess.message.identifiers import accountID
from txjmapaccess.store.accountidentifiers import AccountIdentifiers
from txjmapaccess.store.identifierfailures import AccountFailures
from txjmapaccess.store.objectids import isObjectID
from txjmapaccess.store.openaccount import OpenAccount
from txjmapaccess.store.problemreports import reportsOf


class Identification:
    """
    Of one server.

    @param index: the L{ObjectIDIndex<txjmapaccess.objectid.ObjectIDIndex>}, or L{None} for stores
        that have identifiers.
    @param server: what the sessions of the server have in common, its portal; or L{None}.
    """

    _log = Logger()

    def __init__(self, index: Any = None, server: Any = None) -> None:
        self._index = index
        self._reports = reportsOf(server)

    def arePromised(self, account: Any) -> bool:
        """
        @return: whether somebody vouches that JMAP has the identifiers of this account.
        """
        if self._index is not None:
            return bool(self._index.sharedWithJMAP)
        return IObjectIDAccount(account, None) is not None

    async def areShared(self, opened: OpenAccount) -> bool:
        """
        @param opened: an account at its login.

        @return: whether JMAP has its identifiers, and they can be read. If only the latter is not
            so, the log says why, once a day. The identifiers of an account whose user nobody knows
            are not shared.
        """
        failures = AccountFailures(self._reports.failures, opened.username)
        if not self.arePromised(opened.account) or not failures.username or failures.areRecent():
            return False
        try:
            await self._storeAccountID(opened.account)
            if self._index is not None:
                await settled(self._index.check, opened)
        except CancelledError:
            return False
        except JMAPAccessError as e:
            failures.withhold(self._log, str(e))
            return False
        except Exception as e:
            kind = qual(type(opened.account))
            failures.withhold(self._log, f"{kind}: {type(e).__name__} raised", Failure())
            return False
        return True

    async def accountID(self, account: Any, username: str) -> str:
        """
        @return: the JMAP accountId (RFC 8620, section 1.6.2).

        @raise JMAPAccessError: when the store gives what can be none.
        """
        return await self._storeAccountID(account) or accountID(username)

    async def _storeAccountID(self, account: Any) -> str | None:
        identified: Any = IObjectIDAccount(account, None)
        if identified is None:
            return None
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
