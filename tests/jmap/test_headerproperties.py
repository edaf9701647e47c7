# -*- test-case-name: tests.jmap.test_headerproperties -*-
"""
Tests for L{txjmapaccess.jmap.headerproperties} and L{txjmapaccess.message.addresses} (RFC
8621, sections 4.1.2 and 4.1.3).
"""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.jmap.errors import MethodError
from txjmapaccess.jmap.headerproperties import (
    HeaderProperty,
    addressesForm,
    dateForm,
    groupedAddressesForm,
    messageIDsForm,
    parseHeaderProperty,
    textForm,
    urlsForm,
)
from txjmapaccess.message.headers import rawText

_EXAMPLE = (
    ' "  James Smythe" <james@example.com>, Friends:\r\n'
    "  jane@example.com, =?UTF-8?Q?John_Sm=C3=AEth?=\r\n"
    "  <john@example.com>;"
)


class TextTests(SynchronousTestCase):
    """
    The Text form (section 4.1.2.2).
    """

    def assertText(self, raw: str, text: str) -> None:
        self.assertEqual(textForm(raw), text)

    def test_plain(self) -> None:
        """
        White space is unfolded, spaces at the beginning are removed.
        """
        self.assertText("  Hello\r\n there\r\n", "Hello there")

    def test_encoded(self) -> None:
        """
        Encoded words are decoded, in both encodings and any known charset (RFC 2047).
        """
        self.assertText(" =?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Gr\xfc\xdfe")
        self.assertText(" =?ISO-8859-1?q?a_b=FC?= c", "a b\xfc c")
        self.assertText(" =?utf-8?B?4piA?=", "\u2600")
        self.assertText(" =?utf-8*de?B?4piA?=", "\u2600")

    def test_adjacent(self) -> None:
        """
        White space between encoded words is no part of the text (RFC 2047, section 6.2), and a
        character that was cut in two is put together.
        """
        self.assertText(" =?utf-8?Q?a?=\r\n =?utf-8?Q?b?= c", "ab c")
        self.assertText(" =?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "\xfc")

    def test_notEncoded(self) -> None:
        """
        What looks like an encoded word in the middle of a word is none (RFC 2047, section 5).
        """
        self.assertText(" a=?utf-8?Q?b?=", "a=?utf-8?Q?b?=")
        self.assertText(" =?utf-8?Q?b?=c", "=?utf-8?Q?b?=c")

    def test_unknown(self) -> None:
        """
        Unknown charsets and codecs that are no charsets are left as they are; what is malformed
        becomes U+FFFD.
        """
        self.assertText(" =?x-nothing?Q?b?=", "=?x-nothing?Q?b?=")
        self.assertText(" =?rot13?Q?b?=", "=?rot13?Q?b?=")
        self.assertText(" =?unicode_escape?Q?=5Cn?=", "=?unicode_escape?Q?=5Cn?=")
        self.assertText(" =?utf-8?Q?=FF?=", "\ufffd")
        self.assertText(" =?utf-8?B?A?=", "=?utf-8?B?A?=")

    def test_control(self) -> None:
        """
        Encoded control characters are dropped.
        """
        self.assertText(" =?utf-8?Q?a=00=0D=0Ab?=", "ab")

    def test_normalForm(self) -> None:
        """
        The text is in Normalization Form C.
        """
        self.assertText(" u\u0308", "\xfc")

    @given(st.text(alphabet=st.characters(blacklist_categories=("Cs",))))
    def test_anything(self, raw: str) -> None:
        """
        No input makes it fail, in any form.
        """
        for form in (
            textForm,
            addressesForm,
            groupedAddressesForm,
            messageIDsForm,
            dateForm,
            urlsForm,
        ):
            json.dumps(form(raw))

    @given(
        st.lists(
            st.sampled_from(
                ['"', "(", ")", "<", ">", "@", ",", ":", ";", "\\", " ", "a", "=?utf-8?Q?b?="]
            )
        ).map("".join)
    )
    def test_anyStructure(self, raw: str) -> None:
        """
        Nor does any structure.
        """
        for form in (addressesForm, groupedAddressesForm, messageIDsForm):
            json.dumps(form(raw))


class RawTests(SynchronousTestCase):
    """
    The Raw form (section 4.1.2.1).
    """

    def test_raw(self) -> None:
        """
        Raw is the unchanged value, without NUL, and with U+FFFD for octets that are not UTF-8.
        """
        self.assertEqual(rawText(b" a\0b\xc3\xbc\xff\r\n c"), " ab\xfc\ufffd\r\n c")


class AddressesTests(SynchronousTestCase):
    """
    The Addresses and GroupedAddresses forms (sections 4.1.2.3 and 4.1.2.4).
    """

    def assertAddresses(self, raw: str, *expected: tuple[str | None, str]) -> None:
        self.assertEqual(
            addressesForm(raw), [{"name": name, "email": email} for name, email in expected]
        )

    def test_example(self) -> None:
        """
        The example of section 4.1.2.3.
        """
        self.assertAddresses(
            _EXAMPLE,
            ("James Smythe", "james@example.com"),
            (None, "jane@example.com"),
            ("John Sm\xeeth", "john@example.com"),
        )

    def test_groupedExample(self) -> None:
        """
        The example of section 4.1.2.4.
        """
        self.assertEqual(
            groupedAddressesForm(_EXAMPLE),
            [
                {
                    "name": None,
                    "addresses": [{"name": "James Smythe", "email": "james@example.com"}],
                },
                {
                    "name": "Friends",
                    "addresses": [
                        {"name": None, "email": "jane@example.com"},
                        {"name": "John Sm\xeeth", "email": "john@example.com"},
                    ],
                },
            ],
        )


class MessageIDTests(SynchronousTestCase):
    """
    The MessageIds form (section 4.1.2.5).
    """

    def test_list(self) -> None:
        """
        Angle brackets, comments and folding are removed.
        """
        self.assertEqual(
            messageIDsForm(' <a@b> (x)\r\n <c@[d]>\r\n\t<"e f"@g>'), ["a@b", "c@[d]", '"e f"@g']
        )

    def test_malformed(self) -> None:
        """
        What cannot be parsed is C{null}.
        """
        for raw in ("", " a@b", " <a@b", " a <b@c>", " <>", " <a<b>"):
            self.assertIsNone(messageIDsForm(raw), raw)


class DateTests(SynchronousTestCase):
    """
    The Date form (section 4.1.2.6).
    """

    def test_dates(self) -> None:
        """
        Dates keep their time zone, as in RFC 3339.
        """
        for raw, date in (
            (" Thu, 30 Oct 2014 14:12:00 +0800", "2014-10-30T14:12:00+08:00"),
            (" Thu, 30 Oct 2014 06:12 +0000\r\n (UTC)", "2014-10-30T06:12:00Z"),
            (" 30 Oct 2014 06:12:00 -0000", "2014-10-30T06:12:00Z"),
            (" 30 Oct 2014 06:12:00 GMT", "2014-10-30T06:12:00Z"),
        ):
            self.assertEqual(dateForm(raw), date)

    def test_malformed(self) -> None:
        """
        What cannot be parsed is C{null}.
        """
        for raw in ("", " yesterday", " 31 Feb 2014 06:12:00 +0000", " 1 Jan 2014 99:99:99 +0000"):
            self.assertIsNone(dateForm(raw), raw)


class URLTests(SynchronousTestCase):
    """
    The URLs form (section 4.1.2.7).
    """

    def test_urls(self) -> None:
        """
        URLs lose their angle brackets and comments.
        """
        self.assertEqual(
            urlsForm(" <https://a/>, (or)\r\n <mailto:b@c?subject=d>"),
            ["https://a/", "mailto:b@c?subject=d"],
        )
        self.assertIsNone(urlsForm(" NO"))


class PropertyTests(SynchronousTestCase):
    """
    Properties of the form C{header:NAME} (section 4.1.3).
    """

    def test_parse(self) -> None:
        """
        The name, the form and C{:all}.
        """
        for name, parsed in (
            ("header:Subject", HeaderProperty("subject", "Raw", False)),
            ("header:X-Y:asText", HeaderProperty("x-y", "Text", False)),
            ("header:Resent-To:asAddresses:all", HeaderProperty("resent-to", "Addresses", True)),
            ("header:as:all", HeaderProperty("as", "Raw", True)),
        ):
            self.assertEqual(parseHeaderProperty(name), parsed)

    def test_illegal(self) -> None:
        """
        Unknown forms, the wrong order, and forms that a field does not have are
        C{invalidArguments}.
        """
        for name in (
            "header:",
            "header:a b",
            "header:a:asNothing",
            "header:a:all:asText",
            "header:a:asText:all:all",
            "header:a:b",
            "header:Subject:asAddresses",
            "header:From:asText",
            "header:Date:asMessageIds",
            "header:Received:asText",
            "header:List-Post:asText",
        ):
            with self.assertRaises(MethodError) as caught:
                parseHeaderProperty(name)
            self.assertEqual(caught.exception.asObject()["type"], "invalidArguments")

    def test_value(self) -> None:
        """
        The last field counts, or all of them; names are compared without regard to case.
        """
        fields = [("Resent-To", " a@b"), ("X", " y"), ("RESENT-TO", " c@d")]
        wanted = HeaderProperty("resent-to", "Addresses", False)
        self.assertEqual(wanted.value(fields), [{"name": None, "email": "c@d"}])
        every = HeaderProperty("resent-to", "Raw", True)
        self.assertEqual(every.value(fields), [" a@b", " c@d"])

    def test_missing(self) -> None:
        """
        A field that is not there is C{null}, or an empty list.
        """
        self.assertIsNone(HeaderProperty("x", "Text", False).value([]))
        self.assertEqual(HeaderProperty("x", "Text", True).value([]), [])
