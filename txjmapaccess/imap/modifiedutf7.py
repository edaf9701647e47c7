# -*- test-case-name: tests.imap.test_mailboxcommands -*-
"""
Mailbox names on the wire: modified UTF-7 (RFC 3501, section 5.1.3). Accounts have them as L{str}.
"""

from __future__ import annotations

from twisted.mail.imap4 import IllegalMailboxEncoding

from txjmapaccess.imap.grammar import quote
from txjmapaccess.store.mailboxnames import CODEC, isInbox


def decodeName(name: bytes) -> str:
    """
    @return: the name, or a pattern of names. INBOX in any case of letters is C{INBOX}.

    @raise IllegalMailboxEncoding: for what is no modified UTF-7.
    """
    try:
        decoded = name.decode(CODEC)
        decoded.encode("utf-8")  # Half a surrogate pair is no text.
    except UnicodeError:
        raise IllegalMailboxEncoding(name) from None
    return "INBOX" if isInbox(decoded) else decoded


def encodeName(name: str | bytes) -> bytes:
    """
    @return: the name as a quoted string.
    """
    return quote(name.encode(CODEC) if isinstance(name, str) else name)
