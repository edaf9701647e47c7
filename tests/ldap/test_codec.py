"""
LDAP messages on the wire: what is encoded is what ldap3 encodes, and what is no answer is refused.
"""

from __future__ import annotations

import warnings

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

with warnings.catch_warnings():
    # ldap3 2.9.1 uses names that pyasn1 0.6 is about to drop.
    warnings.simplefilter("ignore", DeprecationWarning)
    from ldap3.operation.abandon import abandon_operation
    from ldap3.operation.bind import bind_operation, bind_response_operation
    from ldap3.operation.extended import extended_operation
    from ldap3.operation.search import search_operation
    from ldap3.operation.unbind import unbind_operation
    from ldap3.protocol.controls import build_control
    from ldap3.protocol.convert import build_controls_list
    from ldap3.protocol.rfc4511 import (
        LDAPDN,
        AttributeDescription,
        AttributeValue,
        LDAPMessage,
        MessageID,
        PartialAttribute,
        PartialAttributeList,
        ProtocolOp,
        SearchResultEntry,
        Vals,
    )
    from ldap3.utils.asn1 import encode

from txjmapaccess.ldap import codec
from txjmapaccess.ldap.ber import checkStructure, element, integer, messageSize
from txjmapaccess.ldap.errors import ProtocolViolation
from txjmapaccess.ldap.responses import decodeMessage
from txjmapaccess.ldap.searchfilter import FilterTemplate

messageIDs = st.integers(1, 2**31 - 1)
octets = st.binary(max_size=300)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
quick = settings(max_examples=60, deadline=None)


def fromLDAP3(messageID: int, name: str, operation: object, controls: object = None) -> bytes:
    """
    @return: the message as ldap3 encodes it.
    """
    message = LDAPMessage()
    message["messageID"] = MessageID(messageID)
    message["protocolOp"] = ProtocolOp().setComponentByName(name, operation)
    if controls is not None:
        message["controls"] = build_controls_list(controls)
    encoded: bytes = encode(message)
    return encoded


POLICY = [build_control(codec.PASSWORD_POLICY.decode(), False, None)]


class RequestTests(SynchronousTestCase):
    """
    Every request, byte for byte, against ldap3.
    """

    @quick
    @given(messageIDs, texts.filter(bool), octets.filter(bool))
    def test_bind(self, messageID: int, dn: str, password: bytes) -> None:
        """
        A simple bind (RFC 4511, section 4.2) with the request control of draft-behera.
        """
        operation = bind_operation(3, "SIMPLE", dn, password)
        self.assertEqual(
            codec.bindRequest(messageID, dn.encode(), password),
            fromLDAP3(messageID, "bindRequest", operation, POLICY),
        )

    @quick
    @given(
        messageIDs,
        texts,
        st.sampled_from([0, 2]),
        st.lists(st.sampled_from(["uid", "mail", "1.1", "labeledURI;lang-en"]), max_size=4),
        st.integers(0, 2**31 - 1),
        st.integers(0, 2**31 - 1),
    )
    def test_search(
        self, messageID: int, base: str, scope: int, attributes: list[str], size: int, time: int
    ) -> None:
        """
        A search (section 4.5.1).
        """
        text = "(&(objectClass=person)(uid=x))"
        operation = search_operation(
            base, text, scope, 0, attributes, size, time, False, False, False
        )
        search = codec.SearchRequest(
            base.encode(),
            scope,
            FilterTemplate(text).encoded(b""),
            tuple(name.encode() for name in attributes),
            size,
            time,
        )
        self.assertEqual(
            codec.searchRequest(messageID, search),
            fromLDAP3(messageID, "searchRequest", operation),
        )

    @quick
    @given(messageIDs, messageIDs)
    def test_others(self, messageID: int, other: int) -> None:
        """
        StartTLS (section 4.14), abandon (4.11) and unbind (4.3).
        """
        self.assertEqual(
            codec.startTLSRequest(messageID),
            fromLDAP3(messageID, "extendedReq", extended_operation(codec.START_TLS.decode())),
        )
        self.assertEqual(
            codec.abandonRequest(messageID, other),
            fromLDAP3(messageID, "abandonRequest", abandon_operation(other)),
        )
        self.assertEqual(
            codec.unbindRequest(messageID),
            fromLDAP3(messageID, "unbindRequest", unbind_operation()),
        )


def entry(dn: str, attributes: list[tuple[str, list[bytes]]]) -> object:
    """
    @return: ldap3's search result entry.
    """
    listed = PartialAttributeList()
    for position, (name, values) in enumerate(attributes):
        attribute, vals = PartialAttribute(), Vals()
        for index, value in enumerate(values):
            vals[index] = AttributeValue(value)
        attribute["type"] = AttributeDescription(name)
        attribute["vals"] = vals
        listed[position] = attribute
    result = SearchResultEntry()
    result["object"] = LDAPDN(dn)
    result["attributes"] = listed
    return result


class AnswerTests(SynchronousTestCase):
    """
    What servers send.
    """

    @quick
    @given(messageIDs, st.integers(0, 80), texts, texts, st.one_of(st.none(), octets))
    def test_bindResponse(
        self, messageID: int, code: int, matched: str, diagnostic: str, policy: bytes | None
    ) -> None:
        """
        What ldap3 encodes as a bind response is decoded to the same values.
        """
        if code not in (0, 1, 7, 8, 14, 32, 34, 48, 49, 50, 51, 52, 53, 80):
            code = 49
        operation = bind_response_operation(code, matched, diagnostic)
        controls = None
        if policy is not None:
            controls = [(codec.PASSWORD_POLICY.decode(), False, policy)]
        message = fromLDAP3(messageID, "bindResponse", operation, controls)
        expected = {} if policy is None else {codec.PASSWORD_POLICY: policy}
        self.assertEqual(
            decodeMessage(message),
            (messageID, codec.BIND_RESPONSE, codec.Result(code, diagnostic, b"", expected)),
        )

    @quick
    @given(
        messageIDs,
        texts,
        st.lists(
            st.tuples(st.sampled_from(["uid", "Mail", "labeledURI"]), st.lists(octets, max_size=3)),
            max_size=3,
            unique_by=lambda pair: pair[0],
        ),
    )
    def test_entry(
        self, messageID: int, dn: str, attributes: list[tuple[str, list[bytes]]]
    ) -> None:
        """
        What ldap3 encodes as an entry is decoded to the same values.
        """
        message = fromLDAP3(messageID, "searchResEntry", entry(dn, attributes))
        expected = {name.lower(): tuple(values) for name, values in attributes}
        self.assertEqual(
            decodeMessage(message),
            (messageID, codec.SEARCH_ENTRY, codec.Entry(dn.encode(), expected)),
        )

    def test_referral(self) -> None:
        """
        A bind response with a referral is legal (section 4.1.9); the referral is dropped.
        """
        operation = bind_response_operation(10, "", "", ["ldap://other.example.com/"])
        message = fromLDAP3(7, "bindResponse", operation)
        self.assertEqual(
            decodeMessage(message),
            (7, codec.BIND_RESPONSE, codec.Result(10, "", b"", {})),
        )

    def test_reference(self) -> None:
        """
        A search result reference (section 4.5.3) is recognized and not looked into.
        """
        uri = element(0x04, b"ldap://other.example.com/")
        message = element(0x30, integer(9) + element(codec.SEARCH_REFERENCE, uri))
        self.assertEqual(decodeMessage(message), (9, codec.SEARCH_REFERENCE, None))

    @quick
    @given(st.binary(max_size=60))
    def test_garbage(self, garbage: bytes) -> None:
        """
        Whatever a server sends is decoded or refused as a protocol violation, nothing else.
        """
        for content in (garbage, integer(1) + garbage, integer(1) + element(0x61, garbage)):
            with self.subTestOf(content):
                decodeMessage(element(0x30, content))

    @quick
    @given(st.integers(0, 200), st.integers(0, 255))
    def test_oneOctetChanged(self, position: int, octet: int) -> None:
        """
        So is an answer with one octet changed.
        """
        control = [(codec.PASSWORD_POLICY.decode(), False, bytes.fromhex("3005a003810101"))]
        operation = bind_response_operation(0, "", "x" * 20)
        message = bytearray(fromLDAP3(1, "bindResponse", operation, control))
        message[position % len(message)] = octet
        with self.subTestOf(bytes(message)):
            decodeMessage(bytes(message))

    def subTestOf(self, content: bytes) -> _OnlyViolations:
        """
        @return: a context in which only a L{ProtocolViolation} may be raised.
        """
        return _OnlyViolations()

    def test_truncatedInside(self) -> None:
        """
        An element that is longer than what it is in is refused (ldap3's decoder cuts it off).
        """
        message = bytes.fromhex("300c02010161070a010004000405")
        self.assertRaises(ProtocolViolation, decodeMessage, message)

    def test_messageIDs(self) -> None:
        """
        A message ID is an integer of at most 31 bits that is not negative (section 4.1.1.1).
        """
        done = element(codec.SEARCH_DONE, integer(0, 0x0A) + element(4, b"") + element(4, b""))
        for encoded, isLegal in (
            (b"\2\4\x7f\xff\xff\xff", True),
            (b"\2\1\xff", False),
            (b"\2\5\0\1\0\0\0", False),
            (b"\2\0", False),
            (b"\x0a\1\1", False),
        ):
            message = element(0x30, encoded + done)
            if isLegal:
                self.assertEqual(decodeMessage(message)[0], 2**31 - 1)
            else:
                self.assertRaises(ProtocolViolation, decodeMessage, message)

    def test_hugeNumber(self) -> None:
        """
        A result code of many octets, which takes a decoder quadratic time, is refused.
        """
        result = element(0x0A, b"\x01" * 5) + element(4, b"") + element(4, b"")
        message = element(0x30, integer(1) + element(codec.BIND_RESPONSE, result))
        self.assertRaises(ProtocolViolation, decodeMessage, message)

    def test_otherTypes(self) -> None:
        """
        A type that no answer has is refused, a primitive sequence for one, which hides what is in
        it from every check but not from the decoder.
        """
        for tag, isLegal in ((0x30, True), (0x10, False), (0x85, False), (0x24, False)):
            content = element(0x04, b"uid=a") + element(tag, b"")
            message = element(0x30, integer(1) + element(codec.SEARCH_ENTRY, content))
            if isLegal:
                self.assertEqual(decodeMessage(message)[2], codec.Entry(b"uid=a", {}))
            else:
                self.assertRaises(ProtocolViolation, decodeMessage, message)

    def test_deep(self) -> None:
        """
        Elements nested without end are refused.
        """
        nested = b""
        for _ in range(50):
            nested = element(0x30, nested)
        self.assertRaises(ProtocolViolation, checkStructure, nested, 0, len(nested))

    def test_indefiniteLength(self) -> None:
        """
        LDAP has definite lengths only (section 5.1).
        """
        self.assertRaises(ProtocolViolation, messageSize, b"\x30\x80")

    def test_messageSize(self) -> None:
        """
        The size of a message is known from its first octets.
        """
        message = element(0x30, b"x" * 300)
        sizes = [messageSize(message[:n]) for n in range(6)]
        self.assertEqual(sizes, [None, None, None, None, len(message), len(message)])
        self.assertRaises(ProtocolViolation, messageSize, b"HTTP/1.1 400")


class _OnlyViolations:
    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> bool:
        return kind is not None and issubclass(kind, ProtocolViolation)
