# -*- test-case-name: tests.integration.test_ldap_checker -*-
"""
The requests of a login to one directory server, and what the responses mean.

L{TemplateVerifier} binds as the user, then reads the user's entry over the same connection if it
needs the entry. L{SearchVerifier} finds the entry with the service account, binds as that entry,
and checks C{jmap_filter} with the service account.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from txjmapaccess.credentials import Evidence
from txjmapaccess.errors import PasswordExpired, TemporaryFailure
from txjmapaccess.ldap.codec import SCOPE_SUBTREE, Entry, Result, SearchRequest
from txjmapaccess.ldap.directoryserver import DirectoryServer
from txjmapaccess.ldap.entryrequirements import matchObjection, ownEntry, requirementsOf, userEntry
from txjmapaccess.ldap.protocol import LDAPConnection
from txjmapaccess.ldap.results import bindObjection
from txjmapaccess.ldap.searchfilter import FilterTemplate
from txjmapaccess.ldap.settings import LDAPSettings
from txjmapaccess.ldap.usernames import BindNameTemplate, canonicalName
from txjmapaccess.verdict import Reason

_SOURCE = "ldap"


class IVerifier(Protocol):
    """
    Checks one login on one server.
    """

    def verify(
        self, server: DirectoryServer, username: str, password: bytes, deadline: float
    ) -> Awaitable[Evidence]:
        """
        @param username: checked by L{txjmapaccess.ldap.usernames}, as the password is.
        @param deadline: a time of the clock, in seconds.

        @return: the evidence for an accepted login.

        @raise Refused: if the directory refused it.
        @raise ServerFailed: if this server could not check it.
        @raise TemporaryFailure: if no server can check it.
        """


class TemplateVerifier:
    """
    @param template: makes the name to bind with.
    """

    def __init__(self, settings: LDAPSettings, template: BindNameTemplate) -> None:
        self._template = template
        self._requirements = requirementsOf(settings)

    def verify(
        self, server: DirectoryServer, username: str, password: bytes, deadline: float
    ) -> Awaitable[Evidence]:
        """
        See L{IVerifier}. Unless the entry has the user's name, the bind uses exactly the canonical
        name, so that no spelling leads to another user's mail.
        """
        name = username if self._requirements.username is not None else canonicalName(username)
        dn = self._template.nameFor(name)

        async def use(connection: LDAPConnection, until: float) -> Evidence:
            objection = bindObjection(await server.bind(connection, dn, password, until))
            return await self._evidence(connection, name, dn, objection, until)

        return server.withConnection(use, deadline)

    async def _evidence(
        self,
        connection: LDAPConnection,
        name: str,
        dn: bytes,
        objection: Reason | None,
        deadline: float,
    ) -> Evidence:
        requirements, url = self._requirements, None
        if requirements.username is not None or requirements.sessionURL is not None:
            entry = ownEntry(await connection.search(requirements.read(dn), deadline))
            if entry is not None:
                url = requirements.url(entry)
            elif requirements.sessionURL is not None:
                # The entry is hidden, not absent: the common URL may be wrong.
                objection = objection or Reason.NO_EVIDENCE
            if requirements.username is not None:
                name = self._canonical(entry, objection)
        if requirements.jmap is not None and objection is None:
            found = await connection.search(
                requirements.match(requirements.jmap, dn, name), deadline
            )
            objection = matchObjection(found)
        return Evidence(name, _SOURCE, objection, url)

    def _canonical(self, entry: Entry | None, objection: Reason | None) -> str:
        if entry is not None:
            return self._requirements.name(entry)
        if objection is Reason.PASSWORD_MUST_CHANGE:
            # The user's name cannot be read before.
            raise PasswordExpired("the password must be changed first")
        raise TemporaryFailure("users cannot read username_attribute of their own entries")


class SearchVerifier:
    """
    @param filter: finds the entry.
    """

    def __init__(self, settings: LDAPSettings, filter: FilterTemplate) -> None:
        self._base = (settings.search_base or "").encode("utf-8")
        self._filter = filter
        self._requirements = requirementsOf(settings)

    async def verify(
        self, server: DirectoryServer, username: str, password: bytes, deadline: float
    ) -> Evidence:
        """
        See L{IVerifier}.
        """
        entry = userEntry(await server.search(self._search(username), deadline))

        async def use(connection: LDAPConnection, until: float) -> Result:
            return await server.bind(connection, entry.dn, password, until)

        objection = bindObjection(await server.withConnection(use, deadline))
        name = self._requirements.name(entry)
        jmap = self._requirements.jmap
        if jmap is not None and objection is None:
            match = self._requirements.match(jmap, entry.dn, name)
            objection = matchObjection(await server.search(match, deadline))
        return Evidence(name, _SOURCE, objection, self._requirements.url(entry))

    def _search(self, username: str) -> SearchRequest:
        encoded = self._filter.encoded(username.encode("utf-8"))
        requirements = self._requirements
        # Two, to notice ambiguous results.
        return SearchRequest(
            self._base, SCOPE_SUBTREE, encoded, requirements.attributes, 2, requirements.timeLimit
        )


def verifier(settings: LDAPSettings) -> IVerifier:
    """
    @return: the verifier for these settings.
    """
    template, filter = settings.bindName(), settings.searchFilter()
    if template is not None:
        return TemplateVerifier(settings, template)
    if filter is not None:
        return SearchVerifier(settings, filter)
    raise AssertionError("LDAPSettings lets nothing else pass")
