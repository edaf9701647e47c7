# -*- test-case-name: tests.message.test_headerdict -*-
"""
Header fields in the form that Twisted's IMAP server takes them, without loss where it allows.

The server wants a L{dict} of lower-case field names to L{str}, and uses it in two ways:

  - It writes C{items()} on the wire (BODY[HEADER] and its kin): there we give every field, in
    order, folded as it stands, repeated ones as often as they are there.
  - It looks single fields up for ENVELOPE, BODYSTRUCTURE and SEARCH: there it gets the first one,
    unfolded, and a Content-Type that it can take apart.

Both must be ASCII. Bytes above that in a header, which no standard allows here, become encoded
words (RFC 2047).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from txjmapaccess.message.encodedwords import encodeWords
from txjmapaccess.message.headers import Field, firstValue, unfolded
from txjmapaccess.message.parameters import plainContentType


class HeaderDict(dict[str, str]):
    """
    Some of a message's header fields, as the module says.

    @ivar fields: the same fields as they stand in the message.
    """

    def __init__(self, fields: list[Field], defaultType: str | None = None) -> None:
        self.fields = fields
        self._items: list[tuple[str, str]] = []
        first: dict[str, str] = {}
        for field in fields:
            name, text = field.name, encodeWords(field.value)
            self._items.append((name, text))
            key = name.lower()
            if key not in first:
                first[key] = unfolded(text).strip()
        super().__init__(first)
        if defaultType is not None:
            self["content-type"] = plainContentType(firstValue(fields, "content-type"), defaultType)

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """
        @return: every field in order, not only the first of each name, its name as it is written.
        """
        return self._items


def rawFields(headers: Mapping[Any, Any]) -> Iterable[tuple[Any, Any]]:
    """
    @param headers: what any store's C{getHeaders} returns.

    @return: names and values as they stand in the message, as far as the store tells.
    """
    if isinstance(headers, HeaderDict):
        return [(field.name, field.value) for field in headers.fields]
    return headers.items()


def selectFields(fields: list[Field], negate: bool, names: Iterable[str | bytes]) -> list[Field]:
    """
    What L{twisted.mail.interfaces.IMessageIMAPPart.getHeaders} asks for.

    @param names: in any case of letters.
    """
    wanted = {(n.decode("latin-1") if isinstance(n, bytes) else n).lower() for n in names}
    return [field for field in fields if (field.name.lower() in wanted) is not negate]
