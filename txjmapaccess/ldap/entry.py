# -*- test-case-name: tests.ldap.test_results -*-
"""
From attribute values to what they mean to us. Pure functions.
"""

from __future__ import annotations

from txjmapaccess.errors import Refused, TemporaryFailure
from txjmapaccess.ldap.codec import Entry
from txjmapaccess.ldap.usernames import checkedUsername, firstComponent


def canonicalValue(entry: Entry, attribute: str) -> str:
    """
    The canonical name of a user. Of several values it is the one that is in the entry's name, for a
    directory promises no order.

    @raise TemporaryFailure: when there is none, or it cannot be told which it is, or it cannot be a
        name.
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
    @return: the first word of the first value, as C{labeledURI} has it (RFC 2079), not checked to
        be a URL; L{None} when there is none.
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
