"""
Whole sessions (connect, greeting, LOGIN, LOGOUT) with passwords in memory: bare Twisted, and the
same with the mixin and its log line, in turn in one run.

::

    python -m benchmarks.door [--seconds 3] [--rounds 3]
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys

from benchmarks.load import run

SERVER = """
import sys
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.logger import FileLogObserver, globalLogBeginner
from twisted.mail.imap4 import IAccount, IMAP4Server, MemoryAccount
from zope.interface import implementer

from txjmapaccess import extendFactory
from txjmapaccess.checkers import chain
from txjmapaccess.interfaces import IObjectIDAccount
from txjmapaccess.policy import EvidencePolicy
from txjmapaccess.twistd.logs import textLine


@implementer(IObjectIDAccount)
class Account(MemoryAccount):
    pass


@implementer(IRealm)
class Realm:
    def requestAvatar(self, avatarId, mind, *interfaces):
        return IAccount, Account(avatarId), lambda: None


class BareFactory(Factory):
    noisy = False
    def buildProtocol(self, address):
        server = IMAP4Server()
        server.portal = portal
        return server


globalLogBeginner.beginLoggingTo(
    [FileLogObserver(open(sys.argv[2], "w"), textLine)], redirectStandardIO=False
)
checkers = [InMemoryUsernamePasswordDatabaseDontUse(arnt=b"trondheim")]
factory = BareFactory()
if sys.argv[1] == "mixin":
    portal = Portal(Realm(), chain(checkers))
    extendFactory(factory, EvidencePolicy("https://mail.example.com/.well-known/jmap"))
else:
    portal = Portal(Realm(), checkers)
port = reactor.listenTCP(0, factory, backlog=1024, interface="127.0.0.1")
print(port.getHost().port, flush=True)
reactor.run()
"""


def cpuSeconds(pid: int) -> float:
    """
    @return: the CPU time of a process so far.
    """
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(kind: str, seconds: float) -> tuple[float, float]:
    """
    @return: sessions a second, and CPU time of the server for each in microseconds.
    """
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, kind, os.devnull], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        address = ("127.0.0.1", int(server.stdout.readline()))
        steps = [b"LOGIN arnt trondheim", b"LOGOUT"]
        run(address, steps, 16, 0.5)
        before = cpuSeconds(server.pid)
        done, _ = run(address, steps, 16, seconds)
        return done / seconds, (cpuSeconds(server.pid) - before) / done * 1e6
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()
        server.stdout and server.stdout.close()


def main() -> None:
    """
    Measure in turn, and print a table.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    results: dict[str, list[tuple[float, float]]] = {"bare": [], "mixin": []}
    for _ in range(options.rounds):
        for kind, measured in results.items():
            measured.append(measure(kind, options.seconds))
    print("server   sessions/s   CPU us/session")
    for kind, measured in results.items():
        rate, cpu = (statistics.median(column) for column in zip(*measured, strict=True))
        print(f"{kind:8} {rate:10.0f} {cpu:16.0f}")
    pairs = list(zip(results["bare"], results["mixin"], strict=True))
    rate = statistics.median(mixin[0] / bare[0] for bare, mixin in pairs)
    cpu = statistics.median(bare[1] / mixin[1] for bare, mixin in pairs)
    print(f"mixin / bare: {rate:.2f} (by CPU {cpu:.2f})")


if __name__ == "__main__":
    main()
