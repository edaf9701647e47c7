"""
Random streams of commands for as long as is wanted: those of L{tests.imap.test_streams}, against an
account in memory and against the Maildir store::

    python -m tests.fuzz.door --minutes 10 --save DIRECTORY

What fails is made smaller by hypothesis, printed, and saved: a file for each kind of failure, with
the octets of the stream, where they were cut, and what went wrong. The exit status is 1 then.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
import os
import re
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any
from unittest import TestResult

from twisted.logger import globalLogBeginner

#: Streams in one go; what goes wrong is seen at its end.
_STREAMS = 200
os.environ["TXJMAPACCESS_EXAMPLES"] = str(_STREAMS)

from tests.imap.test_streams import StreamTests  # noqa: E402
from tests.support.maildir import Here, mail  # noqa: E402
from txjmapaccess.maildir.realm import MaildirRealm  # noqa: E402

_MEMORY = "/dev/shm"
_TESTS = sorted(name for name in dir(StreamTests) if name.startswith("test_"))
#: Those in which somebody logs in.
_WITH_STORE = ["test_afterLogin", "test_conversations", "test_mutatedAfterLogin"]


class MemoryStreams(StreamTests):
    """
    The tests as they are, with an account in memory.

    @ivar streams: how many were tried.
    @ivar last: the last one: its octets, and where it was cut. When a test has failed, it is the
        smallest that fails.
    """

    streams = 0
    last: tuple[bytes, list[int]] = (b"", [])

    def feed(self, connection: Any, data: bytes, cuts: list[int]) -> list[bytes]:
        """
        Remember the stream.
        """
        self.streams += 1
        self.last = (data, cuts)
        answer: list[bytes] = super().feed(connection, data, cuts)
        return answer


class MaildirStreams(MemoryStreams):
    """
    The same with the Maildir store, without its threads. Every stream has an account of its own.
    """

    def realm(self, slow: bool) -> MaildirRealm:
        """
        @return: a realm in which arnt has two messages.
        """
        path = os.path.join(self.directory(), str(self.streams))
        new = os.path.join(path, "arnt", "new")
        for name in ("new", "cur", "tmp"):
            os.makedirs(os.path.join(path, "arnt", name))
        for number in (1, 2):
            with open(os.path.join(new, f"{number}.1.localhost"), "wb") as file:
                file.write(mail(number))
        return MaildirRealm(path, Here(), Here())

    def directory(self) -> str:
        """
        @return: a directory that goes away with the test.
        """
        if self._directory is None:
            parent = _MEMORY if os.path.isdir(_MEMORY) else None
            self._directory = tempfile.mkdtemp(prefix="txjmapaccess-fuzz-", dir=parent)
            self.addCleanup(shutil.rmtree, self._directory)
        return self._directory

    _directory: str | None = None


def cases() -> Iterator[MemoryStreams]:
    """
    @return: test cases without end, each in turn.
    """
    memory = [(MemoryStreams, name) for name in _TESTS]
    maildir = [(MaildirStreams, name) for name in _WITH_STORE]
    for kind, name in itertools.cycle(memory + maildir):
        yield kind(name)


class Findings(TestResult):
    """
    What went wrong, each kind once.

    @ivar kinds: how often each kind was seen.
    """

    def __init__(self, directory: str) -> None:
        super().__init__()
        self._directory = directory
        self.kinds: collections.Counter[str] = collections.Counter()

    def addError(self, test: Any, failure: Any) -> None:
        """
        A test has failed.
        """
        error = failure[1] if isinstance(failure, tuple) else failure.value
        kind = f"{type(test).__name__}.{test._testMethodName}: {_where(error)}"
        self.kinds[kind] += 1
        if self.kinds[kind] == 1:
            self._save(kind, test, error)

    addFailure = addError

    def _save(self, kind: str, test: MemoryStreams, error: BaseException) -> None:
        data, cuts = test.last
        print(f"\n{kind}\n  {str(error)[:2000]}\n  stream: {data!r}\n  cut at: {cuts}", flush=True)
        os.makedirs(self._directory, exist_ok=True)
        path = os.path.join(self._directory, f"{len(self.kinds)}.json")
        found = {
            "kind": kind,
            "error": str(error),
            "example": getattr(error, "__notes__", []),
            "stream": data.decode("latin-1"),
            "cuts": cuts,
        }
        with open(path, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
        print(f"  saved in {path}", flush=True)


def _where(error: BaseException) -> str:
    """
    @return: what kind of error, with what does not differ from one stream to the next.
    """
    text = str(error)
    # What was logged as unhandled says more than that the list of it is not empty.
    logged = re.search(r"Failure ([\w.]+: .{0,80})", text)
    return f"{type(error).__name__}: {logged[1] if logged else text.partition(chr(10))[0][:16]}"


def _memory() -> float:
    """
    @return: what this process has in memory, in MiB.
    """
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def fuzz(minutes: float, directory: str) -> int:
    """
    Run for so long.

    @return: how many kinds of failure there were.
    """
    findings = Findings(directory)
    streams: collections.Counter[str] = collections.Counter()
    memory = None
    end = time.monotonic() + minutes * 60
    for case in cases():
        if time.monotonic() > end:
            break
        case.run(findings)
        streams[f"{type(case).__name__}.{case._testMethodName}"] += case.streams
        if memory is None and len(streams) == len(_TESTS) + len(_WITH_STORE):
            memory = _memory()
    for name, number in sorted(streams.items()):
        print(f"{number:8} {name}")
    print(f"{streams.total():8} streams in {minutes:g} minutes")
    if memory is not None:
        print(f"memory: {memory:.0f} MiB after the first round, {_memory():.0f} MiB at the end")
    for kind, number in findings.kinds.most_common():
        print(f"found {number} times: {kind}")
    print(f"{len(findings.kinds)} kinds of failure")
    return len(findings.kinds)


def main() -> None:
    """
    The command line.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.door", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--save", default="fuzz-findings", help="directory for failing streams")
    arguments = parser.parse_args()
    # Twisted keeps everything until somebody listens. What the tests look for, they see.
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
    sys.exit(1 if fuzz(arguments.minutes, arguments.save) else 0)


if __name__ == "__main__":
    main()
