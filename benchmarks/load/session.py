# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
One client of a load: it connects, then sends each command when the one before it is answered.
"""

from __future__ import annotations

import errno
import functools
import select
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass

READABLE = select.EPOLLIN
WRITABLE = select.EPOLLOUT


@dataclass(frozen=True)
class Target:
    """
    Where a server is.

    @ivar tls: whether TLS begins with the connection.
    """

    port: int
    tls: bool = False
    host: str = "127.0.0.1"


@dataclass(frozen=True)
class Script:
    """
    The commands of a client, without tags and line ends.

    @ivar logins: commands that log in; sessions use them in turn.
    @ivar commands: what comes after the login.
    @ivar ends: whether LOGOUT comes at the end; else the connection stays open, idle.
    """

    logins: tuple[bytes, ...]
    commands: tuple[bytes, ...] = ()
    ends: bool = True

    def lines(self) -> list[list[bytes]]:
        """
        @return: for each login, the lines of a session. Command N has the tag N.
        """
        rest = [*self.commands, b"LOGOUT"] if self.ends else list(self.commands)
        return [
            [b"%d %b\r\n" % (n, command) for n, command in enumerate([login, *rest])]
            for login in self.logins
        ]


class SessionFailed(Exception):
    """
    A session failed. The text is a short reason, the same for all failures of its kind.
    """


@functools.lru_cache(maxsize=1)
def clientContext() -> ssl.SSLContext:
    """
    @return: a context for clients that believe every certificate. No session is resumed: each
        handshake is a whole one.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def answer(data: bytes, tag: bytes) -> bytes | None:
    """
    @param data: what came since the last command.
    @param tag: that of the command, or C{*} for the greeting.

    @return: the line, when all has come; else L{None}. Nobody pipelines here, so that it is the
        last one.
    """
    if not data.endswith(b"\r\n"):
        return None
    last = data[:-2].rpartition(b"\r\n")[2]
    return last if last.startswith(tag + b" ") else None


class Session:
    """
    One client, driven by what epoll says about its socket.

    @param lines: see L{Script.lines}.
    @param ends: see L{Script}.

    @ivar wants: the events that it waits for.
    @ivar isOver: whether nothing more is to come: the server has closed the connection after
        LOGOUT, or, without LOGOUT, all is answered.
    @ivar loggedIn: how long connecting and logging in took, in seconds; 0 before.
    """

    __slots__ = (
        "_buffer",
        "_ends",
        "_lines",
        "_step",
        "_tls",
        "isOver",
        "loggedIn",
        "socket",
        "started",
        "wants",
    )

    def __init__(self, target: Target, lines: Sequence[bytes], ends: bool) -> None:
        self._lines = lines
        self._ends = ends
        self._buffer = b""
        self._step = 0
        self._tls = target.tls
        self.isOver = False
        self.loggedIn = 0.0
        self.wants = WRITABLE if target.tls else READABLE
        self.started = time.perf_counter()
        self.socket: socket.socket = socket.socket()
        self.socket.setblocking(False)
        failure = self.socket.connect_ex((target.host, target.port))
        if failure not in (0, errno.EINPROGRESS):
            raise SessionFailed(errno.errorcode[failure])

    def proceed(self) -> None:
        """
        Something has happened to the socket.

        @raise SessionFailed: when that is the end.
        """
        try:
            if self._tls:
                self._shakeHands()
            else:
                self._read()
        except (ssl.SSLWantReadError, BlockingIOError):
            self.wants = READABLE
        except ssl.SSLWantWriteError:
            self.wants = WRITABLE
        except OSError as e:
            raise SessionFailed(errno.errorcode.get(e.errno or 0, type(e).__name__)) from None

    def _shakeHands(self) -> None:
        if not isinstance(self.socket, ssl.SSLSocket):
            self.socket = clientContext().wrap_socket(self.socket, do_handshake_on_connect=False)
        self.socket.do_handshake()
        self._tls = False
        self.wants = READABLE
        self._read()

    def _read(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            self._closed()
            return
        self._buffer += data
        step = self._step
        line = answer(self._buffer, b"%d" % (step - 1) if step else b"*")
        if line is None:
            return
        if line.split(b" ", 2)[1] != b"OK":
            raise SessionFailed(line.split(b" ", 2)[1].decode("ascii", "replace"))
        self._answered()

    def _answered(self) -> None:
        if self._step == 1:
            self.loggedIn = time.perf_counter() - self.started
        if self._step < len(self._lines):
            self._buffer = b""
            self.socket.send(self._lines[self._step])
            self._step += 1
        elif not self._ends:
            self.isOver = True

    def _closed(self) -> None:
        # The buffer still holds the answer to LOGOUT.
        if self._step < len(self._lines) or answer(self._buffer, b"%d" % (self._step - 1)) is None:
            raise SessionFailed("closed")
        self.isOver = True
