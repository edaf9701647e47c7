# -*- test-case-name: tests.jmap.test_headerproperties -*-
"""
Header fields of an Email or a part: their parsed forms (RFC 8621, section 4.1.2), and the
properties that name them (section 4.1.3). Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from txjmapaccess.jmap.errors import invalidArguments
from txjmapaccess.message.addresses import Group, parseAddressList
from txjmapaccess.message.dates import formatRFC3339, parseDateTime
from txjmapaccess.message.encodedwords import decodeWords
from txjmapaccess.message.headers import unfolded
from txjmapaccess.message.identifiers import parseMessageIDs
from txjmapaccess.message.text import normalForm

#: A header field: its name, and its value in Raw form.
RawField = tuple[str, str]

_NAME = re.compile(r"[!-9;-~]+\Z")


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


_FORMS: dict[str, Callable[[str], Any]] = {
    "Raw": lambda raw: raw,
    "Text": textForm,
    "Addresses": addressesForm,
    "GroupedAddresses": groupedAddressesForm,
    "MessageIds": messageIDsForm,
    "Date": dateForm,
    "URLs": urlsForm,
}

_ADDRESSES = ("Addresses", "GroupedAddresses")

#: The forms of the fields of RFC 5322 and RFC 2369, besides Raw. All other fields have all forms.
_RESTRICTED: dict[str, tuple[str, ...]] = {
    "subject comments keywords list-id": ("Text",),
    "from sender reply-to to cc bcc": _ADDRESSES,
    "resent-from resent-sender resent-reply-to resent-to resent-cc resent-bcc": _ADDRESSES,
    "message-id in-reply-to references resent-message-id": ("MessageIds",),
    "date resent-date": ("Date",),
    "list-help list-unsubscribe list-subscribe list-post list-owner list-archive": ("URLs",),
    "return-path received": (),
}
_ONLY = {field: forms for fields, forms in _RESTRICTED.items() for field in fields.split()}


class HeaderProperty(NamedTuple):
    """
    A property of the form C{header:NAME:asFORM:all} (RFC 8621, section 4.1.3).

    @ivar field: the name of the field, in lower case.
    @ivar form: one of the parsed forms.
    @ivar wantsAll: whether to give all fields of the name, or only the last.
    """

    field: str
    form: str
    wantsAll: bool = False

    def value(self, fields: Sequence[RawField]) -> Any:
        """
        @return: the value of the property for a message or part with these fields.
        """
        parse = _FORMS[self.form]
        found = [raw for name, raw in fields if name.lower() == self.field]
        if self.wantsAll:
            return [parse(raw) for raw in found]
        return parse(found[-1]) if found else None


def parseHeaderProperty(name: str) -> HeaderProperty:
    """
    @raise MethodError: C{invalidArguments} for a name that does not have the form, or a form that
        the field does not have.
    """
    _, field, *suffixes = name.split(":")
    wantsAll = suffixes[-1:] == ["all"]
    if wantsAll:
        suffixes.pop()
    form = "Raw"
    if suffixes and suffixes[0].startswith("as"):
        form = suffixes.pop(0)[2:]
    if suffixes or form not in _FORMS or not _NAME.match(field):
        raise invalidArguments(f"unknown property {name}")
    only = _ONLY.get(field.lower())
    if form != "Raw" and only is not None and form not in only:
        raise invalidArguments(f"the field does not have this form: {name}")
    return HeaderProperty(field.lower(), form, wantsAll)


#: The convenience properties of an Email (RFC 8621, section 4.1.3).
CONVENIENCE: dict[str, HeaderProperty] = {
    "messageId": HeaderProperty("message-id", "MessageIds"),
    "inReplyTo": HeaderProperty("in-reply-to", "MessageIds"),
    "references": HeaderProperty("references", "MessageIds"),
    "sender": HeaderProperty("sender", "Addresses"),
    "from": HeaderProperty("from", "Addresses"),
    "to": HeaderProperty("to", "Addresses"),
    "cc": HeaderProperty("cc", "Addresses"),
    "bcc": HeaderProperty("bcc", "Addresses"),
    "replyTo": HeaderProperty("reply-to", "Addresses"),
    "subject": HeaderProperty("subject", "Text"),
    "sentAt": HeaderProperty("date", "Date"),
}
