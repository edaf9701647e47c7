# -*- test-case-name: tests.jmap.test_headerproperties -*-
"""
The parsed forms of header fields (RFC 8621, section 4.1.2). Pure functions.
"""

from __future__ import annotations

import re
from typing import Any

from txjmapaccess.message.addresses import Group, parseAddressList
from txjmapaccess.message.dates import formatRFC3339, parseDateTime
from txjmapaccess.message.encodedwords import decodeWords
from txjmapaccess.message.headers import unfolded
from txjmapaccess.message.identifiers import parseMessageIDs
from txjmapaccess.message.text import normalForm

#: A header field: its name, and its value in Raw form.
RawField = tuple[str, str]


def textForm(raw: str) -> str:
    """
    @return: the Text form (RFC 8621, section 4.1.2.2).
    """
    return normalForm(decodeWords(unfolded(raw).lstrip(" ")))


def groupedAddressesForm(raw: str) -> list[dict[str, Any]]:
    """
    @return: the GroupedAddresses form (RFC 8621, section 4.1.2.4).
    """
    return [{"name": _normal(group.name), "addresses": _addresses(group)} for group in _groups(raw)]


def addressesForm(raw: str) -> list[dict[str, Any]]:
    """
    @return: the Addresses form (RFC 8621, section 4.1.2.3).
    """
    return [address for group in _groups(raw) for address in _addresses(group)]


def _groups(raw: str) -> list[Group]:
    return parseAddressList(unfolded(raw), decodeWords)


def _addresses(group: Group) -> list[dict[str, Any]]:
    return [{"name": _normal(a.name), "email": a.email} for a in group.addresses]


def _normal(name: str | None) -> str | None:
    return None if name is None else normalForm(name)


def messageIDsForm(raw: str) -> list[str] | None:
    """
    @return: the MessageIds form (RFC 8621, section 4.1.2.5).
    """
    return parseMessageIDs(unfolded(raw))


def dateForm(raw: str) -> str | None:
    """
    @return: the Date form (RFC 8621, section 4.1.2.6): RFC 3339, in the sender's time zone.
    """
    date = parseDateTime(unfolded(raw))
    return None if date is None else formatRFC3339(date)


def urlsForm(raw: str) -> list[str] | None:
    """
    @return: the URLs form (RFC 8621, section 4.1.2.7).
    """
    return re.findall(r"<\s*([^<>\s]+)\s*>", unfolded(raw)) or None
