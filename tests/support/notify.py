"""
What systemd would hear: the other end of C{NOTIFY_SOCKET}.
"""

from __future__ import annotations

import os
import socket

from tests.support.twistd import waitUntil


class Listener:
    """
    @param address: a path, or C{@} and a name in Linux's abstract namespace.

    @ivar address: the same.
    @ivar heard: the datagrams so far, as lines.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.heard: list[list[str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1) if address[0] == "@" else address)
        self._socket.setblocking(False)

    def listen(self) -> list[list[str]]:
        """
        @return: all datagrams so far.
        """
        try:
            while True:
                self.heard.append(self._socket.recv(4096).decode("utf-8").split("\n"))
        except BlockingIOError:
            return self.heard

    def waitFor(self, line: str, times: int = 1) -> None:
        """
        Wait until C{line} was heard so often.
        """
        waitUntil(lambda: sum(line in lines for lines in self.listen()) >= times)

    def close(self) -> None:
        """
        Hear no more.
        """
        self._socket.close()


def abstractAddress() -> str:
    """
    @return: an address that nobody else uses.
    """
    return f"@txjmapaccess-test-{os.getpid()}-{os.urandom(4).hex()}"
