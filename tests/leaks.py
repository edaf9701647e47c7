# -*- test-case-name: tests.test_leaks -*-
"""
Looks for every password and token that the tests used in everything that was logged meanwhile
(L{tests.support.leaks})::

    python -m tests.leaks DIRECTORY

Each is looked for as it is, in base64 at any place of what was encoded, and as a Python string,
JSON or a URL has it. The exit status is 0 when none was found; it is 1 as well when there is
nothing to be looked for, or nothing to look at.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, quote_plus

from tests.support.paths import ROOT

#: Octets: what is shorter is found in everything.
SHORTEST = 6

#: What the log of a test run has in any case.
EXPECTED = b"logged in with"

_PACKAGE = os.path.join(ROOT, "txjmapaccess")


def forms(secret: bytes) -> set[bytes]:
    """
    @return: how a secret may look in a log, each on one line and long enough to be looked for.
    """
    text = secret.decode("utf-8", "surrogateescape")
    found = {secret, repr(text)[1:-1].encode(), ascii(text)[1:-1].encode()}
    found |= {repr(secret)[2:-1].encode(), json.dumps(text)[1:-1].encode()}
    found |= {quote(secret, safe="").encode(), quote_plus(secret).encode()}
    found |= set(_base64(secret))
    lines = {line for form in found for line in form.splitlines()}
    return {line for line in lines if len(line) >= SHORTEST}


def _base64(secret: bytes) -> Iterator[bytes]:
    """
    @return: what base64 makes of it, whatever stands before and behind it.
    """
    for before in range(3):
        # The characters that depend on nothing else.
        start = (8 * before + 5) // 6
        end = 8 * (before + len(secret)) // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(before) + secret)[start:end]


def search(secrets: Iterable[bytes], files: list[str]) -> list[str]:
    """
    @return: where a secret was found: the file, the number of the line, and its beginning.
    """
    with tempfile.NamedTemporaryFile() as patterns:
        patterns.write(b"\n".join(sorted({form for s in secrets for form in forms(s)})))
        patterns.flush()
        found = subprocess.run(
            ["grep", "-aFnoH", "-f", patterns.name, "--", *files],
            stdout=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    if found.returncode > 1:
        raise SystemExit("grep has failed")
    return found.stdout.decode("utf-8", "backslashreplace").splitlines()


def read(directory: str) -> tuple[set[bytes], list[str]]:
    """
    @return: the secrets that were used, and the names of the files with all that was logged.
    """
    secrets: set[bytes] = set()
    files = []
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if name.startswith("secrets-"):
            with open(path) as file:
                secrets.update(bytes.fromhex(line) for line in file)
        else:
            files.append(path)
    return secrets, files


def source() -> bytes:
    """
    @return: the source of the package, but for the demonstration, whose passwords are in it.
    """
    found = []
    for directory, _, names in os.walk(_PACKAGE):
        if os.path.basename(directory) != "demo":
            paths = (os.path.join(directory, name) for name in names if name.endswith(".py"))
            found += [_contents(path) for path in paths]
    return b"".join(found)


def _contents(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def problems(directory: str, show: Callable[[str], object] = print) -> list[str]:
    """
    @param show: is told how much was looked at.

    @return: what is wrong with what was collected in a directory: where secrets were found, or why
        none could be.
    """
    secrets, files = read(directory)
    # A word of the package is in its log for other reasons.
    words = source()
    distinct = {s for s in secrets if len(s) >= SHORTEST and s not in words}
    if not distinct:
        return ["no password and no token was collected"]
    if not any(EXPECTED in _contents(path) for path in files):
        return ["no log was collected"]
    octets = sum(os.path.getsize(path) for path in files)
    show(f"{len(distinct)} of {len(secrets)} passwords and tokens, {octets} octets of logs")
    return search(distinct, files)


def main(directory: str) -> int:
    """
    @return: the exit status.
    """
    found = problems(directory)
    for problem in found[:100]:
        print(problem)
    print(f"{len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
