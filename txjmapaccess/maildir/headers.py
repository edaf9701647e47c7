# -*- test-case-name: tests.maildir.test_headers -*-
"""
Message headers in the form that Twisted's IMAP server takes them, without loss where it allows.

The server wants a L{dict} of lower-case field names to L{str}, and uses it in two ways:

  - It writes C{items()} on the wire (BODY[HEADER] and its kin): there we give every field, in
    order, folded as it stands, repeated ones as often as they are there.
  - It looks single fields up for ENVELOPE, BODYSTRUCTURE and SEARCH: there it gets the first one,
    unfolded, and a Content-Type that it can take apart.

Both must be ASCII. Bytes above that in a header, which no standard allows here, become encoded
words (RFC 2047).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

Field = tuple[str, bytes]

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:[ \t]?(.*)", re.DOTALL)
_TYPE = re.compile(r"\s*([^\s/;\"]+/[^\s/;\"]+)\s*(?:;|\Z)")
_PARAMETER = re.compile(
    r""";\s*([^\s;="\\]+)\s*=\s*("(?:[^"\\]|\\.)*"(?=\s*(?:;|\Z))|[^;"]*(?=;|\Z))""", re.DOTALL
)
_FOLDING = re.compile(r"\r?\n(?=[ \t])|[\r\n]")


def splitFields(block: bytes) -> list[Field]:
    """
    @param block: a header, with any line ends.

    @return: its fields in order: the name as it is written, and the value, folded with CRLF.
        Lines that are no fields (mbox's C{From } line) are left out.
    """
    fields: list[Field] = []
    for line in block.replace(b"\r\n", b"\n").split(b"\n"):
        found = _FIELD.match(line)
        if line[:1] in (b" ", b"\t"):
            if fields:
                name, value = fields[-1]
                fields[-1] = (name, value + b"\r\n" + line)
        elif found:
            fields.append((found.group(1).decode("ascii"), found.group(2)))
    return fields


def firstValue(fields: Iterable[Field], name: str) -> bytes | None:
    """
    @param name: in lower case.

    @return: the first value of this field, or L{None}.
    """
    return next((value for field, value in fields if field.lower() == name), None)


def asciiText(value: bytes) -> str:
    """
    @return: the value, with every word that is not ASCII made an encoded word.
    """
    if value.isascii():
        return value.decode("ascii")
    words = re.split(rb"([ \t\r\n]+)", value)
    return "".join(_encodedWord(word) for word in words)


def _encodedWord(word: bytes) -> str:
    if word.isascii():
        return word.decode("ascii")
    try:
        word.decode("utf-8")
        charset = "utf-8"
    except UnicodeDecodeError:
        charset = "unknown-8bit"  # RFC 1428, section 3
    return f"=?{charset}?b?{base64.b64encode(word).decode('ascii')}?="


class Headers(dict[str, str]):
    """
    Some of a message's header fields, as the module says.

    @ivar fields: all of them, as L{splitFields} gives them.
    """

    def __init__(self, fields: list[Field], defaultType: str | None = None) -> None:
        super().__init__()
        self.fields = fields
        for name, value in fields:
            self.setdefault(name.lower(), _FOLDING.sub("", asciiText(value)).strip())
        if defaultType is not None:
            self["content-type"] = wellFormedType(self.get("content-type"), defaultType)

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """
        @return: every field in order, not only the first of each name, its name as it is written.
        """
        return [(name, asciiText(value)) for name, value in self.fields]


def selectFields(fields: list[Field], negate: bool, names: Iterable[str | bytes]) -> list[Field]:
    """
    What L{twisted.mail.interfaces.IMessageIMAPPart.getHeaders} asks for.

    @param names: in any case of letters.
    """
    wanted = {(n.decode("latin-1") if isinstance(n, bytes) else n).lower() for n in names}
    return [field for field in fields if (field[0].lower() in wanted) is not negate]


def wellFormedType(value: str | None, default: str) -> str:
    """
    @param value: a Content-Type as somebody wrote it.
    @param default: the type when there is none (RFC 2045, section 5.2), or none to be made out.

    @return: C{main/sub}, and the parameters that have a name and a value, behind C{;} each. Twisted
        knows no quoted C{;}: a value with one is left out.
    """
    found = _TYPE.match(value or "")
    main = found.group(1).lower() if found else default.partition(";")[0]
    parameters = _parameters(value or default)
    plain = [(name, text) for name, text in parameters if text and not set(text) & set('"\\;')]
    return "; ".join([main, *(f'{name}="{text}"' for name, text in plain)])


def contentParameter(value: str, name: str) -> str | None:
    """
    @param name: in lower case.

    @return: a parameter of a Content-Type, its case of letters kept (boundaries need that).
    """
    return next((text for found, text in _parameters(value) if found.lower() == name), None)


def _parameters(value: str) -> list[tuple[str, str]]:
    return [(name, _unquoted(text)) for name, text in _PARAMETER.findall(value)]


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text.strip()
