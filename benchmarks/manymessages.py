"""
A large mailbox, read by one connection while another one waits for its turn: bare Twisted on
messages in memory, and our server on the embedded store, side by side in one run.

Each server is a process of its own. "Waited" is the longest time that NOOP took on another
connection meanwhile.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

SERVER = """
import sys
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.mail.imap4 import IMAP4Server
from zope.interface import implementer

from tests.support.mail import Account, Mailbox
from txjmapaccess import JMAPAccessIMAP4Server
from txjmapaccess.maildir import MaildirRealm


class Bare:
    def __init__(self, uid):
        self.uid = uid

    def getUID(self):
        return self.uid

    def getFlags(self):
        return ["\\\\Seen"]


@implementer(IRealm)
class MemoryRealm:
    account = None

    def requestAvatar(self, avatarId, mind, *interfaces):
        if self.account is None:
            self.account = Account()
            inbox = self.account.mailboxes["INBOX"]
            inbox.messages = [Bare(uid) for uid in range(1, int(sys.argv[2]) + 1)]
        return interfaces[0], self.account, lambda: None


class ServerFactory(Factory):
    noisy = False

    def buildProtocol(self, address):
        server = IMAP4Server() if sys.argv[1] == "bare" else JMAPAccessIMAP4Server()
        server.portal = portal
        server.factory = self
        return server


realm = MemoryRealm() if sys.argv[1] == "bare" else MaildirRealm(sys.argv[3], reactor)
portal = Portal(realm, [InMemoryUsernamePasswordDatabaseDontUse(arnt=b"trondheim")])
port = reactor.listenTCP(0, ServerFactory(), interface="127.0.0.1")
print(port.getHost().port, flush=True)
reactor.run()
"""

BARE = ["FETCH 1:* (UID FLAGS)"]
OURS = [
    "SELECT INBOX",
    "FETCH 1:* (UID EMAILID THREADID)",
    "FETCH 1:* (UID FLAGS)",
    "SEARCH EMAILID Mabcdefghijklmnopqrstuvwxyz",
    "STORE 1:* +FLAGS.SILENT (\\Flagged)",
    "NOOP",
]


class Session:
    """
    A connection that has logged in.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self._file.readline()
        self.seconds("LOGIN arnt trondheim")

    def seconds(self, command: str) -> float:
        """
        @return: how long a command took.
        """
        began = time.perf_counter()
        self._socket.sendall(b"a %s\r\n" % command.encode("ascii"))
        while not (line := self._file.readline()).startswith(b"a "):
            if not line:
                raise SystemExit("The server closed the connection")
        if not line.startswith(b"a OK"):
            raise SystemExit(line.decode())
        return time.perf_counter() - began


def measure(port: int, command: str) -> tuple[float, float]:
    """
    @return: how long C{command} took, and how long another connection waited at most, in seconds.
    """
    busy, other = Session(port), Session(port)
    busy.seconds("SELECT INBOX")
    waited: list[float] = []
    isOver = threading.Event()

    def wait() -> None:
        while not isOver.is_set():
            waited.append(other.seconds("NOOP"))
            time.sleep(0.001)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)
    waited.clear()
    taken = busy.seconds(command)
    isOver.set()
    thread.join()
    return taken, max(waited, default=0.0)


def compare(kind: str, commands: list[str], messages: int, rounds: int, path: str) -> None:
    """
    Measure every command and print the best round.
    """
    program = [sys.executable, "-c", SERVER, kind, str(messages), path]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            for command in commands:
                taken, waited = min(measure(port, command) for _ in range(rounds))
                each = taken / messages * 1e6
                print(f"{kind:8}{command:44}{taken:7.3f} s{each:8.1f} us{waited * 1e3:8.1f} ms")
        finally:
            process.kill()


def fill(inbox: str, messages: int) -> None:
    """
    Deliver messages of 2 KB to a Maildir.
    """
    for sub in ("new", "tmp", "cur"):
        os.makedirs(os.path.join(inbox, sub))
    for n in range(messages):
        name = f"{1600000000 + n}.M{n}P1.host:2,S"
        with open(os.path.join(inbox, "cur", name), "wb") as file:
            file.write(b"Message-ID: <%d@x>\nReferences: <%d@x>\nSubject: s\n\n" % (n, n // 5))
            file.write(b"x" * 2000)


def options(parser: argparse.ArgumentParser) -> None:
    """
    The command line.
    """
    parser.add_argument("--messages", type=int, default=20000)
    parser.add_argument("--rounds", type=int, default=3)


def run(arguments: argparse.Namespace) -> None:
    """
    Measure and print.
    """
    directory = tempfile.mkdtemp()
    try:
        path = os.path.join(directory, "accounts")
        fill(os.path.join(path, "arnt"), arguments.messages)
        print(f"{'':8}{arguments.messages} messages{'':31}   taken     each   waited")
        compare("bare", BARE, arguments.messages, arguments.rounds, path)
        compare("maildir", OURS, arguments.messages, arguments.rounds, path)
    finally:
        shutil.rmtree(directory)
