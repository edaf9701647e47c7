# -*- test-case-name: tests.jmap.test_accountsnapshot -*-
"""
What IMAP has as flags and attributes, in JMAP's words. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

#: The attributes of RFC 6154 and RFC 8457 that are roles (RFC 8621, section 2).
_ROLES = frozenset(
    ("all", "archive", "drafts", "flagged", "important", "junk", "sent", "subscribed", "trash")
)


def roleOf(path: tuple[str, ...], attributes: Iterable[Any]) -> str | None:
    """
    @param attributes: the attributes that LIST shows, L{str} or L{bytes}.

    @return: the role of a mailbox (RFC 8621, section 2).
    """
    if path == ("INBOX",):
        return "inbox"
    for attribute in attributes:
        name = asText(attribute).lower()
        if name.startswith("\\") and name[1:] in _ROLES:
            return name[1:]
    return None


def keywordsOf(flags: Iterable[Any]) -> frozenset[str] | None:
    """
    @param flags: the flags of a message, L{str} or L{bytes}.

    @return: the keywords (RFC 8621, section 4.1.1), or L{None} for a message that is deleted: JMAP
        does not see it.
    """
    return _keywordsOf(tuple(flags))


@lru_cache(1024)
def _keywordsOf(flags: tuple[Any, ...]) -> frozenset[str] | None:
    # Few combinations are in use, and most messages share them.
    keywords = set()
    for flag in flags:
        name = asText(flag).lower()
        if name == "\\deleted":
            return None
        if name in ("\\seen", "\\answered", "\\flagged", "\\draft"):
            keywords.add("$" + name[1:])
        elif not name.startswith("\\"):
            keywords.add(name)
    return frozenset(keywords)


def asText(value: str | bytes) -> str:
    """
    @return: what a store gave as L{str} or L{bytes}.
    """
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
