# -*- test-case-name: tests.store.test_sharedidentifiers -*-
"""
Whether an account has the identifiers over JMAP that it has over IMAP, which JMAPACCESS asserts
(RFC 9698, section 3). L{identifiersShared} says so at each login, to IMAP and to JMAP.

The accountId and the file of an index are tried at the login itself. That mailboxes have no
identifiers, or others at each look, shows only when they are opened: then the account is among the
L{AccountFailures<txjmapaccess.store.identifierfailures.AccountFailures>} of the server, and for a
while its logins do not get JMAPACCESS.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from twisted.internet.defer import CancelledError, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.reflect import qual

from txjmapaccess.credentials import LoginRecord
from txjmapaccess.errors import JMAPAccessError
from txjmapaccess.imap.objectids import isObjectID
from txjmapaccess.interfaces import IObjectIDAccount
from txjmapaccess.store.identifierfailures import WITHHELD_SECONDS, AccountFailures
from txjmapaccess.verdict import Unknown

_log = Logger()


class _Visitor(NamedTuple):
    """
    What an index asks of a connection to find the file of an account.
    """

    account: Any
    loginRecord: LoginRecord


async def identifiersShared(account: Any, objectIDs: Any, failures: AccountFailures) -> bool:
    """
    @param account: the avatar of a login.
    @param objectIDs: the L{txjmapaccess.objectid.ObjectIDIndex} of the server, or L{None} for
        stores that have identifiers.
    @param failures: whose account it is, and what is known about it.

    @return: whether the account has identifiers, JMAP has the same, and they can be had. If only
        the last is not so, the log says why, once. What belongs to nobody is not shared.
    """
    if objectIDs is None:
        if IObjectIDAccount(account, None) is None:
            return False
    elif not objectIDs.sharedWithJMAP:
        return False
    if not failures.username or failures.areRecent():
        return False
    try:
        await storeAccountID(account)
        if objectIDs is not None:
            record = LoginRecord(failures.username, "", Unknown(), time.time())
            await maybeDeferred(objectIDs.check, _Visitor(account, record))
    except CancelledError:
        return False
    except JMAPAccessError as e:
        _withhold(failures, str(e))
        return False
    except Exception as e:
        _withhold(failures, f"{qual(type(account))}: {type(e).__name__} raised", Failure())
        return False
    return True


def sawMailboxID(failures: AccountFailures, name: str, mailbox: Any, mailboxID: str) -> None:
    """
    Take note of a MAILBOXID that a client sees. One that is another at each look, because
    UIDVALIDITY is, does not name a mailbox over JMAP.
    """
    if failures.hasChangedAgain(name, mailboxID):
        kind = qual(type(mailbox))
        _withhold(failures, f"{kind} has another UIDVALIDITY or MAILBOXID at each look")


def _withhold(failures: AccountFailures, problem: str, failure: Failure | None = None) -> None:
    failures.add()
    if failures.ofServer.isNews(problem):
        _log.error(
            "JMAPACCESS is withheld for {seconds} seconds, because identifiers cannot be had:"
            " {problem}",
            seconds=WITHHELD_SECONDS,
            problem=problem,
            **({} if failure is None else {"log_failure": failure}),
        )


async def storeAccountID(account: Any) -> str | None:
    """
    @return: the JMAP accountId (RFC 8620, section 1.6.2) that the store gives, or L{None} from one
        that does not know of accountIds.

    @raise JMAPAccessError: when the store gives what can be none.
    """
    identified: Any = IObjectIDAccount(account, None)
    if identified is None:
        return None
    found = await maybeDeferred(identified.getAccountID)
    if not isObjectID(found):  # An Id has the same form (RFC 8620, section 1.2).
        raise JMAPAccessError(f"{type(account).__name__} gives an illegal accountId")
    return str(found)


def steadyUIDValidity(mailbox: Any) -> int:
    """
    @return: the UIDVALIDITY of a mailbox.

    @raise JMAPAccessError: when it is another one at each look (RFC 3501, section 2.3.1.1).
    """
    found: int = mailbox.getUIDValidity()
    if mailbox.getUIDValidity() != found:
        raise JMAPAccessError("its UIDVALIDITY changes from one look to the next")
    return found


def checkedListing(listed: Any) -> list[tuple[str | bytes, Any]]:
    """
    @param listed: what C{listMailboxes} gave: pairs, in anything that Twisted can iterate over.

    @raise JMAPAccessError: when it is none of that.
    """
    try:
        pairs = [(name, mailbox) for name, mailbox in listed]
    except (TypeError, ValueError):
        pairs = []
        isGood = False
    else:
        isGood = all(isinstance(name, (str, bytes)) for name, _ in pairs)
    if not isGood or isinstance(listed, (str, bytes, Mapping)):
        what = type(listed).__name__
        raise JMAPAccessError(f"listMailboxes gives {what} instead of names and mailboxes")
    return pairs
