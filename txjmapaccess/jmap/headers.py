# -*- test-case-name: tests.test_jmap_headers -*-
"""
The parsed forms of header fields (RFC 8621, section 4.1.2), and the properties that name them
(section 4.1.3). Pure functions.
"""

from __future__ import annotations

import binascii
import codecs
import email.utils
import quopri
import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import timezone
from typing import Any, NamedTuple

from txjmapaccess.jmap.addresses import Group, parseAddressList, tokens
from txjmapaccess.jmap.problems import invalidArguments

#: A header field: its name, and its value in Raw form.
Field = tuple[str, str]

_FOLD = re.compile(r"\r?\n(?=[ \t])")
_LINE_END = re.compile(r"[\r\n]+\Z")
_ENCODED = r"=\?[!-<>@-~]+\?[bBqQ]\?[!->@-~]*\?="
#: Encoded words with nothing but white space between them, as tokens of their own.
_ENCODED_RUN = re.compile(rf"(?<![^\s]){_ENCODED}(?:\s+{_ENCODED})*(?![^\s])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: Codecs of Python that make text of octets and are no charsets of mail.
_NO_CHARSETS = frozenset(
    ("idna", "punycode", "unicode_escape", "unicode-escape", "raw_unicode_escape", "undefined")
) | {"raw-unicode-escape", "mbcs", "oem"}
_NAME = re.compile(r"[!-9;-~]+\Z")


def rawForm(value: bytes) -> str:
    """
    @param value: what follows the colon, without the line end behind it.

    @return: the Raw form (RFC 8621, section 4.1.2.1).
    """
    return value.replace(b"\0", b"").decode("utf-8", "replace")


def _unfolded(raw: str) -> str:
    return _LINE_END.sub("", _FOLD.sub("", raw))


def textForm(raw: str) -> str:
    """
    @return: the Text form (RFC 8621, section 4.1.2.2).
    """
    return unicodedata.normalize("NFC", decodeWords(_unfolded(raw).lstrip(" ")))


def decodeWords(text: str) -> str:
    """
    Decode encoded words where RFC 2047, section 5 allows them.
    """
    return _ENCODED_RUN.sub(lambda match: _decodeRun(match.group().split()), text)


def _decodeRun(words: Sequence[str]) -> str:
    """
    Adjacent encoded words. Their octets are joined first, because there are senders that cut
    through characters.
    """
    runs: list[tuple[str, bytes]] = []
    for word in words:
        _, charset, encoding, encoded, _ = word.split("?")
        charset = charset.partition("*")[0].lower()
        octets = _decodeWord(encoding, encoded)
        if octets is None or not _isKnown(charset):
            # As it stands: better than nothing.
            charset, octets = "ascii", word.encode("ascii")
        if runs and runs[-1][0] == charset:
            octets = runs.pop()[1] + octets
        runs.append((charset, octets))
    text = "".join(octets.decode(charset, "replace") for charset, octets in runs)
    return _CONTROL.sub("", text)


def _decodeWord(encoding: str, encoded: str) -> bytes | None:
    if encoding in "qQ":
        return quopri.decodestring(encoded.encode("ascii"), header=True)
    try:
        return binascii.a2b_base64(encoded + "=" * (-len(encoded) % 4))
    except binascii.Error:
        return None


def _isKnown(charset: str) -> bool:
    return knownCharset(charset) is not None


def knownCharset(charset: str) -> str | None:
    """
    @return: Python's name of a charset, or L{None} for one that it does not have. (Not all of its
        codecs are charsets.)
    """
    try:
        found = codecs.lookup(charset)
    except (LookupError, ValueError):
        return None
    isCharset = getattr(found, "_is_text_encoding", True) and found.name not in _NO_CHARSETS
    return found.name if isCharset else None


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
    return parseAddressList(_unfolded(raw), decodeWords)


def _addresses(group: Group) -> list[dict[str, Any]]:
    return [{"name": _normal(a.name), "email": a.email} for a in group.addresses]


def _normal(name: str | None) -> str | None:
    return None if name is None else unicodedata.normalize("NFC", name)


def messageIDsForm(raw: str) -> list[str] | None:
    """
    @return: the MessageIds form (RFC 8621, section 4.1.2.5).
    """
    found: list[str] = []
    inside: list[str] | None = None
    for token in tokens(_unfolded(raw)):
        if token.kind == "comment":
            continue
        if token.kind == "<" and inside is None:
            inside = []
        elif token.kind == ">" and inside:
            found.append("".join(inside))
            inside = None
        elif inside is not None and token.kind != "<":
            quote = {"quoted": '"{}"', "literal": "[{}]"}.get(token.kind, "{}")
            inside.append(quote.format(token.text))
        elif token.kind != ",":
            return None
    return found if found and inside is None else None


def dateForm(raw: str) -> str | None:
    """
    @return: the Date form (RFC 8621, section 4.1.2.6): RFC 3339, in the sender's time zone.
    """
    try:
        date = email.utils.parsedate_to_datetime(_unfolded(raw).strip())
        # A date of the form "-0000" has no time zone: it is in UTC (RFC 5322, section 3.3).
        date = date if date.tzinfo is not None else date.replace(tzinfo=timezone.utc)
        text = date.replace(microsecond=0).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def urlsForm(raw: str) -> list[str] | None:
    """
    @return: the URLs form (RFC 8621, section 4.1.2.7).
    """
    return re.findall(r"<\s*([^<>\s]+)\s*>", _unfolded(raw)) or None


_FORMS: dict[str, Callable[[str], Any]] = {
    "Raw": lambda raw: raw,
    "Text": textForm,
    "Addresses": addressesForm,
    "GroupedAddresses": groupedAddressesForm,
    "MessageIds": messageIDsForm,
    "Date": dateForm,
    "URLs": urlsForm,
}

#: Which forms the fields of RFC 5322 and RFC 2369 have, besides Raw; all others have all.
_ADDRESSES = frozenset(("Addresses", "GroupedAddresses"))
_ONLY: dict[str, frozenset[str]] = {
    **dict.fromkeys(("subject", "comments", "keywords", "list-id"), frozenset(("Text",))),
    **dict.fromkeys(("from", "sender", "reply-to", "to", "cc", "bcc"), _ADDRESSES),
    **dict.fromkeys(
        ("resent-from", "resent-sender", "resent-reply-to", "resent-to", "resent-cc", "resent-bcc"),
        _ADDRESSES,
    ),
    **dict.fromkeys(
        ("message-id", "in-reply-to", "references", "resent-message-id"), frozenset(("MessageIds",))
    ),
    **dict.fromkeys(("date", "resent-date"), frozenset(("Date",))),
    **dict.fromkeys(
        (
            *("list-help", "list-unsubscribe", "list-subscribe"),
            *("list-post", "list-owner", "list-archive"),
        ),
        frozenset(("URLs",)),
    ),
    **dict.fromkeys(("return-path", "received"), frozenset()),
}


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

    def value(self, fields: Sequence[Field]) -> Any:
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
    @raise MethodProblem: C{invalidArguments} for a name that is not of the form, and for a form
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
