"""
How long FETCH of identifiers takes, beside bare Twisted's FETCH of flags, in one run.

For each case: seconds, microseconds for each message, and the longest time for which no other
connection had its turn (processor time of this process, in milliseconds).
"""

from __future__ import annotations

import argparse
import io
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.internet.threads import deferToThread
from twisted.mail.imap4 import IAccount, IMAP4Server, MemoryAccount, statusRequestHelper
from twisted.mail.interfaces import IMailboxIMAP, IMessageIMAP, IMessageIMAPFile
from zope.interface import implementer

from txjmapaccess import JMAPAccessIMAP4Server
from txjmapaccess.maildir import MaildirRealm
from txjmapaccess.objectid import ObjectIDIndex

SELECT = b"SELECT INBOX"
FLAGS = b"FETCH 1:* (UID FLAGS)"
EMAIL = b"SEARCH EMAILID M1"
IDENTIFIERS = b"FETCH 1:* (UID EMAILID THREADID)"


def octets(n: int) -> bytes:
    """
    @return: a message.
    """
    return b"Message-ID: <%d@example.com>\r\nSubject: %d\r\n\r\nHello\r\n" % (n, n)


@implementer(IMessageIMAP, IMessageIMAPFile)
class Message:  # type: ignore[misc]  # no more than FETCH asks for
    """
    A message in memory.
    """

    __slots__ = ("__weakref__", "uid")

    def __init__(self, uid: int) -> None:
        self.uid = uid

    def getUID(self) -> int:
        return self.uid

    def getFlags(self) -> list[str]:
        return ["\\Seen"]

    def getInternalDate(self) -> bytes:
        return b"Tue, 03 Mar 2020 11:00:00 +0000"

    def getHeaders(self, negate: bool, *names: str) -> dict[str, str]:
        return {"message-id": f"<{self.uid}@example.com>"}

    def open(self) -> io.BytesIO:
        return io.BytesIO(octets(self.uid))


@implementer(IMailboxIMAP)
class Mailbox:  # type: ignore[misc]  # the same
    """
    A mailbox in memory.
    """

    def __init__(self, count: int) -> None:
        self.messages = [Message(uid) for uid in range(1, count + 1)]

    def getFlags(self) -> list[str]:
        return ["\\Seen"]

    def getUIDValidity(self) -> int:
        return 1

    def getUIDNext(self) -> int:
        return len(self.messages) + 1

    def getUID(self, message: int) -> int:
        return message

    def getMessageCount(self) -> int:
        return len(self.messages)

    def getRecentCount(self) -> int:
        return 0

    def isWriteable(self) -> bool:
        return True

    def addListener(self, listener: Any) -> None:
        pass

    removeListener = addListener

    def requestStatus(self, names: Any) -> Any:
        return statusRequestHelper(self, names)

    def fetch(self, messages: Any, uid: Any) -> Iterator[tuple[int, Message]]:
        # UIDs are sequence numbers here.
        messages.last = len(self.messages)
        for first, last in messages.ranges:
            yield from enumerate(self.messages[first - 1 : last], first)


@implementer(IRealm)
class MemoryRealm:
    """
    One account for everybody.
    """

    def __init__(self, count: int) -> None:
        self.account = MemoryAccount("arnt")
        self.account.addMailbox("INBOX", Mailbox(count))

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        return IAccount, self.account, lambda: None


class Latency:
    """
    Notes how long the reactor was held.
    """

    def __init__(self) -> None:
        self.restart()
        self._tick()

    def restart(self) -> None:
        """
        Forget what was.
        """
        self.longest = 0.0
        self._last = time.process_time()

    def _tick(self) -> None:
        now = time.process_time()
        self.longest = max(self.longest, now - self._last)
        self._last = now
        self._call = reactor.callLater(0.001, self._tick)

    def stop(self) -> None:
        self._call.cancel()


def talk(port: int, command: bytes, latency: Latency) -> float:
    """
    @return: how long C{command} took, in seconds.
    """
    before = [b"", b"a LOGIN arnt trondheim\r\n", b"a SELECT INBOX\r\n"]
    with socket.create_connection(("127.0.0.1", port)) as client:
        for line in before[:2] if command == SELECT else before:
            client.sendall(line)
            _read(client, b"a OK " if line else b"* OK")
        reactor.callFromThread(latency.restart)
        started = time.perf_counter()
        client.sendall(b"a " + command + b"\r\n")
        _read(client, b"\r\na OK ")
        return time.perf_counter() - started


def _read(client: socket.socket, ending: bytes) -> None:
    tail = b""
    while ending not in tail:
        tail = tail[-100:] + client.recv(1 << 20)


async def measure(name: str, build: Callable[[], Any], command: bytes, count: int) -> None:
    """
    Run one case, and print it.
    """
    factory: Any = Factory.forProtocol(build)
    listening: Any = reactor.listenTCP(0, factory, interface="127.0.0.1")
    latency = Latency()
    seconds = await deferToThread(talk, listening.getHost().port, command, latency)
    latency.stop()
    await listening.stopListening()
    each, held = seconds / count * 1e6, latency.longest * 1e3
    print(f"{name:<44} {seconds:8.3f} s {each:8.1f} us {held:8.1f} ms")


def server(kind: Callable[[], Any], realm: Any, **attributes: Any) -> Callable[[], Any]:
    """
    @return: a function that builds a connection.
    """
    checker = InMemoryUsernamePasswordDatabaseDontUse(arnt=b"trondheim")

    def build() -> Any:
        connection = kind()
        connection.portal = Portal(realm, [checker])
        for name, value in attributes.items():
            setattr(connection, name, value)
        return connection

    return build


async def work(directory: str, count: int) -> None:
    """
    Run all cases.
    """
    memory = MemoryRealm(count)
    maildir = Path(directory, "accounts", "arnt")
    for sub in ("cur", "new", "tmp"):
        (maildir / sub).mkdir(parents=True)
    for n in range(count):
        (maildir / "cur" / f"1583233200.M{n}.host:2,S").write_bytes(octets(n))
    embedded = MaildirRealm(str(maildir.parent))
    index = ObjectIDIndex(Path(directory, "objectids"))
    ours = server(JMAPAccessIMAP4Server, embedded, requireTLS=False)
    indexed = server(JMAPAccessIMAP4Server, memory, requireTLS=False, objectIDs=index)
    await measure("bare Twisted, in memory: flags", server(IMAP4Server, memory), FLAGS, count)
    await measure("embedded store: SELECT, first time", ours, SELECT, count)
    await measure("embedded store: identifiers", ours, IDENTIFIERS, count)
    await measure("embedded store: SEARCH EMAILID", ours, EMAIL, count)
    await measure("embedded store: SEARCH THREADID", ours, b"SEARCH THREADID T1", count)
    await measure("ObjectIDIndex: identifiers, first time", indexed, IDENTIFIERS, count)
    await measure("ObjectIDIndex: identifiers, again", indexed, IDENTIFIERS, count)
    await measure("ObjectIDIndex: SEARCH EMAILID, first time", indexed, EMAIL, count)
    await measure("ObjectIDIndex: SEARCH EMAILID, again", indexed, EMAIL, count)
    await measure("ObjectIDIndex: SEARCH THREADID", indexed, b"SEARCH THREADID T1", count)


def options(parser: argparse.ArgumentParser) -> None:
    """
    The command line.
    """
    parser.add_argument("--messages", type=int, default=20000)


def run(arguments: argparse.Namespace) -> None:
    """
    Measure and print.
    """
    with tempfile.TemporaryDirectory() as directory:
        react(lambda _: Deferred.fromCoroutine(work(directory, arguments.messages)))
