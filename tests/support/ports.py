# -*- test-case-name: tests.integration.test_ports -*-
"""
Ports of 127.0.0.1 for servers that must be told theirs, so that test processes that run at the same
time do not get in each other's way.
"""

from __future__ import annotations

import fcntl
import functools
import itertools
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

#: Below the ports that systems give to whoever asks for any: nobody gets one of ours by chance.
FIRST, LAST = 20000, 32000

#: How many a process has to itself.
BLOCK = 100


def freePort() -> int:
    """
    @return: a port on which nobody listens, and which no other process of tests gets. It may come
        again after C{BLOCK - 1} others.
    """
    return next(port for port in _ports() if _isFree(port))


@functools.cache
def _ports() -> Iterator[int]:
    """
    @return: the ports of this process, again and again.
    """
    _, first = _claim()
    return itertools.cycle(range(first + 1, first + BLOCK))


@functools.cache
def _claim() -> tuple[socket.socket, int]:
    """
    Take a block of ports for as long as this process lives: whoever has it has bound the first of
    its ports for UDP, which nothing else uses here.

    @return: what holds the block, and its first port.
    """
    blocks = list(range(FIRST, LAST, BLOCK))
    # Whoever looks in the same order meets everybody else.
    random.SystemRandom().shuffle(blocks)
    for first in blocks:
        holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            holder.bind(("127.0.0.1", first))
        except OSError:
            holder.close()
        else:
            return holder, first
    raise RuntimeError("there are no ports left for tests")


def _isFree(port: int) -> bool:
    with socket.socket() as probe:
        # A server does so too: connections that have just ended do not hinder it.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def demoPorts() -> Iterator[None]:
    """
    The ports that the demonstration has when nobody says otherwise are for one test at a time, on
    the whole machine. Waits while another has them.
    """
    path = os.path.join(tempfile.gettempdir(), f"txjmapaccess-demo-ports-{os.getuid()}")
    with open(path, "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
