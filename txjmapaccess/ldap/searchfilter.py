# -*- test-case-name: tests.ldap.test_searchfilter -*-
"""
Search filters (RFC 4515). ldap3 parses them, once, at start; what is kept is the encoded filter
with holes where C{{user}} was. A user name is put into such a hole as the octets that it is,
between length and end of a value, so there is nothing that it could escape from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ldap3.operation import search as parser
from ldap3.protocol.convert import prepare_filter_for_sending

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.ldap.ber import SEQUENCE, element
from txjmapaccess.ldap.usernames import USER

#: From a user name to an encoded filter, or a part of one.
_Encoder = Callable[[bytes], bytes]

_HOLE = USER.encode("ascii")
#: A backslash without the two digits that belong to it (section 3): ldap3 takes it for itself.
_BROKEN_ESCAPE = re.compile(r"\\(?![0-9A-Fa-f]{2})")
#: An attribute description with options (RFC 4512, section 2.5), or an object identifier.
_DESCRIPTION = re.compile(r"([A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)*)(;[A-Za-z0-9-]+)*\Z")

_SETS = {parser.AND: 0xA0, parser.OR: 0xA1}
_COMPARISONS = {
    parser.MATCH_EQUAL: 0xA3,
    parser.MATCH_GREATER_OR_EQUAL: 0xA5,
    parser.MATCH_LESS_OR_EQUAL: 0xA6,
    parser.MATCH_APPROX: 0xA8,
}
_NOT, _SUBSTRINGS, _PRESENT, _EXTENSIBLE = 0xA2, 0xA4, 0x87, 0xA9

#: C{(objectClass=*)}, which every entry matches.
ANY_ENTRY = element(_PRESENT, b"objectClass")


class FilterTemplate:
    """
    A filter with C{{user}} in some of its values, or nowhere.

    @raise ConfigurationError: with the end of a sentence that starts with the name of the setting.
    """

    def __init__(self, text: str) -> None:
        try:
            if _BROKEN_ESCAPE.search(text) or "\0" in text:
                raise ValueError("not escaped as it must be")
            root = parser.parse_filter(text, None, False, False, None, False)
            (top,) = root.elements
            self._encode = _node(top)
        except Exception:
            # ldap3 raises AttributeError and others for some filters that do not parse.
            raise ConfigurationError("is not an LDAP filter (RFC 4515)") from None

    def encoded(self, username: bytes) -> bytes:
        """
        @return: the filter as a search request has it, with C{username} for every C{{user}}.
        """
        return self._encode(username)


def _node(node: Any) -> _Encoder:
    assertion = node.assertion
    if node.tag in _SETS:
        return _constructed(_SETS[node.tag], [_node(member) for member in node.elements])
    if node.tag == parser.NOT:
        (member,) = node.elements
        return _constructed(_NOT, [_node(member)])
    if node.tag in _COMPARISONS:
        parts = [_description(assertion["attr"]), _value(0x04, assertion["value"])]
        return _constructed(_COMPARISONS[node.tag], parts)
    if node.tag == parser.MATCH_PRESENT:
        return _description(assertion["attr"], _PRESENT)
    if node.tag == parser.MATCH_SUBSTRING:
        return _substrings(assertion)
    return _extensible(assertion)


def _substrings(assertion: Any) -> _Encoder:
    parts = [_value(0x80, assertion["initial"])] if "initial" in assertion else []
    parts += [_value(0x81, part) for part in assertion.get("any", ())]
    parts += [_value(0x82, assertion["final"])] if "final" in assertion else []
    if not parts:
        raise ValueError("a substring filter needs a substring")
    description = _description(assertion["attr"])
    return _constructed(_SUBSTRINGS, [description, _constructed(SEQUENCE, parts)])


def _extensible(assertion: Any) -> _Encoder:
    parts = []
    if assertion["matchingRule"]:
        parts.append(_description(assertion["matchingRule"], 0x81))
    if assertion["attr"]:
        parts.append(_description(assertion["attr"], 0x82))
    parts.append(_value(0x83, assertion["value"]))
    if assertion["dnAttributes"]:
        parts.append(_constant(element(0x84, b"\xff")))
    return _constructed(_EXTENSIBLE, parts)


def _constant(encoded: bytes) -> _Encoder:
    return lambda username: encoded


def _description(text: str, tag: int = 0x04) -> _Encoder:
    if not _DESCRIPTION.match(text):
        raise ValueError("not an attribute description")
    return _constant(element(tag, text.encode("ascii")))


def _value(tag: int, value: bytes) -> _Encoder:
    pieces = [prepare_filter_for_sending(piece) for piece in value.split(_HOLE)]
    return lambda username: element(tag, username.join(pieces))


def _constructed(tag: int, parts: list[_Encoder]) -> _Encoder:
    return lambda username: element(tag, b"".join([part(username) for part in parts]))
