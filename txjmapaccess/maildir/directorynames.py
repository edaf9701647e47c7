# -*- test-case-name: tests.maildir.test_directorynames -*-
"""
Names: of mailboxes and of their directories, and of users and theirs. Pure.

Maildir++ has one flat level of directories: the mailbox C{Work/Café} is C{.Work.Caf&AOk-}, each
level in modified UTF-7 (RFC 3501, section 5.1.3). A dot inside a level, which Dovecot refuses, is
written C{&AC4-}, as Courier does.
"""

from __future__ import annotations

from twisted.mail.imap4 import MailboxException

from txjmapaccess.errors import Refused

DELIMITER = "/"
INBOX = "INBOX"

#: A file name has at most 255 bytes; leave some for the names of our own.
_LONGEST_DIRECTORY = 240
_LONGEST_USER = 200
_DOT = "&AC4-"


def _hasControl(text: str) -> bool:
    return any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in text)


def canonical(name: str | bytes) -> str:
    """
    @param name: a mailbox name; L{bytes} are modified UTF-7.

    @return: the name with C{INBOX}, in any case of letters, written in capitals (RFC 3501,
        section 5.1), also as the first level of others, and without a delimiter at its end.

    @raise MailboxException: when no mailbox can have this name.
    """
    text = name if isinstance(name, str) else _decoded(name)
    first, delimiter, rest = text.rstrip(DELIMITER).partition(DELIMITER)
    if first.upper() == INBOX:
        first = INBOX
    return first + delimiter + rest


def _decoded(name: bytes) -> str:
    try:
        return name.decode("imap4-utf-7")
    except ValueError:
        raise MailboxException("The mailbox name is not modified UTF-7") from None


def directoryOf(name: str) -> str:
    """
    @param name: a L{canonical} mailbox name.

    @return: the name of its directory in the user's; C{""} is the INBOX.

    @raise MailboxException: when no mailbox can have this name.
    """
    if name == INBOX:
        return ""
    levels = name.split(DELIMITER)
    if not all(levels):
        raise MailboxException("The mailbox name has an empty level")
    if _hasControl(name):
        raise MailboxException("The mailbox name contains a control character")
    directory = "".join("." + _encoded(level) for level in levels)
    if len(directory) > _LONGEST_DIRECTORY:
        raise MailboxException("The mailbox name is too long")
    return directory


def _encoded(level: str) -> str:
    try:
        level.encode("utf-8")  # Surrogates are no text, though UTF-7 would take them.
        return level.encode("imap4-utf-7").decode("ascii").replace(".", _DOT)
    except UnicodeError:
        raise MailboxException("The mailbox name is not Unicode text") from None


def mailboxOf(directory: str) -> str | None:
    """
    The reverse of L{directoryOf}.

    @return: the mailbox name, or L{None} when the directory is no mailbox, or is one that
        L{directoryOf} would have named otherwise (two directories never have one name).
    """
    if directory == "":
        return INBOX
    levels = directory[1:].split(".")
    try:
        name = DELIMITER.join(level.encode("ascii").decode("imap4-utf-7") for level in levels)
        back = directoryOf(name)
    except (ValueError, MailboxException):
        return None
    return name if back == directory and canonical(name) == name != INBOX else None


def parents(name: str) -> list[str]:
    """
    @return: the names of the levels above, outermost first: C{a} and C{a/b} for C{a/b/c}.
    """
    levels = name.split(DELIMITER)
    return [DELIMITER.join(levels[:n]) for n in range(1, len(levels))]


def isBelow(name: str, ancestor: str) -> bool:
    """
    @return: whether C{name} is inferior to C{ancestor} in the hierarchy.
    """
    return name.startswith(ancestor + DELIMITER)


def matches(pattern: str, name: str) -> bool:
    """
    LIST's wildcards (RFC 3501, section 6.3.8): C{*} is any text, C{%} any text within a level.
    Takes time in proportion to the product of both lengths, for any pattern.

    @param pattern: the reference and the pattern of LIST, put together.
    """
    alternatives = {pattern}
    if pattern[: len(INBOX)].upper() == INBOX:
        alternatives.add(INBOX + pattern[len(INBOX) :])
    return any(_matches(alternative, name) for alternative in alternatives)


def _matches(pattern: str, name: str) -> bool:
    reached = {0}
    for wanted in pattern:
        if wanted == "*":
            reached = set(range(min(reached), len(name) + 1))
        elif wanted == "%":
            reached = {end for start in reached for end in _withinLevel(name, start)}
        else:
            reached = {n + 1 for n in reached if name[n : n + 1] == wanted}
        if not reached:
            return False
    return len(name) in reached


def _withinLevel(name: str, start: int) -> range:
    end = name.find(DELIMITER, start)
    return range(start, (len(name) if end < 0 else end) + 1)


def userDirectory(avatarId: object) -> str:
    """
    @param avatarId: what the checker gave: L{str}, or L{bytes} of UTF-8.

    @return: the name of the user's directory: the user name itself, which can be no path.

    @raise Refused: for any name that could be one, or that no file can have.
    """
    if isinstance(avatarId, bytes):
        try:
            avatarId = avatarId.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("The user name is not UTF-8") from None
    if not isinstance(avatarId, str) or not avatarId:
        raise Refused("There is no user name to have a mail directory")
    if avatarId.startswith("."):
        raise Refused("The user name starts with a dot")
    if "/" in avatarId or "\\" in avatarId or _hasControl(avatarId):
        raise Refused("The user name contains a slash or a control character")
    try:
        length = len(avatarId.encode("utf-8"))
    except UnicodeEncodeError:
        raise Refused("The user name is not Unicode text") from None
    if length > _LONGEST_USER:
        raise Refused("The user name is too long")
    return avatarId
