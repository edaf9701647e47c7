# -*- test-case-name: tests.ldap.test_codec -*-
"""
Decodes responses (RFC 4511, section 4). No I/O.

The decoder is ldap3's fast one. It accepts malformed input, so
L{txjmapaccess.ldap.ber.checkStructure} runs first.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ldap3.utils.asn1 import decode_octet_string, decode_sequence

from txjmapaccess.ldap.ber import (
    BOOLEAN,
    ENUMERATED,
    INTEGER,
    OCTETS,
    SEQUENCE,
    SET,
    bounds,
    checkStructure,
)
from txjmapaccess.ldap.codec import (
    BIND_RESPONSE,
    EXTENDED_RESPONSE,
    SEARCH_DONE,
    SEARCH_ENTRY,
    SEARCH_REFERENCE,
    Entry,
    Result,
)
from txjmapaccess.ldap.errors import ProtocolViolation

_RESULTS = frozenset((BIND_RESPONSE, SEARCH_DONE, EXTENDED_RESPONSE))

#: Responses up to this size are cached after decoding: nearly every bind gets the same octets.
_REMEMBERED = 64


def decodeMessage(data: bytes) -> tuple[int, int, Result | Entry | None]:
    """
    @param data: exactly one message.

    @return: message ID, tag of the operation, and a L{Result}, an L{Entry}, or L{None} for a search
        result reference: referrals are never followed.

    @raise ProtocolViolation: if it is not a well-formed response of one of these types.
    """
    begin, end = bounds(data, 0, len(data))
    idBegin, idEnd = bounds(data, begin, end)
    if data[begin] != INTEGER or not 1 <= idEnd - idBegin <= 4 or data[idBegin] & 0x80:
        raise ProtocolViolation("a message has an invalid message ID")
    messageID = int.from_bytes(data[idBegin:idEnd], "big")
    rest = data[idEnd:end]
    tag, answer = _remembered(rest) if len(rest) <= _REMEMBERED else _decode(rest)
    return messageID, tag, answer


def messageIDOf(data: bytes) -> int | None:
    """
    @param data: the beginning of what may be a message.

    @return: its message ID, if it is complete.
    """
    if len(data) < 2:
        return None
    begin = 2 if data[1] < 0x80 else 2 + (data[1] & 0x7F)
    size = data[begin + 1] if len(data) > begin + 1 and data[begin] == INTEGER else 0
    octets = data[begin + 2 : begin + 2 + size]
    return int.from_bytes(octets, "big") if 1 <= size <= 4 and len(octets) == size else None


def _decode(rest: bytes) -> tuple[int, Result | Entry | None]:
    begin, end = bounds(rest, 0, len(rest))
    checkStructure(rest, begin, len(rest))
    try:
        return rest[0], _operation(rest, begin, end)
    except (LookupError, TypeError, ValueError, AttributeError):
        # Well-formed elements, but not those of the operation.
        raise ProtocolViolation("a response lacks a required element") from None


_remembered = lru_cache(maxsize=256)(_decode)


def _operation(rest: bytes, begin: int, end: int) -> Result | Entry | None:
    tag = rest[0]
    if tag in _RESULTS:
        return _result(decode_sequence(rest, begin, end, _CONTEXT), _controls(rest, end))
    if tag == SEARCH_ENTRY:
        return _entry(decode_sequence(rest, begin, end, _CONTEXT))
    if tag == SEARCH_REFERENCE:
        return None
    raise ProtocolViolation("a message has an unexpected type")


#: Context-specific elements of a result: the referral (not followed), SASL credentials (not asked
#: for), name and value of an extended response.
_CONTEXT = {
    3: decode_sequence,
    7: decode_octet_string,
    10: decode_octet_string,
    11: decode_octet_string,
}
_CONTROLS_CONTEXT = {0: decode_sequence}

#: ldap3 decodes an element to (class, constructed, type number, value).
_Decoded = tuple[int, bool, int, Any]


def _value(decoded: _Decoded, tag: int) -> Any:
    if decoded[0] != 0 or decoded[2] != tag & 0x1F:
        raise ValueError("another type than the operation has here")
    return decoded[3]


def _result(parts: list[_Decoded], controls: dict[bytes, bytes]) -> Result:
    code, _, diagnostic = parts[:3]
    _value(parts[1], OCTETS)
    names = [part[3] for part in parts[3:] if part[0] == 2 and part[2] == 10]
    return Result(
        code=_value(code, ENUMERATED),
        diagnostic=_value(diagnostic, OCTETS).decode("utf-8", "replace"),
        name=names[0] if names else b"",
        controls=controls,
    )


def _entry(parts: list[_Decoded]) -> Entry:
    dn, attributes = parts
    pairs = (_value(attribute, SEQUENCE) for attribute in _value(attributes, SEQUENCE))
    return Entry(
        dn=_value(dn, OCTETS),
        attributes={
            _value(kind, OCTETS).decode("ascii").lower(): tuple(
                _value(value, OCTETS) for value in _value(values, SET)
            )
            for kind, values in pairs
        },
    )


def _controls(rest: bytes, start: int) -> dict[bytes, bytes]:
    if start == len(rest):
        return {}
    if rest[start] != 0xA0:
        raise ValueError("not controls")
    ((_, _, _, controls),) = decode_sequence(rest, start, len(rest), _CONTROLS_CONTEXT)
    return dict(_controlPair(_value(control, SEQUENCE)) for control in controls)


def _controlPair(parts: list[_Decoded]) -> tuple[bytes, bytes]:
    values = [_value(part, OCTETS) for part in parts[1:] if part[2] != BOOLEAN]
    return _value(parts[0], OCTETS), values[0] if values else b""
