# -*- test-case-name: tests.imap.test_sessioncommands -*-
"""
Commands that Twisted does not have: ID (RFC 2971), ENABLE (RFC 5161), UNSELECT (RFC 3691).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from txjmapaccess.imap.commands.select import SelectCommands
from txjmapaccess.imap.dispatch import ADDED
from txjmapaccess.imap.grammar import SyntaxProblem, quote
from txjmapaccess.imap.literals import CLOSE, OPEN, Parenthesis, String, tokens, tokensIn

_MOST_FIELDS = 30


def idFields(server: Any, line: bytes) -> tuple[None, bytes] | Deferred[Any]:
    """
    The argument of ID. It is checked and thrown away: whatever a client says about itself, it gets
    the same service.
    """
    found = tokens(server, line)
    if isinstance(found, Deferred):
        return found.addCallback(_checkedFields)
    return _checkedFields(found)


def _checkedFields(found: tuple[list[bytes], bytes]) -> tuple[None, bytes]:
    words = found[0]
    if len(words) == 1 and words[0].upper() == b"NIL" and not isinstance(words[0], String):
        return None, b""
    fields = words[1:-1]
    if words[:1] != [OPEN] or words[-1:] != [CLOSE] or len(words) < 2 or len(fields) % 2:
        raise SyntaxProblem("Malformed list of fields")
    for name, value in zip(fields[::2], fields[1::2], strict=True):
        isNIL = value.upper() == b"NIL" and not isinstance(value, Parenthesis)
        if not isinstance(name, String) or not (isinstance(value, String) or isNIL):
            raise SyntaxProblem("Malformed list of fields")
    if len(fields) > 2 * _MOST_FIELDS:
        raise SyntaxProblem("Too many fields")
    return None, b""


def enabledNames(server: Any, line: bytes) -> tuple[None, bytes]:
    """
    The arguments of ENABLE: names of extensions.
    """
    words = tokensIn(line)
    if not words:
        raise SyntaxProblem("Missing argument")
    if any(isinstance(word, (String, Parenthesis)) for word in words):
        raise SyntaxProblem("Malformed argument")
    return None, b""


class SessionCommands(SelectCommands):
    """
    See the module. To stand before L{twisted.mail.imap4.IMAP4Server} or a subclass.
    """

    def do_ID(self, tag: bytes, _: None) -> None:
        """
        ID.
        """
        fields = self._jmaSettings.serverID.items()
        words = [quote(word.encode("ascii")) for field in fields for word in field]
        answer = b"(" + b" ".join(words) + b")" if words else b"NIL"
        self.sendUntaggedResponse(b"ID " + answer)
        self.sendPositiveResponse(tag, b"ID completed")

    def do_ENABLE(self, tag: bytes, _: None) -> None:
        """
        ENABLE, in the authenticated state only. There is nothing that could be enabled.
        """
        self.sendUntaggedResponse(b"ENABLED")
        self.sendPositiveResponse(tag, b"ENABLE completed")


ADDED.update(
    {
        ("unauth", b"ID"): (b"ID", (SessionCommands.do_ID, idFields)),
        ("auth", b"ID"): (b"ID", (SessionCommands.do_ID, idFields)),
        ("select", b"ID"): (b"ID", (SessionCommands.do_ID, idFields)),
        ("auth", b"ENABLE"): (b"ENABLE", (SessionCommands.do_ENABLE, enabledNames)),
        ("select", b"UNSELECT"): (b"UNSELECT", (SessionCommands.do_UNSELECT,)),
    }
)
