"""
A load generator that costs little: whole IMAP sessions over plain sockets and epoll.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence


class _Session:
    """
    One client: connect, then each step when the answer to the one before has come.
    """

    __slots__ = ("buffer", "socket", "started", "step")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(address)
        self.buffer = b""
        self.step = 0
        self.started = time.perf_counter()


def run(
    address: tuple[str, int], steps: Sequence[bytes], atOnce: int, seconds: float
) -> tuple[int, list[float]]:
    """
    Run sessions until the time is over.

    @param steps: commands, without line ends; step N has the tag C{%d} of N in it. The first is
        sent when the greeting has come, and the last one is LOGOUT.
    @param atOnce: how many sessions run at one time.
    @param seconds: for how long to start new ones.

    @return: how many sessions came to their end, and how long each took, in seconds.
    """
    commands = [b"%d %b\r\n" % (n, step) for n, step in enumerate(steps)]
    endings = [b"* OK"] + [b"\r\n%d " % n for n in range(len(steps))]
    poll = select.epoll()
    sessions: dict[int, _Session] = {}
    durations: list[float] = []
    end = time.perf_counter() + seconds

    def start() -> None:
        session = _Session(address)
        sessions[session.socket.fileno()] = session
        poll.register(session.socket.fileno(), select.EPOLLIN)

    for _ in range(atOnce):
        start()
    while sessions:
        events = poll.poll(5)
        if not events:
            raise TimeoutError("the server is silent")
        for number, _ in events:
            session = sessions[number]
            data = session.socket.recv(65536)
            session.buffer += data
            if data and endings[session.step] in b"\r\n" + session.buffer:
                if session.step < len(commands):
                    session.socket.send(commands[session.step])
                    session.step += 1
                    session.buffer = b""
                continue
            if data:
                continue
            if session.step == len(commands):
                durations.append(time.perf_counter() - session.started)
            poll.unregister(number)
            session.socket.close()
            del sessions[number]
            if time.perf_counter() < end:
                start()
    return len(durations), durations
