# -*- test-case-name: tests.maildir.test_messageflags -*-
"""
The flags of a message: letters in the file name, keywords in the index. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

#: The letters of Maildir, as IMAP has them. C{P} ("passed") is what IMAP calls $Forwarded.
_FLAG_OF = {
    "D": "\\Draft",
    "F": "\\Flagged",
    "P": "$Forwarded",
    "R": "\\Answered",
    "S": "\\Seen",
    "T": "\\Deleted",
}
_LETTER_OF = {flag.lower(): letter for letter, flag in _FLAG_OF.items()}

#: A keyword is an atom (RFC 3501, section 9); this is what we keep of what clients invent.
_KEYWORD = re.compile(r"[!#$&'+-\[^-z|}~]{1,100}\Z")

#: The system flags, as SELECT lists them.
SYSTEM = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")


@dataclass(frozen=True)
class MessageFlags:
    """
    @ivar letters: those of the file name, in order; also such as other programs put there.
    @ivar keywords: separated by spaces.
    """

    letters: str = ""
    keywords: str = ""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """
        The flags as IMAP has them, without \\Recent.
        """
        system = (_FLAG_OF[letter] for letter in self.letters if letter in _FLAG_OF)
        return (*system, *self.keywords.split())

    @cached_property
    def namesAndRecent(self) -> tuple[str, ...]:
        """
        The same with \\Recent.
        """
        return (*self.names, "\\Recent")

    @property
    def isDeleted(self) -> bool:
        """
        Whether EXPUNGE may remove the message.
        """
        return "T" in self.letters

    @property
    def isSeen(self) -> bool:
        """
        Whether the message has been read.
        """
        return "S" in self.letters

    def changed(self, names: Iterable[str], mode: int) -> MessageFlags:
        """
        @param names: flags, in any case of letters. Flags that cannot be set are ignored.
        @param mode: 1 adds, -1 takes away, 0 replaces, as
            L{twisted.mail.interfaces.IMailboxIMAP.store} has it.
        """
        given = flagsNamed(names)
        ours = set(self.letters) & set(_FLAG_OF)
        foreign = set(self.letters) - set(_FLAG_OF)
        letters, keywords = set(given.letters), given.keywords.split()
        if mode > 0:
            letters, keywords = ours | letters, _joined(self.keywords.split(), keywords)
        elif mode < 0:
            unwanted = {keyword.lower() for keyword in keywords}
            letters = ours - letters
            keywords = [k for k in self.keywords.split() if k.lower() not in unwanted]
        return flagsOf("".join(sorted(letters | foreign)), " ".join(keywords))


def _joined(old: list[str], new: list[str]) -> list[str]:
    first: dict[str, str] = {}
    for keyword in [*old, *new]:
        first.setdefault(keyword.lower(), keyword)
    return list(first.values())


@lru_cache(maxsize=4096)
def flagsOf(letters: str, keywords: str = "") -> MessageFlags:
    """
    @return: these flags; messages with the same flags share one object.
    """
    return MessageFlags(letters, keywords)


def flagsNamed(names: Iterable[str]) -> MessageFlags:
    """
    @param names: flags as IMAP has them, in any case of letters. \\Recent, flags that RFC 3501
        does not have, and what is no atom are left out.
    """
    letters, keywords = set(), []
    for name in names:
        if name.lower() in _LETTER_OF:
            letters.add(_LETTER_OF[name.lower()])
        elif _KEYWORD.match(name):
            keywords.append(name)
    return flagsOf("".join(sorted(letters)), " ".join(_joined([], keywords)))
