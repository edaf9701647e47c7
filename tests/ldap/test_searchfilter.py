"""
Search filters: what ldap3 makes of the text is what is sent, with user names that are only ever
values.
"""

from __future__ import annotations

import warnings

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from ldap3.operation.search import compile_filter, parse_filter
    from ldap3.utils.asn1 import encode

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.ldap.searchfilter import ANY_ENTRY, FilterTemplate

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def fromLDAP3(text: str) -> bytes:
    """
    @return: the filter as ldap3 encodes it.
    """
    (root,) = parse_filter(text, None, False, False, None, False).elements
    encoded: bytes = encode(compile_filter(root))
    return encoded


def escaped(name: str) -> str:
    """
    @return: every octet escaped (RFC 4515, section 3).
    """
    return "".join(f"\\{octet:02x}" for octet in name.encode())


_attributes = st.sampled_from(["uid", "mail", "cn;lang-en", "2.5.4.3"])
_values = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="()*\\ {}"), min_size=1
).map(lambda value: "".join(value.split()) or "x")
_items = st.one_of(
    st.builds("({}={})".format, _attributes, _values),
    st.builds("({}>={})".format, _attributes, _values),
    st.builds("({}<={})".format, _attributes, _values),
    st.builds("({}~={})".format, _attributes, _values),
    st.builds("({}=*)".format, _attributes),
    st.builds("({}={}*)".format, _attributes, _values),
    st.builds("({}=*{}*{})".format, _attributes, _values, _values),
    st.builds("({}:dn:2.5.13.2:={})".format, _attributes, _values),
    st.builds("({}:caseExactMatch:={})".format, _attributes, _values),
    st.builds("(:2.5.13.5:={})".format, _values),
    st.builds("({}:={})".format, _attributes, _values),
)
_filters = st.recursive(
    _items,
    lambda members: st.one_of(
        st.builds("(!{})".format, members),
        st.lists(members, min_size=1, max_size=3).map(lambda m: f"(&{''.join(m)})"),
        st.lists(members, min_size=1, max_size=3).map(lambda m: f"(|{''.join(m)})"),
    ),
    max_leaves=8,
)


class FilterTests(SynchronousTestCase):
    """
    L{FilterTemplate}.
    """

    @settings(max_examples=200, deadline=None)
    @given(_filters)
    def test_anyFilter(self, text: str) -> None:
        """
        Every kind of filter is encoded, byte for byte, as ldap3 does (RFC 4511, section 4.5.1.7).
        """
        self.assertEqual(FilterTemplate(text).encoded(b""), fromLDAP3(text))

    @settings(max_examples=100, deadline=None)
    @given(names)
    def test_anyName(self, name: str) -> None:
        """
        A user name is what ldap3 makes of the name with every octet escaped (RFC 4515).
        """
        text = r"(|(uid={user})(mail={user}@example.com)(cn=a*{user}*\28z)(!(sn:dn:={user})))"
        self.assertEqual(
            FilterTemplate(text).encoded(name.encode()),
            fromLDAP3(text.replace("{user}", escaped(name))),
        )

    def test_anyEntry(self) -> None:
        """
        The filter that every entry matches.
        """
        self.assertEqual(ANY_ENTRY, fromLDAP3("(objectClass=*)"))

    def test_notAFilter(self) -> None:
        """
        What does not parse is refused, also where ldap3 lets it pass or falls over.
        """
        for text in (
            "",
            "uid={user}",
            "(uid={user}",
            "(uid={user}))(",
            "(&(uid={user})",
            "(uid={user})(mail={user})",
            "(!(uid={user})(mail={user}))",
            "(!(&(a=b))(&(c=d)))",
            "(&)",
            "(u id={user})",
            "(=x)",
            "({user}=x)",
            "(uid=**)",
            "(" * 3000 + ")" * 3000,
        ):
            self.assertRaises(ConfigurationError, FilterTemplate, text)
