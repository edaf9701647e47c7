# -*- test-case-name: tests.jmap.test_headers -*-
"""
The parsed forms of header fields (RFC 8621, section 4.1.2). Pure functions.
"""

from __future__ import annotations

import email.utils
import re
import unicodedata
from datetime import timezone
from typing import Any

from txjmapaccess.jmap.addresses import Group, parseAddressList, tokens
from txjmapaccess.jmap.encodedwords import decodeWords

#: A header field: its name, and its value in Raw form.
Field = tuple[str, str]

_FOLD = re.compile(r"\r?\n(?=[ \t])")
_LINE_END = re.compile(r"[\r\n]+\Z")


def rawForm(value: bytes) -> str:
    """
    @param value: what follows the colon, without the line end behind it.

    @return: the Raw form (RFC 8621, section 4.1.2.1).
    """
    return value.replace(b"\0", b"").decode("utf-8", "replace")


def _unfolded(raw: str) -> str:
    return _LINE_END.sub("", _FOLD.sub("", raw))


def textForm(raw: str) -> str:
    """
    @return: the Text form (RFC 8621, section 4.1.2.2).
    """
    return unicodedata.normalize("NFC", decodeWords(_unfolded(raw).lstrip(" ")))


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
    return parseAddressList(_unfolded(raw), decodeWords)


def _addresses(group: Group) -> list[dict[str, Any]]:
    return [{"name": _normal(a.name), "email": a.email} for a in group.addresses]


def _normal(name: str | None) -> str | None:
    return None if name is None else unicodedata.normalize("NFC", name)


def messageIDsForm(raw: str) -> list[str] | None:
    """
    @return: the MessageIds form (RFC 8621, section 4.1.2.5).
    """
    found: list[str] = []
    inside: list[str] | None = None
    for token in tokens(_unfolded(raw)):
        if token.kind == "comment":
            continue
        if token.kind == "<" and inside is None:
            inside = []
        elif token.kind == ">" and inside:
            found.append("".join(inside))
            inside = None
        elif inside is not None and token.kind != "<":
            quote = {"quoted": '"{}"', "literal": "[{}]"}.get(token.kind, "{}")
            inside.append(quote.format(token.text))
        elif token.kind != ",":
            return None
    return found if found and inside is None else None


def dateForm(raw: str) -> str | None:
    """
    @return: the Date form (RFC 8621, section 4.1.2.6): RFC 3339, in the sender's time zone.
    """
    try:
        date = email.utils.parsedate_to_datetime(_unfolded(raw).strip())
        # A date of the form "-0000" has no time zone: it is in UTC (RFC 5322, section 3.3).
        date = date if date.tzinfo is not None else date.replace(tzinfo=timezone.utc)
        text = date.replace(microsecond=0).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def urlsForm(raw: str) -> list[str] | None:
    """
    @return: the URLs form (RFC 8621, section 4.1.2.7).
    """
    return re.findall(r"<\s*([^<>\s]+)\s*>", _unfolded(raw)) or None
