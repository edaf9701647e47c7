"""
Dovecot's oauth2 passdb, asked on the socket of its authentication server, where its login
processes ask.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from base64 import b64encode
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.protocols.basic import LineReceiver

from benchmarks.ldap_dovecot import treeCPU
from tests.support_oidc import POST_CLIENT_ID, POST_CLIENT_SECRET, OIDCProvider

_OAUTH2 = """
introspection_mode = post
introspection_url = {endpoint}
client_id = {client}
client_secret = {secret}
username_attribute = username
active_attribute = active
active_value = true
max_parallel_connections = 64
"""

_DOVECOT = """
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = oauthbearer
auth_cache_size = 0
passdb {{
  driver = oauth2
  mechanisms = oauthbearer
  args = {directory}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid=1000 gid=1000 home=/nonexistent
}}
service auth {{
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
    return "" if os.geteuid() == 0 else "Dovecot is measured only by root"


class Dovecot:
    """
    A running Dovecot that introspects, and caches nothing.
    """

    def __init__(self, provider: OIDCProvider) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="dovecot"))
        self._directory.chmod(0o755)
        values = {
            "directory": self._directory,
            "endpoint": provider.endpoint,
            "client": POST_CLIENT_ID,
            "secret": POST_CLIENT_SECRET,
        }
        (self._directory / "oauth2.conf").write_text(_OAUTH2.format(**values))
        configuration = self._directory / "dovecot.conf"
        configuration.write_text(_DOVECOT.format(**values))
        self._process = subprocess.Popen(["dovecot", "-F", "-c", configuration])
        self._socket = self._directory / "run" / "auth-client"
        deadline = time.monotonic() + 10
        while not self._socket.exists():
            if time.monotonic() > deadline:
                raise RuntimeError((self._directory / "log").read_text())
            time.sleep(0.05)

    async def connect(self) -> AuthClient:
        """
        @return: a connection to its authentication server.
        """
        endpoint = UNIXClientEndpoint(reactor, str(self._socket))
        client: AuthClient = await connectProtocol(endpoint, AuthClient())
        await client.ready
        return client

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


class AuthClient(LineReceiver):
    """
    Dovecot's authentication protocol, version 1.2, as a login process speaks it.
    """

    delimiter = b"\n"
    MAX_LENGTH = 65_536

    def __init__(self) -> None:
        self.ready: Deferred[None] = Deferred()
        self._waiting: dict[int, Deferred[str]] = {}
        self._count = 0

    def connectionMade(self) -> None:
        self.sendLine(b"VERSION\t1\t2")
        self.sendLine(b"CPID\t%d" % os.getpid())

    def check(self, token: str, user: str = "arnt") -> Deferred[str]:
        """
        @param user: whose token it is; Dovecot wants to be told.

        @return: a Deferred of the user's name.
        """
        self._count += 1
        response = b64encode(f"n,a={user},\1auth=Bearer {token}\1\1".encode())
        request = b"AUTH\t%d\tOAUTHBEARER\tservice=imap\tsecured\tresp=" % self._count
        self.sendLine(request + response)
        answer = self._waiting[self._count] = Deferred()
        return answer

    def lineReceived(self, line: bytes) -> None:
        command, *fields = line.split(b"\t")
        if command == b"DONE":
            self.ready.callback(None)
        elif command in (b"OK", b"FAIL", b"CONT"):
            self._answered(command, fields)

    def _answered(self, command: bytes, fields: list[bytes]) -> None:
        waiting = self._waiting.pop(int(fields[0]))
        if command == b"OK" and fields[1].startswith(b"user="):
            waiting.callback(fields[1][5:].decode())
        else:
            waiting.errback(RuntimeError("Dovecot did not accept a good token"))
