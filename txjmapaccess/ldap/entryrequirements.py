# -*- test-case-name: tests.ldap.test_results -*-
"""
What is asked of a user's entry, and what the answers mean. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from txjmapaccess.errors import Refused, TemporaryFailure
from txjmapaccess.ldap.codec import NO_ATTRIBUTES, SCOPE_BASE, Entry, SearchRequest
from txjmapaccess.ldap.entry import canonicalValue, sessionURLValue
from txjmapaccess.ldap.errors import UnexpectedResult
from txjmapaccess.ldap.protocol import SearchResult
from txjmapaccess.ldap.results import INSUFFICIENT_ACCESS, NO_SUCH_OBJECT, SUCCESS
from txjmapaccess.ldap.searchfilter import ANY_ENTRY, FilterTemplate
from txjmapaccess.ldap.settings import LDAPSettings
from txjmapaccess.verdict import Reason

#: Who may see an entry is decided by the directory; who may not gets one of these.
_CANNOT_SEE = (NO_SUCH_OBJECT, INSUFFICIENT_ACCESS)


@dataclass(frozen=True)
class EntryRequirements:
    """
    What matters in a user's entry.

    @ivar username: the attribute of the canonical name, or L{None}.
    @ivar sessionURL: the attribute of the session URL, or L{None}.
    @ivar jmap: the filter for JMAP, or L{None}.
    @ivar timeLimit: seconds that the server may spend on a search.
    """

    username: str | None
    sessionURL: str | None
    jmap: FilterTemplate | None
    timeLimit: int

    @cached_property
    def attributes(self) -> tuple[bytes, ...]:
        """
        Those to ask for.
        """
        names = [name for name in (self.username, self.sessionURL) if name is not None]
        return tuple(name.encode("ascii") for name in names) or (NO_ATTRIBUTES,)

    def name(self, entry: Entry) -> str:
        """
        @return: the canonical user name.

        @raise TemporaryFailure: when the entry does not say.
        """
        return canonicalValue(entry, self.username or "")

    def url(self, entry: Entry) -> str | None:
        """
        @return: the session URL as it stands there, or L{None}.
        """
        return None if self.sessionURL is None else sessionURLValue(entry, self.sessionURL)

    def read(self, dn: bytes) -> SearchRequest:
        """
        @return: the search that reads the entry C{dn}.
        """
        return SearchRequest(dn, SCOPE_BASE, ANY_ENTRY, self.attributes, 1, self.timeLimit)

    def match(self, jmap: FilterTemplate, dn: bytes, name: str) -> SearchRequest:
        """
        @return: the search that finds the entry C{dn} when it matches C{jmap}.
        """
        encoded = jmap.encoded(name.encode("utf-8"))
        return SearchRequest(dn, SCOPE_BASE, encoded, (NO_ATTRIBUTES,), 1, self.timeLimit)


def requirementsOf(settings: LDAPSettings) -> EntryRequirements:
    """
    @return: what the settings make matter.
    """
    return EntryRequirements(
        settings.canonicalAttribute(),
        settings.session_url_attribute,
        settings.jmapFilter(),
        settings.timeout,
    )


def userEntry(found: SearchResult) -> Entry:
    """
    @return: the user's entry.

    @raise Refused: when there is none.
    @raise TemporaryFailure: when it cannot be told which it is.
    """
    result, entries = found
    if len(entries) > 1:
        raise TemporaryFailure("search_filter matches more than one entry")
    if result.code != SUCCESS:
        raise UnexpectedResult("search", result.code)
    if not entries:
        raise Refused("the directory has no such user")
    if not entries[0].dn:
        raise Refused("the directory returned an empty DN")
    return entries[0]


def matchObjection(found: SearchResult) -> Reason | None:
    """
    @param found: what C{jmap_filter} found.

    @return: what speaks against the account for JMAP, or L{None}.

    @raise UnexpectedResult: when that cannot be told now.
    """
    result, entries = found
    if result.code == SUCCESS:
        return None if entries else Reason.NOT_ALLOWED
    if result.code in _CANNOT_SEE:
        return Reason.NO_EVIDENCE
    raise UnexpectedResult("search with jmap_filter", result.code)


def ownEntry(found: SearchResult) -> Entry | None:
    """
    @param found: what reading the user's own entry found.

    @return: the entry, or L{None} when the user may not see it.

    @raise UnexpectedResult: when that cannot be told now.
    """
    result, entries = found
    if result.code == SUCCESS and entries:
        return entries[0]
    if result.code in (SUCCESS, *_CANNOT_SEE):
        return None
    raise UnexpectedResult("search", result.code)
