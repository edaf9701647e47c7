# -*- test-case-name: tests.jmap.test_headerproperties -*-
"""
The properties of an Email or a part that name a header field (RFC 8621, section 4.1.3). Pure
functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from txjmapaccess.jmap.errors import invalidArguments
from txjmapaccess.jmap.headerforms import (
    RawField,
    addressesForm,
    dateForm,
    groupedAddressesForm,
    messageIDsForm,
    textForm,
    urlsForm,
)

_NAME = re.compile(r"[!-9;-~]+\Z")

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

#: Which forms the fields of RFC 5322 and RFC 2369 have, besides Raw; all others have all.
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
    @ivar wantsAll: whether all fields of the name are wanted, or only the last.
    """

    field: str
    form: str
    wantsAll: bool

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
    @raise MethodError: C{invalidArguments} for a name that is not of the form, and for a form
        that the field does not have.
    """
    _, field, *suffixes = name.split(":")
    wantsAll = suffixes[-1:] == ["all"]
    if wantsAll:
        suffixes.pop()
    form = "Raw"
    if suffixes and suffixes[0].startswith("as"):
        form = suffixes.pop(0)[2:]
    if suffixes or form not in _FORMS or not _NAME.match(field):
        raise invalidArguments(f"there is no property {name}")
    only = _ONLY.get(field.lower())
    if form != "Raw" and only is not None and form not in only:
        raise invalidArguments(f"there is no such form of the field: {name}")
    return HeaderProperty(field.lower(), form, wantsAll)


#: The convenience properties of an Email (RFC 8621, section 4.1.3).
CONVENIENCE: dict[str, HeaderProperty] = {
    "messageId": HeaderProperty("message-id", "MessageIds", False),
    "inReplyTo": HeaderProperty("in-reply-to", "MessageIds", False),
    "references": HeaderProperty("references", "MessageIds", False),
    "sender": HeaderProperty("sender", "Addresses", False),
    "from": HeaderProperty("from", "Addresses", False),
    "to": HeaderProperty("to", "Addresses", False),
    "cc": HeaderProperty("cc", "Addresses", False),
    "bcc": HeaderProperty("bcc", "Addresses", False),
    "replyTo": HeaderProperty("reply-to", "Addresses", False),
    "subject": HeaderProperty("subject", "Text", False),
    "sentAt": HeaderProperty("date", "Date", False),
}
