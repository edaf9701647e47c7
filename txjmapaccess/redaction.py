# -*- test-case-name: tests.test_redaction -*-
"""
What the log may contain of an exception that foreign code raised while it had credentials.

Its class and its traceback as file, line and function: never its text, which may contain any secret
of the server, nor local variables, nor source. The reason of a refusal
(L{twisted.cred.error.UnauthorizedLogin}) is meant to be read, so it is logged, but only if it is
plain text and nothing that the client presented can be found in it, in whatever encoding: a checker
may put a password into it. The user name is left out of it: people type their password there.
"""

from __future__ import annotations

import binascii
import hashlib
import re
import traceback
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, cast

from twisted.python.failure import Failure
from twisted.python.reflect import qual

from txjmapaccess.credentials import BearerToken, UsernamePassword
from txjmapaccess.errors import couldTell, isOurs, reasonOf

#: Characters of a text that are shown at most, and of a secret that can be looked for.
_MOST_SHOWN = 300
_MOST_SECRET = 4096
#: So many characters of a secret in a row are a part of it.
_PART = 6
#: A user name of so many characters can be told from the rest of a text.
_LEAST_NAME = 3
#: A text may be encoded twice.
_DEPTH = 2
#: Escapes (URLs, HTML, quoted-printable, string literals) begin with these: a text that has one is
#: not shown.
_ESCAPES = re.compile(rb"[%&+=\\]")
_BLANK = re.compile(r"[\s\0]+")
_DIGESTS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
_HEXADECIMAL = re.compile(rb"(?:0x)?([0-9a-fA-F]{2}(?:[:, -]?(?:0x)?[0-9a-fA-F]{2})*)")
_DECIMAL = re.compile(rb"\d{1,3}(?:, ?\d{1,3})+")
_BASE64 = re.compile(rb"[A-Za-z0-9/_-]{2,}")
#: What L{presented} gives: the user name, or L{None}, and all else that a client sent to log in.
Presented = tuple[object, ...]


def presented(credentials: Any) -> Presented:
    """
    @return: what a client presented; to be taken before a checker has the credentials, because it
        may change them.
    """
    if isinstance(credentials, UsernamePassword):
        return credentials.username, credentials.password
    if isinstance(credentials, BearerToken):
        return credentials.authorizationIdentity, credentials.token
    # A challenger that somebody else wrote: whatever it holds.
    held = getattr(credentials, "__dict__", {})
    return held.get("username"), *held.values()


def redactedReason(failure: Failure, secrets: Presented | None) -> str:
    """
    @param secrets: what was presented; L{None} when that is not known.

    @return: why a login came to nothing, for the log: our own exceptions say it themselves; of
        others it is the name of the class, and of a refusal the reason, if it may be shown.
    """
    reason = reasonOf(failure)
    if isOurs(failure) or not couldTell(failure):
        return reason
    text = safeText(cast(Exception, failure.value), secrets)
    return f"{reason}: {text}" if text else reason


def safeText(error: BaseException, secrets: Presented | None) -> str | None:
    """
    @return: the text of an exception on one line, or L{None} if it may not be shown.
    """
    if secrets is None:
        return None
    try:
        text = _withoutName(" ".join(str(error).split()), secrets[0])
    except Exception:
        return None
    if len(text) > _MOST_SHOWN or not text.isprintable():
        return None
    octets = [_octets(secret) for secret in secrets if isinstance(secret, (bytes, str))]
    if any(len(secret) > _MOST_SECRET for secret in octets):
        return None
    views = _views(text.encode("utf-8"))
    if any(_ESCAPES.search(view) for view in views if len(view) > 2 and _isText(view)):
        return None
    everything = "\n".join(form for view in views for form in _forms(view))
    readable = "\n".join(form for view in views if _isText(view) for form in _forms(view))
    parts = {part for secret in octets for part in _partsOf(secret)}
    # Chance finds a few letters in octets that are no text.
    if any(part in (everything if len(part) > _LEAST_NAME else readable) for part in parts):
        return None
    return text


def traced(failure: Failure) -> str:
    """
    @return: a traceback without anything that could be secret: the exception, and those that led to
        it.
    """
    return "\n".join(_traced(cast(Exception, failure.value), failure))


def _traced(error: BaseException | None, failure: Failure | None) -> Iterator[str]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield qual(type(error))
        for place in _places(error, failure):
            yield f"  {place}"
        hidden = None if error.__suppress_context__ else error.__context__
        error, failure = error.__cause__ or hidden, None


def _places(error: BaseException, failure: Failure | None) -> Iterable[str]:
    places = [
        f'File "{frame.filename}", line {frame.lineno}, in {frame.name}'
        for frame in traceback.StackSummary.extract(
            traceback.walk_tb(error.__traceback__), lookup_lines=False
        )
    ]
    # A Deferred forgets the traceback of what it hands on, but the Failure in it has the places.
    for each in (getattr(error, "__failure__", None), failure):
        for name, file, line, *_ in () if each is None else each.frames:
            places.append(f'File "{file}", line {line}, in {name}')
    return dict.fromkeys(places)


# Looking for a secret in a text


def _withoutName(text: str, name: object) -> str:
    known = name.decode("utf-8", "replace") if isinstance(name, bytes) else name
    if not isinstance(known, str) or len(known) < _LEAST_NAME:
        return text
    return text.replace(known, "(user)")


def _octets(text: bytes | str) -> bytes:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def _partsOf(secret: bytes) -> Iterator[str]:
    if not secret:
        return
    for form in _forms(secret):
        if len(form) <= _PART:
            yield form
        for start in range(len(form) - _PART):
            yield form[start : start + _PART]
        yield form[-_PART:]
    for name in _DIGESTS:
        digest = hashlib.new(name, secret, usedforsecurity=False).digest()
        yield from (
            form[:_PART] for text in (digest.hex(), digest) for form in _forms(_octets(text))
        )


def _forms(octets: bytes) -> set[str]:
    texts = (octets.decode("utf-8", "replace"), octets.decode("latin-1"))
    return {form for form in map(_folded, texts) if form}


def _folded(text: str) -> str:
    # Case and spaces may have been changed; NULs are what UTF-16 has between letters.
    folded = (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()
    return _BLANK.sub("", folded)


def _isText(view: bytes) -> bool:
    # With the separators of SASL messages.
    text = view.decode("utf-8", "replace").translate({0: " ", 1: " ", 10: " "})
    return text.isprintable() and "\ufffd" not in text


def _views(text: bytes) -> set[bytes]:
    """
    @return: C{text}, and all that it may be an encoding of.
    """
    views, newest = {text}, {text}
    for _ in range(_DEPTH):
        decoded = {each for view in newest if _isText(view) for each in _decoded(view)}
        newest = decoded - views
        views |= newest
    return views


def _decoded(text: bytes) -> Iterator[bytes]:
    for match in _HEXADECIMAL.findall(text):
        digits = re.sub(rb"0x|[^0-9a-fA-F]", b"", match)
        yield bytes.fromhex(digits.decode("ascii"))
    for match in _DECIMAL.findall(text):
        yield bytes(min(int(number), 255) for number in re.findall(rb"\d+", match))
    for token in _BASE64.findall(text):
        for piece in {token, *re.split(rb"[_-]", token), *token.split(b"/")}:
            # It may begin in the middle of a word.
            for start in range(min(4, len(piece))):
                yield _base64Of(piece[start:])


def _base64Of(piece: bytes) -> bytes:
    piece = piece.translate(bytes.maketrans(b"-_", b"+/"))
    # Without what is left over at the end.
    whole = len(piece) - (1 if len(piece) % 4 == 1 else 0)
    return binascii.a2b_base64(piece[:whole] + b"=" * (-whole % 4))
