# -*- test-case-name: tests.store.test_mailboxes -*-
"""
Mailbox names, as accounts have them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

from twisted.mail import imap4  # noqa: F401 (registers the codec)

#: Modified UTF-7 (RFC 3501, section 5.1.3).
CODEC = "imap4-utf-7"

#: What may stand between the levels of a name.
DELIMITERS = "/.\\|^"


def nameText(name: str | bytes) -> str:
    """
    @param name: what an account lists. L{bytes} are what goes over the wire.
    """
    if isinstance(name, str):
        return name
    try:
        return name.decode(CODEC)
    except UnicodeError:
        return name.decode("utf-8", "replace")


def isInbox(name: str) -> bool:
    """
    @return: whether C{name} is that of the INBOX (RFC 3501, section 5.1).
    """
    return name.upper() == "INBOX"


def levels(name: str, delimiter: str | None) -> tuple[str, ...]:
    """
    @return: the levels of a name, with INBOX as the first one in capitals.
    """
    first, *others = name.split(delimiter) if delimiter else [name]
    return ("INBOX" if isInbox(first) else first, *others)


def folded(name: str) -> str:
    """
    @return: what names have in common that may mean the same mailbox.
    """
    return unicodedata.normalize("NFC", name).casefold().rstrip(DELIMITERS)


def listedName(name: str, listed: Collection[str]) -> str:
    """
    @param listed: the names by which the store lists its mailboxes.

    @return: that one of them which C{name} means; C{name} itself where it is not clear. One
        mailbox may answer to several names: in other cases of letters, with a delimiter behind it.
    """
    if name in listed:
        return name
    same = [each for each in listed if folded(each) == folded(name)]
    return same[0] if len(same) == 1 else name
