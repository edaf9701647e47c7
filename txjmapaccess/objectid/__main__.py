# -*- test-case-name: tests.objectid.test_objectid -*-
"""
The command that rebuilds a damaged index, see L{txjmapaccess.objectid}.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from txjmapaccess.objectid.salvage import rebuild


def main(arguments: Sequence[str]) -> int:
    """
    The command line.

    @return: the exit status.
    """
    if len(arguments) != 2 or arguments[0] != "rebuild":
        print("usage: python -m txjmapaccess.objectid rebuild FILE", file=sys.stderr)
        return 1
    path = arguments[1]
    try:
        saved = rebuild(path)
    except OSError as e:
        print(f"{path} cannot be rebuilt: {e.strerror}", file=sys.stderr)
        return 1
    if not any(saved.values()):
        print(
            f"{path}: nothing could be recovered; the index starts empty, and the damaged file is"
            f" {path}.damaged",
            file=sys.stderr,
        )
        return 1
    print(
        f"{path}: recovered the identifiers of {saved['mailboxes']} mailboxes and"
        f" {saved['messages']} messages; the damaged file is {path}.damaged"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
