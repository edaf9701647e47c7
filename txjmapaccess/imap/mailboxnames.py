# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
Mailbox names between the wire, where they are in modified UTF-7 (RFC 3501, section 5.1.3), and
accounts, which have them as L{str}.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

from twisted.mail import imap4  # noqa: F401 (registers the codec)
from twisted.mail.imap4 import IllegalMailboxEncoding

from txjmapaccess.imap.grammar import quote

_CODEC = "imap4-utf-7"

#: What may stand between the levels of a name.
DELIMITERS = "/.\\|^"


def decodeName(name: bytes) -> str:
    """
    @return: the name, or a pattern of names. INBOX in any case of letters is C{INBOX}.

    @raise IllegalMailboxEncoding: for what is no modified UTF-7.
    """
    try:
        decoded = name.decode(_CODEC)
        decoded.encode("utf-8")  # Half a surrogate pair is no text.
    except UnicodeError:
        raise IllegalMailboxEncoding(name) from None
    return "INBOX" if isInbox(decoded) else decoded


def encodeName(name: str | bytes) -> bytes:
    """
    @return: the name as a quoted string.
    """
    return quote(name.encode(_CODEC) if isinstance(name, str) else name)


def isInbox(name: str) -> bool:
    """
    @return: whether C{name} is that of the INBOX (RFC 3501, section 5.1).
    """
    return name.upper() == "INBOX"


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
