"""
IMAP sessions of a real client's kind, line by line, over sockets that wait.
"""

from __future__ import annotations

import contextlib
import socket
import ssl


class Session:
    """
    @param port: of C{host}.
    @param context: for implicit TLS; L{None} for a connection in clear.
    @param source: the client's own address.
    @param header: octets to send before anything else.
    @param timeout: seconds for each step.

    @ivar greeting: the first line.
    """

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext | None = None,
        *,
        host: str = "127.0.0.1",
        source: str | None = None,
        header: bytes = b"",
        timeout: float = 60,
    ) -> None:
        origin = None if source is None else (source, 0)
        self._socket = socket.create_connection((host, port), timeout, origin)
        try:
            self._socket.sendall(header)
            if context is not None:
                self._socket = context.wrap_socket(self._socket, server_hostname="localhost")
            self._file = self._socket.makefile("rb")
            self.greeting = self.line()
        except BaseException:
            self._socket.close()
            raise

    def send(self, line: bytes) -> None:
        """
        Send a line.
        """
        self.sendRaw(line + b"\r\n")

    def sendRaw(self, data: bytes) -> None:
        """
        Send octets as they are.
        """
        self._socket.sendall(data)

    def line(self) -> bytes:
        """
        @return: the next line, without its end; empty when there is none any more.
        """
        return self._file.readline().rstrip(b"\r\n")

    def ask(self, command: bytes) -> list[bytes]:
        """
        Send a command with the tag C{t}.

        @return: all lines up to its tagged response.

        @raise ConnectionError: when the connection ended before that.
        """
        self.send(b"t " + command)
        lines = []
        while not (lines and lines[-1].startswith(b"t ")):
            lines.append(self.line())
            if not lines[-1]:
                raise ConnectionResetError("the connection was closed")
        return lines

    def command(self, command: bytes) -> list[bytes]:
        """
        L{ask}, and it must be OK.
        """
        lines = self.ask(command)
        assert lines[-1].startswith(b"t OK"), lines
        return lines

    def rest(self) -> list[bytes]:
        """
        @return: all lines up to the end of the connection.
        """
        lines = []
        with contextlib.suppress(ConnectionResetError):
            while line := self.line():
                lines.append(line)
        return lines

    def close(self) -> None:
        """
        Hang up.
        """
        self._file.close()
        self._socket.close()
