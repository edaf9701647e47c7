# -*- test-case-name: tests.jmap.test_emailsearch -*-
"""
Searching messages (RFC 8621, section 4.4.1): those conditions of a filter for which they must be
read. No I/O: whoever searches reads the candidates, and has each looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

from txjmapaccess.jmap.accountsnapshot import AccountSnapshot, Email
from txjmapaccess.jmap.bodyparts import bodyPart, decompose
from txjmapaccess.jmap.emailfilter import Condition, compileFilter
from txjmapaccess.jmap.errors import invalidArguments
from txjmapaccess.message.searchable import SearchableMessage
from txjmapaccess.message.text import comparable

_FIELDS = ("from", "to", "cc", "bcc", "subject")
_TOKENS = re.compile(r"""\"((?:[^"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|(\S+)""")


class SearchableEmail(SearchableMessage):
    """
    A message, as far as a filter looks at it.
    """

    @cached_property
    def hasAttachment(self) -> bool:
        """
        See RFC 8621, section 4.1.4.
        """
        return decompose(bodyPart(self.structure)).hasAttachment


def tokensOf(text: str) -> list[str]:
    """
    @return: the words and phrases that must all be found, in the form in which texts are compared.
    """
    found = []
    for double, single, word in _TOKENS.findall(text):
        token = word or re.sub(r"\\(.)", r"\1", double or single)
        found.append(comparable(token))
    return [token for token in found if token]


def _string(value: Any) -> list[str]:
    if not isinstance(value, str):
        raise invalidArguments("what to search for is not a string")
    return tokensOf(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise invalidArguments("hasAttachment is true or false")
    return value


def _header(value: Any) -> tuple[str, list[str]]:
    if (
        not isinstance(value, list)
        or len(value) not in (1, 2)
        or not all(isinstance(member, str) for member in value)
    ):
        raise invalidArguments("header is a list of one or two strings")
    return value[0].lower(), tokensOf(value[1]) if len(value) == 2 else []


def _contains(texts: list[str], tokens: list[str]) -> bool:
    return all(any(token in text for text in texts) for token in tokens)


def _inHeader(message: SearchableEmail, wanted: tuple[str, list[str]]) -> bool:
    name, tokens = wanted
    return any(_contains([text], tokens) for text in message.field(name))


def _anywhere(message: SearchableEmail, tokens: list[str]) -> bool:
    texts = [text for name in _FIELDS for text in message.field(name)]
    return _contains([*texts, message.body], tokens)


_Matcher = Callable[[SearchableEmail, Any], bool]

#: Conditions by name: how the value is checked, and how a message is.
_CONDITIONS: dict[str, tuple[Callable[[Any], Any], _Matcher]] = {
    "hasAttachment": (_flag, lambda message, wanted: message.hasAttachment is wanted),
    "body": (_string, lambda message, tokens: _contains([message.body], tokens)),
    "header": (_header, _inHeader),
    "text": (_string, _anywhere),
}


def _inField(name: str) -> _Matcher:
    return lambda message, tokens: _contains(message.field(name), tokens)


_CONDITIONS.update((name, (_string, _inField(name))) for name in _FIELDS)


class EmailSearch:
    """
    A filter, in two steps: which Emails it can match by what the store knows of them, and which of
    these it does match.

    @param value: the filter.

    @ivar looksInside: whether there is a second step.

    @raise MethodError: C{invalidArguments}.
    """

    def __init__(self, value: Any, snapshot: AccountSnapshot) -> None:
        self._snapshot = snapshot
        self._message: SearchableEmail | None = None
        self.looksInside = False
        self._canMatch = compileFilter(value, snapshot, self._possible)
        self._matches = compileFilter(value, snapshot, self._inside)

    def candidates(self) -> list[Email]:
        """
        @return: the Emails that the filter can match.
        """
        return [email for email in self._snapshot.emails.values() if self._canMatch(email)]

    def matches(self, email: Email, octets: bytes) -> bool:
        """
        @return: whether the filter matches C{email}, whose message is C{octets}.
        """
        self._message = SearchableEmail(octets)
        return self._matches(email)

    def _possible(self, name: str, value: Any, isNegated: bool) -> Condition:
        # As if it matched where that lets more through, and as if not below NOT.
        self.looksInside = True
        return lambda email: not isNegated

    def _inside(self, name: str, value: Any, isNegated: bool) -> Condition:
        check, matches = _CONDITIONS[name]
        wanted = check(value)
        return lambda email: matches(self._current(), wanted)

    def _current(self) -> SearchableEmail:
        assert self._message is not None
        return self._message
