# -*- test-case-name: tests.message.test_identifiers -*-
"""
Message-IDs (RFC 5322, section 3.6.4), and how object identifiers (RFC 8474) are made. Pure, but for
L{newMailboxID}'s randomness.

Each has a letter in front that tells its kind, so that no two kinds ever share a value, and then
26 letters and digits of one case only, which hold 130 bits.

An EMAILID is made from the name and the content of the file in which the message first came, a
THREADID from the first message of the conversation: an index that is lost and built again gives
the same. Only a copy's EMAILID, which is that of the message it was made from, is known to the
index alone.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets

from txjmapaccess.message.tokens import tokens

_MESSAGE_ID = re.compile(rb"<([^<>]+)>")
_BYTES = 17
_LENGTH = 26


def _text(data: bytes) -> str:
    return base64.b32encode(data[:_BYTES]).decode("ascii").lower()[:_LENGTH]


def newMailboxID() -> str:
    """
    @return: a MAILBOXID that no mailbox has ever had.
    """
    return "F" + _text(secrets.token_bytes(_BYTES))


def emailID(baseName: bytes, digest: bytes) -> str:
    """
    @param baseName: the file's name without flags, unique in its Maildir.
    @param digest: a hash of the file's content.
    """
    return "M" + _text(hashlib.sha256(baseName + b"\0" + digest).digest())


def threadID(reference: bytes | None, email: str) -> str:
    """
    @param reference: what L{firstReference} found.
    @param email: the message's EMAILID: a message without any Message-ID is a thread by itself.
    """
    seed = b"email\0" + email.encode("ascii") if reference is None else b"id\0" + reference
    return "T" + _text(hashlib.sha256(seed).digest())


def firstReference(
    references: bytes | None, inReplyTo: bytes | None, messageID: bytes | None
) -> bytes | None:
    """
    The message that began the conversation: the first one of References, else of In-Reply-To,
    else the message itself (RFC 5322, section 3.6.4).

    @return: its Message-ID without angle brackets and white space (folding may have put some
        in), or L{None}.
    """
    for field in (references, inReplyTo, messageID):
        found = _MESSAGE_ID.search(field or b"")
        normalised = b"".join(found.group(1).split()) if found else b""
        if normalised:
            return normalised
    return None


def accountID(user: str) -> str:
    """
    @return: the JMAP accountId (RFC 8620, section 1.6.2) of a user's account.
    """
    return "A" + _text(hashlib.sha256(user.encode("utf-8")).digest())


def parseMessageIDs(text: str) -> list[str] | None:
    """
    @param text: the value of a field that has a list of Message-IDs, unfolded.

    @return: them without angle brackets, or L{None} when it is no such list.
    """
    found: list[str] = []
    inside: list[str] | None = None
    for token in tokens(text):
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
