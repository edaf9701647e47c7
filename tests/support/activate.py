"""
Starts a program as systemd starts a service with socket activation (sd_listen_fds(3))::

    python activate.py NAME:NAME... ADDRESS... -- COMMAND...

An address is C{HOST,PORT}. The sockets are those of the program from descriptor 3 on.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys

_FIRST = 3


def listen(address: str) -> int:
    """
    @return: the descriptor of a listening socket, far above those that are to be replaced.
    """
    host, _, port = address.partition(",")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, int(port)))
        made.listen()
        return fcntl.fcntl(made.fileno(), fcntl.F_DUPFD, 100)


def main(names: str, *arguments: str) -> None:
    """
    Become the program.
    """
    end = arguments.index("--")
    descriptors = [listen(address) for address in arguments[:end]]
    for number, descriptor in enumerate(descriptors, _FIRST):
        os.dup2(descriptor, number, inheritable=True)
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(descriptors))
    os.environ["LISTEN_FDNAMES"] = names
    command = arguments[end + 1 :]
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
