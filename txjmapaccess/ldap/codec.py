# -*- test-case-name: tests.ldap.test_codec -*-
"""
LDAP messages (RFC 4511, section 4): types, values, and the encoding of requests. No I/O.
L{txjmapaccess.ldap.responses} decodes responses.

Requests are encoded directly (a bind in 2 us, where ldap3 takes 90), and tests compare them byte
for byte with what ldap3 encodes.
"""

from __future__ import annotations

from dataclasses import dataclass

from txjmapaccess.ldap.ber import BOOLEAN, ENUMERATED, OCTETS, SEQUENCE, element, integer

BIND_REQUEST, UNBIND_REQUEST, SEARCH_REQUEST = 0x60, 0x42, 0x63
ABANDON_REQUEST, EXTENDED_REQUEST = 0x50, 0x77
BIND_RESPONSE, SEARCH_ENTRY, SEARCH_DONE = 0x61, 0x64, 0x65
SEARCH_REFERENCE, EXTENDED_RESPONSE = 0x73, 0x78

START_TLS = b"1.3.6.1.4.1.1466.20037"
NOTICE_OF_DISCONNECTION = b"1.3.6.1.4.1.1466.20036"
PASSWORD_POLICY = b"1.3.6.1.4.1.42.2.27.8.5.1"

SCOPE_BASE, SCOPE_SUBTREE = 0, 2
#: Requests no attributes (RFC 4511, section 4.5.1.8).
NO_ATTRIBUTES = b"1.1"


@dataclass(frozen=True)
class Result:
    """
    How an operation ended (LDAPResult, RFC 4511, section 4.1.9).

    @ivar code: the result code; 0 is success.
    @ivar diagnostic: the server's message. It may quote user input: not for logs.
    @ivar name: the responseName of an extended response, or C{b""}.
    @ivar controls: response controls by object identifier.
    """

    code: int
    diagnostic: str
    name: bytes
    controls: dict[bytes, bytes]


@dataclass(frozen=True)
class Entry:
    """
    One entry that a search found.

    @ivar dn: its distinguished name, as sent.
    @ivar attributes: the values by attribute description in lower case.
    """

    dn: bytes
    attributes: dict[str, tuple[bytes, ...]]


@dataclass(frozen=True)
class SearchRequest:
    """
    What to search for (RFC 4511, section 4.5.1).

    @ivar base: the distinguished name to begin at.
    @ivar scope: L{SCOPE_BASE} or L{SCOPE_SUBTREE}.
    @ivar filter: an encoded filter, see L{txjmapaccess.ldap.searchfilter}.
    @ivar attributes: those to return.
    @ivar sizeLimit: in entries.
    @ivar timeLimit: in seconds.
    """

    base: bytes
    scope: int
    filter: bytes
    attributes: tuple[bytes, ...]
    sizeLimit: int
    timeLimit: int


def _control(oid: bytes) -> bytes:
    return element(0xA0, element(SEQUENCE, element(OCTETS, oid)))


_ASK_FOR_POLICY = _control(PASSWORD_POLICY)
_VERSION_3 = integer(3)
_NEVER_DEREFERENCE = integer(0, ENUMERATED)
_VALUES_TOO = element(BOOLEAN, b"\0")


def _message(messageID: int, rest: bytes) -> bytes:
    return element(SEQUENCE, integer(messageID) + rest)


def bindRequest(messageID: int, dn: bytes, password: bytes) -> bytes:
    """
    @return: a simple bind that asks for the password policy control (draft-behera).
    """
    bind = _VERSION_3 + element(OCTETS, dn) + element(0x80, password)
    return _message(messageID, element(BIND_REQUEST, bind) + _ASK_FOR_POLICY)


def searchRequest(messageID: int, search: SearchRequest) -> bytes:
    """
    @return: a search request. Aliases are not followed.
    """
    content = (
        element(OCTETS, search.base)
        + integer(search.scope, ENUMERATED)
        + _NEVER_DEREFERENCE
        + integer(search.sizeLimit)
        + integer(search.timeLimit)
        + _VALUES_TOO
        + search.filter
        + element(SEQUENCE, b"".join(element(OCTETS, name) for name in search.attributes))
    )
    return _message(messageID, element(SEARCH_REQUEST, content))


def startTLSRequest(messageID: int) -> bytes:
    """
    @return: a StartTLS request (RFC 4511, section 4.14.1).
    """
    return _message(messageID, element(EXTENDED_REQUEST, element(0x80, START_TLS)))


def abandonRequest(messageID: int, abandoned: int) -> bytes:
    """
    @param abandoned: the message ID of the operation to give up.

    @return: an abandon request (RFC 4511, section 4.11).
    """
    return _message(messageID, integer(abandoned, ABANDON_REQUEST))


def unbindRequest(messageID: int) -> bytes:
    """
    @return: an unbind request (RFC 4511, section 4.3): the polite end of a connection.
    """
    return _message(messageID, element(UNBIND_REQUEST, b""))
