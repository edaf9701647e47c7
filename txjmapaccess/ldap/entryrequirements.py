# -*- test-case-name: tests.ldap.test_results -*-
"""
What is read from a user's entry, and what it means. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from txjmapaccess.errors import Refused, TemporaryFailure
from txjmapaccess.ldap.codec import NO_ATTRIBUTES, SCOPE_BASE, Entry, SearchRequest
from txjmapaccess.ldap.errors import UnexpectedResult
from txjmapaccess.ldap.protocol import SearchResult
from txjmapaccess.ldap.results import INSUFFICIENT_ACCESS, NO_SUCH_OBJECT, SUCCESS
from txjmapaccess.ldap.searchfilter import ANY_ENTRY, FilterTemplate
from txjmapaccess.ldap.settings import LDAPSettings
from txjmapaccess.ldap.usernames import checkedUsername, firstComponent
from txjmapaccess.verdict import Reason

#: Results for an entry that the client is not allowed to see.
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
        The attributes to request.
        """
        names = [name for name in (self.username, self.sessionURL) if name is not None]
        return tuple(name.encode("ascii") for name in names) or (NO_ATTRIBUTES,)

    def name(self, entry: Entry) -> str:
        """
        @return: the canonical user name.

        @raise TemporaryFailure: if the entry has no usable name.
        """
        return canonicalValue(entry, self.username or "")

    def url(self, entry: Entry) -> str | None:
        """
        @return: the session URL, unchecked, or L{None}.
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
    @return: what these settings require.
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

    @raise Refused: if there is none.
    @raise TemporaryFailure: if there are several.
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

    @return: the objection to the account for JMAP, or L{None}.

    @raise UnexpectedResult: if it cannot be determined now.
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

    @return: the entry, or L{None} if the user is not allowed to see it.

    @raise UnexpectedResult: if it cannot be determined now.
    """
    result, entries = found
    if result.code == SUCCESS and entries:
        return entries[0]
    if result.code in (SUCCESS, *_CANNOT_SEE):
        return None
    raise UnexpectedResult("search", result.code)


def canonicalValue(entry: Entry, attribute: str) -> str:
    """
    The canonical name of a user. Of several values, it is the one in the entry's DN, because a
    directory guarantees no order.

    @raise TemporaryFailure: if there is no value, no single one, or no valid one.
    """
    values = _values(entry, attribute)
    if len(values) > 1:
        values = tuple(value for value in values if _names(entry.dn, attribute, value))
    if len(values) != 1:
        problem = "more than one value" if values or _values(entry, attribute) else "no value"
        raise TemporaryFailure(f"the entry of a user has {problem} of username_attribute")
    try:
        return checkedUsername(values[0])
    except Refused as e:
        raise TemporaryFailure(f"username_attribute: {e}") from None


def sessionURLValue(entry: Entry, attribute: str) -> str | None:
    """
    @return: the first word of the first value, as in C{labeledURI} (RFC 2079), not checked to be a
        URL; L{None} if there is none.
    """
    values = _values(entry, attribute)
    words = values[0].decode("utf-8", "replace").split(" ") if values else []
    return words[0] if words and words[0] else None


def _values(entry: Entry, attribute: str) -> tuple[bytes, ...]:
    return entry.attributes.get(attribute.lower(), ())


def _names(dn: bytes, attribute: str, value: bytes) -> bool:
    """
    @return: whether the first component of C{dn} says that C{attribute} is C{value}.
    """
    wanted = (attribute.lower(), value.lower())
    return wanted in [(name, given.lower()) for name, given in firstComponent(dn)]
