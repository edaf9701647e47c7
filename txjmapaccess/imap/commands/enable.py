# -*- test-case-name: tests.imap.test_sessioncommands -*-
"""
ENABLE (RFC 5161). There is nothing that could be enabled.
"""

from __future__ import annotations

from typing import Any

from txjmapaccess.imap.dispatch import ADDED
from txjmapaccess.imap.grammar import SyntaxProblem
from txjmapaccess.imap.literals import Parenthesis, String, tokensIn


def enabledNames(connection: object, line: bytes) -> tuple[None, bytes]:
    """
    The arguments: names of extensions.
    """
    words = tokensIn(line)
    if not words:
        raise SyntaxProblem("Missing argument")
    if any(isinstance(word, (String, Parenthesis)) for word in words):
        raise SyntaxProblem("Malformed argument")
    return None, b""


def enable(connection: Any, tag: bytes, _: None) -> None:
    """
    ENABLE.
    """
    connection.sendUntaggedResponse(b"ENABLED")
    connection.sendPositiveResponse(tag, b"ENABLE completed")


ADDED["auth", b"ENABLE"] = (b"ENABLE", (enable, enabledNames))
