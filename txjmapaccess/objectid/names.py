# -*- test-case-name: tests.objectid.test_changes -*-
"""
What RENAME does to names. Pure.
"""

from __future__ import annotations

from collections.abc import Collection

from txjmapaccess.store.mailboxnames import DELIMITERS


def movesOf(old: str, new: str, listed: Collection[str]) -> list[tuple[str, str]]:
    """
    What a RENAME may do. Some stores take along whatever begins like the mailbox, with a delimiter
    behind it or not: which ones went is known afterwards.

    @return: pairs of an old and a new name. A mailbox that was there before is in no new name.
    """
    stem = new.rstrip(DELIMITERS)
    moves = {name: stem + name[len(old) :] for name in listed if name.startswith(old)}
    moves[old] = new
    return [(name, target) for name, target in moves.items() if target not in listed]
