# -*- test-case-name: tests.store.test_serveridentifiers -*-
"""
Where the object identifiers (RFC 8474) of accounts come from, for IMAP and JMAP alike: from their
store, by adaptation, or from an L{txjmapaccess.objectid.ObjectIDIndex}. And whether an account has
the same identifiers over JMAP and IMAP, which JMAPACCESS asserts (RFC 9698, section 3).

Each login checks the accountId and the file of an index. A mailbox without an identifier, or with
another one at each look, shows only when it is opened: then
L{IdentifierProblems<txjmapaccess.store.identifierproblems.IdentifierProblems>} withholds JMAPACCESS
from the next logins of that account.
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
from txjmapaccess.store.identifierproblems import problemsOf
from txjmapaccess.store.objectids import IdentifiersLocked, isObjectID
from txjmapaccess.store.openaccount import OpenAccount


class ServerIdentifiers:
    """
    The identifiers of all accounts of a server.

    @param index: the L{ObjectIDIndex<txjmapaccess.objectid.ObjectIDIndex>}, or L{None} for stores
        that have identifiers.
    @param server: what the sessions of the server have in common, its portal; or L{None}.
    """

    _log = Logger()

    def __init__(self, index: Any = None, server: Any = None) -> None:
        self._index = index
        self._problems = problemsOf(server)

    def arePromised(self, account: Any) -> bool:
        """
        @return: whether the store or the operator vouches that JMAP has the identifiers of this
            account.
        """
        if self._index is not None:
            return bool(self._index.sharedWithJMAP)
        return IObjectIDAccount(account, None) is not None

    async def areShared(self, opened: OpenAccount) -> bool:
        """
        @param opened: an account at its login.

        @return: whether JMAP has its identifiers, and they can be read. If they cannot, the log
            says why, once a day. The identifiers of an unknown user are never shared.
        """
        username, problems = opened.username, self._problems
        if not self.arePromised(opened.account) or not username or problems.isWithheld(username):
            return False
        try:
            await self._storeAccountID(opened.account)
            if self._index is not None:
                await settled(self._index.check, opened)
        except CancelledError:
            return False
        except IdentifiersLocked as e:
            if problems.isNews("locked", str(e)):
                self._log.error("JMAPACCESS is withheld from a login: {problem}", problem=str(e))
            return False
        except JMAPAccessError as e:
            problems.report(self._log, str(e))
        except Exception as e:
            kind = qual(type(opened.account))
            problems.report(self._log, f"{kind}: {type(e).__name__} raised", Failure())
        else:
            return True
        problems.withhold(username)
        return False

    async def accountID(self, account: Any, username: str) -> str:
        """
        @return: the JMAP accountId (RFC 8620, section 1.6.2).

        @raise JMAPAccessError: when the store returns an invalid one.
        """
        return await self._storeAccountID(account) or accountID(username)

    async def _storeAccountID(self, account: Any) -> str | None:
        identified: Any = IObjectIDAccount(account, None)
        if identified is None:
            return None
        found = await settled(identified.getAccountID)
        if not isObjectID(found):  # An Id has the same form (RFC 8620, section 1.2).
            raise JMAPAccessError(f"{type(account).__name__} returned an invalid accountId")
        return str(found)

    def of(self, opened: OpenAccount, raises: bool = False) -> AccountIdentifiers:
        """
        @param raises: see L{AccountIdentifiers}.

        @return: the identifiers of one account.
        """
        return AccountIdentifiers(opened, self._index, self._problems, raises)
