# -*- test-case-name: tests.ldap.test_codec -*-
"""
The part of the Basic Encoding Rules that LDAP uses (RFC 4511, section 5.1): definite lengths, tags
of one octet, primitive strings.

Encoding is done here because ldap3's is slow. Decoding is left to ldap3's fast decoder, which
accepts malformed input, so L{checkStructure} runs first.
"""

from __future__ import annotations

from txjmapaccess.ldap.errors import ProtocolViolation

BOOLEAN, INTEGER, OCTETS, ENUMERATED, SEQUENCE, SET = 0x01, 0x02, 0x04, 0x0A, 0x30, 0x31

#: Octets of an integer in a response: result codes and message identifiers have at most 31 bits,
#: and the decoder takes quadratic time.
_LONGEST_INTEGER = 4
_DEEPEST = 8
#: Types inside a response: universal types, the controls [0], a referral [3], SASL
#: credentials [7], the name [10] and value [11] of an extended response.
_INSIDE = frozenset(
    (BOOLEAN, INTEGER, OCTETS, ENUMERATED, SEQUENCE, SET, 0xA0, 0xA3, 0x87, 0x8A, 0x8B)
)
_CONSTRUCTED = 0x20


def element(tag: int, content: bytes) -> bytes:
    """
    @return: one element: tag, length in as few octets as possible, content.
    """
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """
    @param value: not negative.

    @return: an INTEGER, or an ENUMERATED with that tag.
    """
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def bounds(data: bytes, start: int, end: int) -> tuple[int, int]:
    """
    @return: where the content of the element at C{start} begins and ends.

    @raise ProtocolViolation: if it ends after C{end} or has no definite length.
    """
    if start + 2 > end:
        raise ProtocolViolation("an element has no length")
    size = data[start + 1]
    begin = start + 2
    if size >= 0x80:
        octets = size & 0x7F
        if not 1 <= octets <= 4 or begin + octets > end:
            raise ProtocolViolation("an element has an invalid length")
        size = int.from_bytes(data[begin : begin + octets], "big")
        begin += octets
    if begin + size > end:
        raise ProtocolViolation("an element is longer than its container")
    return begin, begin + size


def messageSize(data: bytes) -> int | None:
    """
    @return: the octets of the message at the beginning of C{data}, or L{None} if more data is
        needed to tell.

    @raise ProtocolViolation: if it is not an LDAPMessage.
    """
    if not data:
        return None
    if data[0] != SEQUENCE:
        raise ProtocolViolation("the data received is not an LDAP message")
    if len(data) < 2:
        return None
    size = data[1]
    if size < 0x80:
        return 2 + size
    octets = size & 0x7F
    if not 1 <= octets <= 4:
        raise ProtocolViolation("a message has an invalid length")
    if len(data) < 2 + octets:
        return None
    return 2 + octets + int.from_bytes(data[2 : 2 + octets], "big")


def checkStructure(data: bytes, start: int, end: int, depth: int = 0) -> None:
    """
    Check that the elements between C{start} and C{end}, nested ones included, fit, have types that
    a response can have, and are fast to decode.

    @raise ProtocolViolation: if they do not.
    """
    if depth > _DEEPEST:
        raise ProtocolViolation("elements are nested too deeply")
    while start < end:
        tag = data[start]
        if tag not in _INSIDE:
            raise ProtocolViolation("an element has an unexpected type")
        begin, stop = bounds(data, start, end)
        if tag & _CONSTRUCTED:
            checkStructure(data, begin, stop, depth + 1)
        elif tag in (INTEGER, ENUMERATED) and not 1 <= stop - begin <= _LONGEST_INTEGER:
            raise ProtocolViolation("a number has an invalid length")
        start = stop
