# -*- test-case-name: tests.ldap.test_usernames -*-
"""
Checks of user names and passwords, and distinguished names made of them. Pure functions.
"""

from __future__ import annotations

import re
import unicodedata

from txjmapaccess.errors import ConfigurationError, Refused

USER = "{user}"

#: RFC 4514, section 2.4.
_SPECIAL = re.compile(r'[\\,+"<>;=#]')
_ESCAPED = re.compile(rb"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)
_PAIR = re.compile(rb"([^=,+]+)=((?:[^\\,+]|\\.)*)", re.DOTALL)
_RDN = r'(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+) *= *(?:[^\\,+"<>;]|\\.)+'
_DN = re.compile(rf" *{_RDN}(?:[,+] *{_RDN})*\Z")
#: Characters that a sAMAccountName cannot contain; in a bind name they could change the user.
_NOT_IN_ACCOUNT_NAMES = frozenset('"/\\[]:;|=,+*?<>@')
#: Bind names other than DNs: the constant part must determine the kind of name.
_ACCOUNT_TEMPLATE = re.compile(r"\{user\}@[^{}@\\]+|[^{}@\\]+\\\{user\}")


#: Characters. Servers close the connection if a request is too long (slapd above 256 KiB), and a
#: client must not be able to make a server look dead.
LONGEST_USERNAME, LONGEST_PASSWORD = 512, 4096


def checkedUsername(value: bytes | str) -> str:
    """
    @return: the user name as text.

    @raise Refused: when it is empty, too long, not UTF-8, or holds control characters.
    """
    return _checked(value, "user name", LONGEST_USERNAME)


def checkedPassword(value: bytes | str) -> bytes:
    """
    @return: the password as it is sent.

    @raise Refused: as L{checkedUsername} does. RFC 4513, section 5.1.2: a bind with an empty
        password I{succeeds}.
    """
    return _checked(value, "password", LONGEST_PASSWORD).encode("utf-8")


def _checked(value: bytes | str, what: str, longest: int) -> str:
    try:
        text = value.decode("utf-8") if isinstance(value, bytes) else value
        if not text.isascii():
            text.encode("utf-8")  # A string may hold surrogates.
    except UnicodeError:
        raise Refused(f"the {what} is not UTF-8") from None
    if not text:
        raise Refused(f"the {what} is empty")
    if len(text) > longest:
        raise Refused(f"the {what} is longer than {longest} characters")
    # str.isprintable is quick, and never true where there is a control character.
    if not text.isprintable() and any(unicodedata.category(c) == "Cc" for c in text):
        raise Refused(f"the {what} contains a control character")
    return text


def canonicalName(name: str) -> str:
    """
    One spelling for what a directory compares as equal (RFC 4518, section 2, as far as servers do
    it): compatibility forms, case, and spaces at the ends or next to each other.

    @raise Refused: when nothing is left.
    """
    if name.isascii() and " " not in name:
        return name.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).lower())
    canonical = " ".join(word for word in folded.split(" ") if word)
    return checkedUsername(canonical)


def escapeDNValue(value: str) -> str:
    """
    @return: C{value} as it may stand in a distinguished name (RFC 4514, section 2.4).
    """
    if value.isalnum():
        return value
    escaped = _SPECIAL.sub(r"\\\g<0>", value).replace("\0", r"\00")
    if escaped[:1] == " ":
        escaped = "\\" + escaped
    if escaped[-1:] == " " and value != " ":
        escaped = escaped[:-1] + "\\ "
    return escaped


def firstComponent(dn: bytes) -> list[tuple[str, bytes]]:
    """
    @return: attributes, in lower case, and values of the first component of a distinguished name.
    """
    pairs, position = [], 0
    while (match := _PAIR.match(dn, position)) is not None:
        attribute = match.group(1).decode("utf-8", "replace").strip().lower()
        pairs.append((attribute, _ESCAPED.sub(_unescaped, match.group(2))))
        position = match.end() + 1
        if dn[match.end() : position] != b"+":
            break
    return pairs


def _unescaped(match: re.Match[bytes]) -> bytes:
    octet = match.group(1)
    return bytes.fromhex(octet.decode("ascii")) if len(octet) == 2 else octet


class BindNameTemplate:
    """
    From user names to the names that they bind with: distinguished names, or names of a form that
    Active Directory takes (C{{user}@corp.example.com}, C{CORP\\{user}}). Not C{{user}} alone: then
    it takes nearly every name of an account, the display name and any suffix among them, and each
    would be a mailbox of its own.

    @ivar isDN: which of them.

    @raise ConfigurationError: with the end of a sentence that starts with the name of the setting.
    """

    def __init__(self, template: str) -> None:
        if USER not in template:
            raise ConfigurationError("must contain {user}")
        if any(unicodedata.category(c) == "Cc" for c in template):
            raise ConfigurationError("contains a control character")
        self.isDN = "=" in template
        self._pieces = template.split(USER)
        if self.isDN:
            # Not ASCII, so that it cannot be in the place of an attribute.
            checkDN(template.replace(USER, "\u00fc"))
        elif not _ACCOUNT_TEMPLATE.fullmatch(template):
            raise ConfigurationError(
                "must be a distinguished name, {user}@domain or DOMAIN\\{user}; if names "
                "have several forms, use search_base and username_attribute"
            )

    def nameFor(self, username: str) -> bytes:
        """
        @param username: text that L{checkedUsername} has let pass.

        @return: the name to bind with.

        @raise Refused: for a user name that cannot be in such a name.
        """
        if self.isDN:
            return escapeDNValue(username).join(self._pieces).encode("utf-8")
        if not _NOT_IN_ACCOUNT_NAMES.isdisjoint(username):
            raise Refused("the user name contains characters that an account name cannot contain")
        return username.join(self._pieces).encode("utf-8")


def checkDN(text: str) -> None:
    """
    @raise ConfigurationError: with the end of a sentence that starts with the name of the setting.
    """
    if not _DN.match(text):
        raise ConfigurationError("is not a distinguished name (RFC 4514)")
