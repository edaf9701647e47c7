"""
Dovecot's ldap passdb, asked on the socket of its authentication server, where its login processes
ask.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from base64 import b64encode
from pathlib import Path

LDAP = """
uris = {uri}
ldap_version = 3
auth_bind = yes
{identity}
"""

_DOVECOT = """
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
auth_cache_size = 0
passdb {{
  driver = ldap
  args = {directory}/ldap.conf
}}
userdb {{
  driver = static
  args = uid=1000 gid=1000 home=/nonexistent
}}
service auth {{
  client_limit = 5000
  unix_listener auth-client {{
    mode = 0600
  }}
}}
service stats {{
  chroot =
}}
"""


def whyNoDovecot() -> str:
    """
    @return: why Dovecot cannot be measured here, or C{""}.
    """
    if shutil.which("dovecot") is None:
        return "Dovecot is not installed"
    if not list(Path("/usr/lib").glob("**/dovecot/modules/auth/libauthdb_ldap.so")):
        return "Dovecot's LDAP module is not installed"
    return "" if os.geteuid() == 0 else "Dovecot is measured only by root"


class LDAPDovecot:
    """
    A running Dovecot that asks a directory, and caches nothing.

    @param identity: further lines of dovecot-ldap.conf: how a user is found.
    """

    def __init__(self, uri: str, identity: str) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="dovecot"))
        self._directory.chmod(0o755)
        ldap = self._directory / "ldap.conf"
        ldap.write_text(LDAP.format(uri=uri, identity=identity))
        configuration = self._directory / "dovecot.conf"
        configuration.write_text(_DOVECOT.format(directory=self._directory))
        self._process = subprocess.Popen(["dovecot", "-F", "-c", configuration])
        self._socket = self._directory / "run" / "auth-client"
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket(socket.AF_UNIX) as probe:
                if self._socket.exists() and probe.connect_ex(str(self._socket)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError((self._directory / "log").read_text())

    def logins(self, users: list[tuple[str, str]], inFlight: int, seconds: float) -> int:
        """
        Log in as often as possible, in Dovecot's authentication protocol, version 1.2.

        @param users: names and right passwords, used in turn.

        @return: how many logins succeeded.
        """
        responses = [b64encode(f"\0{name}\0{secret}".encode()) for name, secret in users]
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._socket))
            connection.sendall(b"VERSION\t1\t2\nCPID\t%d\n" % os.getpid())
            greeting = b""
            while b"DONE\n" not in greeting:
                greeting += connection.recv(65536)
            return _keepAsking(connection, responses, inFlight, seconds)

    def cpu(self) -> float:
        """
        @return: seconds of CPU that it has used.
        """
        return treeCPU(self._process.pid)

    def stop(self) -> None:
        """
        End it.
        """
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._directory)


def treeCPU(root: int) -> float:
    """
    @return: seconds of CPU that a process and its descendants have used.
    """
    used: dict[int, float] = {}
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
        # With that of children that have ended.
        used[int(entry.name)] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def isBelow(pid: int) -> bool:
        return pid == root or (pid in parents and isBelow(parents[pid]))

    return sum(seconds for pid, seconds in used.items() if isBelow(pid))


def _keepAsking(
    connection: socket.socket, responses: list[bytes], inFlight: int, seconds: float
) -> int:
    sent, answered, rest = 0, 0, b""
    end = time.perf_counter() + seconds
    wanted = inFlight
    while answered < sent or wanted:
        lines = []
        for _ in range(wanted):
            sent += 1
            response = responses[sent % len(responses)]
            lines.append(b"AUTH\t%d\tPLAIN\tservice=imap\tsecured\tresp=%b\n" % (sent, response))
        connection.sendall(b"".join(lines))
        *whole, rest = (rest + connection.recv(65536)).split(b"\n")
        if not all(line.startswith(b"OK\t") for line in whole):
            raise RuntimeError("Dovecot did not accept a right password")
        answered += len(whole)
        wanted = len(whole) if time.perf_counter() < end else 0
    return answered
