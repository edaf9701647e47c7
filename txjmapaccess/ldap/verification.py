# -*- test-case-name: tests.integration.test_ldap_checker -*-
"""
What a login asks of one directory server, and what it makes of the answers.

L{TemplateVerifier} binds as the user at once, and reads the user's entry over that same connection,
when something in it matters. L{SearchVerifier} searches the entry with the service account, binds
as what it found, and puts C{jmap_filter} to the service account's connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from txjmapaccess.credentials import Evidence
from txjmapaccess.errors import PasswordExpired, Refused, TemporaryFailure
from txjmapaccess.ldap.codec import (
    NO_ATTRIBUTES,
    SCOPE_BASE,
    SCOPE_SUBTREE,
    Entry,
    Result,
    Search,
)
from txjmapaccess.ldap.entry import canonicalValue, sessionURLValue
from txjmapaccess.ldap.filters import ANY_ENTRY, FilterTemplate
from txjmapaccess.ldap.judging import (
    INSUFFICIENT_ACCESS,
    NO_SUCH_OBJECT,
    SUCCESS,
    judgeBind,
)
from txjmapaccess.ldap.names import BindNameTemplate, canonicalName
from txjmapaccess.ldap.problems import UnexpectedResult
from txjmapaccess.ldap.protocol import LDAPConnection, SearchResult
from txjmapaccess.ldap.server import Server
from txjmapaccess.ldap.settings import LDAPSettings
from txjmapaccess.verdict import Reason

#: Who may see an entry is decided by the directory; who may not gets one of these.
_CANNOT_SEE = (NO_SUCH_OBJECT, INSUFFICIENT_ACCESS)
_SOURCE = "ldap"


class IVerifier(Protocol):
    """
    Asks one server about one login.
    """

    async def verify(
        self, server: Server, username: str, password: bytes, deadline: float
    ) -> Evidence:
        """
        @param username: checked by L{txjmapaccess.ldap.names.checkedText}, as the password is.
        @param deadline: a time of the clock, in seconds.

        @return: the evidence for a good login.

        @raise Refused: for any other.
        @raise ServerFailed: when this server could not tell.
        @raise TemporaryFailure: when no server can tell.
        """


@dataclass(frozen=True)
class _Wanted:
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

    @property
    def attributes(self) -> tuple[bytes, ...]:
        names = [name for name in (self.username, self.sessionURL) if name is not None]
        return tuple(name.encode("ascii") for name in names) or (NO_ATTRIBUTES,)

    def name(self, entry: Entry) -> str:
        """
        @raise TemporaryFailure: when the entry does not say.
        """
        return canonicalValue(entry, self.username or "")

    def url(self, entry: Entry) -> str | None:
        return None if self.sessionURL is None else sessionURLValue(entry, self.sessionURL)

    def read(self, dn: bytes) -> Search:
        return Search(dn, SCOPE_BASE, ANY_ENTRY, self.attributes, 1, self.timeLimit)

    def match(self, jmap: FilterTemplate, dn: bytes, name: str) -> Search:
        encoded = jmap.encoded(name.encode("utf-8"))
        return Search(dn, SCOPE_BASE, encoded, (NO_ATTRIBUTES,), 1, self.timeLimit)


def _wanted(settings: LDAPSettings) -> _Wanted:
    return _Wanted(
        settings.canonicalAttribute(),
        settings.session_url_attribute,
        settings.jmapFilter(),
        settings.timeout,
    )


class TemplateVerifier:
    """
    @param template: makes the name to bind with.
    """

    def __init__(self, settings: LDAPSettings, template: BindNameTemplate) -> None:
        self._template = template
        self._wanted = _wanted(settings)

    async def verify(
        self, server: Server, username: str, password: bytes, deadline: float
    ) -> Evidence:
        """
        See L{IVerifier}. Unless the entry says the name of the mailbox, the name that is bound is
        that name, letter by letter, so that no spelling leads to somebody else's.
        """
        name = username if self._wanted.username is not None else canonicalName(username)
        dn = self._template.nameFor(name)

        async def use(connection: LDAPConnection, until: float) -> Evidence:
            objection = judgeBind(await server.bind(connection, dn, password, until))
            return await self._evidence(connection, name, dn, objection, until)

        return await server.withConnection(use, deadline)

    async def _evidence(
        self,
        connection: LDAPConnection,
        name: str,
        dn: bytes,
        objection: Reason | None,
        deadline: float,
    ) -> Evidence:
        wanted, url = self._wanted, None
        if wanted.username is not None or wanted.sessionURL is not None:
            entry = _ownEntry(await connection.search(wanted.read(dn), deadline))
            if entry is not None:
                url = wanted.url(entry)
            if wanted.username is not None:
                name = self._canonical(entry, objection)
        if wanted.jmap is not None and objection is None:
            found = await connection.search(wanted.match(wanted.jmap, dn, name), deadline)
            objection = judgeMatch(found)
        return Evidence(name, _SOURCE, objection, url)

    def _canonical(self, entry: Entry | None, objection: Reason | None) -> str:
        if entry is not None:
            return self._wanted.name(entry)
        if objection is Reason.PASSWORD_MUST_CHANGE:
            # Whose mail it is cannot be told before.
            raise PasswordExpired("the password must be changed first")
        raise TemporaryFailure("users cannot read username_attribute of their own entries")


class SearchVerifier:
    """
    @param filter: finds the entry.
    """

    def __init__(self, settings: LDAPSettings, filter: FilterTemplate) -> None:
        self._base = (settings.search_base or "").encode("utf-8")
        self._filter = filter
        self._wanted = _wanted(settings)

    async def verify(
        self, server: Server, username: str, password: bytes, deadline: float
    ) -> Evidence:
        """
        See L{IVerifier}.
        """
        entry = judgeSearch(await server.search(self._search(username), deadline))

        async def use(connection: LDAPConnection, until: float) -> Result:
            return await server.bind(connection, entry.dn, password, until)

        objection = judgeBind(await server.withConnection(use, deadline))
        name = self._wanted.name(entry)
        jmap = self._wanted.jmap
        if jmap is not None and objection is None:
            match = self._wanted.match(jmap, entry.dn, name)
            objection = judgeMatch(await server.search(match, deadline))
        return Evidence(name, _SOURCE, objection, self._wanted.url(entry))

    def _search(self, username: str) -> Search:
        encoded = self._filter.encoded(username.encode("utf-8"))
        wanted = self._wanted
        # Two, to see that there is more than one.
        return Search(self._base, SCOPE_SUBTREE, encoded, wanted.attributes, 2, wanted.timeLimit)


def verifier(settings: LDAPSettings) -> IVerifier:
    """
    @return: the one that the settings ask for.
    """
    template, filter = settings.bindName(), settings.searchFilter()
    if template is not None:
        return TemplateVerifier(settings, template)
    if filter is not None:
        return SearchVerifier(settings, filter)
    raise AssertionError("LDAPSettings lets nothing else pass")


def judgeSearch(found: SearchResult) -> Entry:
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
        raise Refused("the directory gave an empty DN")
    return entries[0]


def judgeMatch(found: SearchResult) -> Reason | None:
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


def _ownEntry(found: SearchResult) -> Entry | None:
    result, entries = found
    if result.code == SUCCESS and entries:
        return entries[0]
    if result.code in (SUCCESS, *_CANNOT_SEE):
        return None
    raise UnexpectedResult("search", result.code)
