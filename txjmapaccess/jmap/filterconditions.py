# -*- test-case-name: tests.jmap.test_emailsearch -*-
"""
The conditions in filters of Email/query (RFC 8621, section 4.4.1): on the data of the store, and on
the content of messages. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from txjmapaccess.jmap.accountsnapshot import AccountSnapshot, Email
from txjmapaccess.jmap.argumenttypes import boolean, string, strings, unsigned
from txjmapaccess.jmap.bodyparts import BodyPart, decompose
from txjmapaccess.jmap.errors import invalidArguments
from txjmapaccess.message.dates import parseUTCDate
from txjmapaccess.message.searchable import SearchableMessage
from txjmapaccess.message.text import comparable

_FIELDS = ("from", "to", "cc", "bcc", "subject")
_TOKENS = re.compile(r"""\"((?:[^"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|(\S+)""")

#: Checks a value, with the name of its condition, and gives it in the form that is compared.
_Check = Callable[[Any, str], Any]


class SearchableEmail(SearchableMessage):
    """
    A message, as filters look at it.
    """

    @cached_property
    def hasAttachment(self) -> bool:
        """
        See RFC 8621, section 4.1.4.
        """
        return decompose(BodyPart(self.structure)).hasAttachment


def storedCondition(name: str, value: Any, snapshot: AccountSnapshot) -> Callable[[Email], bool]:
    """
    @return: a condition on the data of the store.

    @raise MethodError: C{invalidArguments}.
    """
    if name in _IN_THREAD:
        keyword = _keyword(value, name)
        matching = {
            threadID
            for threadID, emails in snapshot.threads.items()
            if _IN_THREAD[name](keyword in email.keywords for email in emails)
        }
        return lambda email: email.threadID in matching
    if name not in _STORED:
        raise invalidArguments(f"unknown filter condition {name}")
    check, matches = _STORED[name]
    wanted = check(value, name)
    return lambda email: matches(email, wanted)


def messageCondition(name: str, value: Any) -> Callable[[SearchableEmail], bool] | None:
    """
    @return: a condition on the content of a message, or L{None} if there is none with this name.

    @raise MethodError: C{invalidArguments}.
    """
    if name not in _IN_MESSAGE:
        return None
    check, matches = _IN_MESSAGE[name]
    wanted = check(value, name)
    return lambda message: matches(message, wanted)


def tokensOf(text: str) -> list[str]:
    """
    @return: the words and phrases that must all be found, in the form in which texts are compared.
    """
    found = []
    for double, single, word in _TOKENS.findall(text):
        token = word or re.sub(r"\\(.)", r"\1", double or single)
        found.append(comparable(token))
    return [token for token in found if token]


def _keyword(value: Any, name: str) -> str:
    return string(value, name).lower()


def _ids(value: Any, name: str) -> frozenset[str]:
    return frozenset(strings(value, name))


def _date(value: Any, name: str) -> float:
    try:
        return parseUTCDate(value)
    except (AttributeError, ValueError, OverflowError):
        raise invalidArguments(f"{name} is not a UTCDate") from None


def _text(value: Any, name: str) -> list[str]:
    return tokensOf(string(value, name))


def _header(value: Any, name: str) -> tuple[str, list[str]]:
    if len(strings(value, name)) not in (1, 2):
        raise invalidArguments("header is not a list of one or two strings")
    return value[0].lower(), tokensOf(value[1]) if len(value) == 2 else []


def _contains(texts: list[str], tokens: list[str]) -> bool:
    return all(any(token in text for text in texts) for token in tokens)


def _inHeader(message: SearchableEmail, wanted: tuple[str, list[str]]) -> bool:
    name, tokens = wanted
    return any(_contains([text], tokens) for text in message.field(name))


def _anywhere(message: SearchableEmail, tokens: list[str]) -> bool:
    texts = [text for name in _FIELDS for text in message.field(name)]
    return _contains([*texts, message.body], tokens)


def _inField(name: str) -> Callable[[SearchableEmail, list[str]], bool]:
    return lambda message, tokens: _contains(message.field(name), tokens)


_STORED: dict[str, tuple[_Check, Callable[[Email, Any], bool]]] = {
    "inMailbox": (string, lambda email, mailboxID: mailboxID in email.mailboxIDs),
    "inMailboxOtherThan": (_ids, lambda email, ids: bool(email.mailboxIDs - ids)),
    "before": (_date, lambda email, date: email.receivedAt < date),
    "after": (_date, lambda email, date: email.receivedAt >= date),
    "minSize": (unsigned, lambda email, size: email.size >= size),
    "maxSize": (unsigned, lambda email, size: email.size < size),
    "hasKeyword": (_keyword, lambda email, keyword: keyword in email.keywords),
    "notKeyword": (_keyword, lambda email, keyword: keyword not in email.keywords),
}

#: How many of a Thread's Emails must have a keyword.
_IN_THREAD: dict[str, Callable[[Iterable[bool]], bool]] = {
    "allInThreadHaveKeyword": all,
    "someInThreadHaveKeyword": any,
    "noneInThreadHaveKeyword": lambda found: not any(found),
}

_IN_MESSAGE: dict[str, tuple[_Check, Callable[[SearchableEmail, Any], bool]]] = {
    "hasAttachment": (boolean, lambda message, wanted: message.hasAttachment is wanted),
    "body": (_text, lambda message, tokens: _contains([message.body], tokens)),
    "header": (_header, _inHeader),
    "text": (_text, _anywhere),
    **{name: (_text, _inField(name)) for name in _FIELDS},
}
