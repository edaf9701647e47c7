# -*- test-case-name: tests.integration.test_benchmarks -*-
"""
Dovecot 2.3 in a temporary directory, as installed and tuned: whole, or its authentication server
alone, which is asked where its login processes ask.

Debian's dovecot-imapd does not go together with other IMAP servers. It need not be installed:
dovecot-core is enough, and the variable C{TXJMAPACCESS_DOVECOT} with the directory that holds the
programs C{imap} and C{imap-login}::

    apt-get download dovecot-imapd && dpkg-deb -x dovecot-imapd_*.deb here
    export TXJMAPACCESS_DOVECOT=$PWD/here/usr/lib/dovecot
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers.people import TEMPLATE
from benchmarks.servers.process import Server, treeCPU
from tests.support.oidc import POST_CLIENT_ID, POST_CLIENT_SECRET, OIDCProvider
from tests.support.slapd import SUFFIX, freePort
from tests.support.twistd import listens

_NOBODY = 65534

_COMMON = """
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
listen = 127.0.0.1
disable_plaintext_auth = no
auth_mechanisms = {mechanism}
auth_cache_size = 0
mail_location = maildir:{directory}/mail
mail_max_userip_connections = 0
first_valid_uid = 1
passdb {{
  driver = {driver}
  mechanisms = {mechanism}
  args = {directory}/passdb.conf
}}
userdb {{
  driver = static
  args = uid={nobody} gid={nobody} home={directory}/mail
}}
service stats {{
  chroot =
}}
"""

_AUTHENTICATION = """
protocols =
ssl = no
service auth {{
  client_limit = 5000
  unix_listener auth-client {{
    mode = 0600
  }}
}}
"""

_IMAP = """
protocols = imap
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{certificate}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tlsPort}
  }}
}}
{executables}
"""

#: Of the package dovecot-imapd; the master process looks for all of them.
_PROGRAMS = (
    "imap",
    "imap-login",
    "imap-hibernate",
    "imap-urlauth",
    "imap-urlauth-login",
    "imap-urlauth-worker",
)

#: Processes that stay and serve one session after the other.
_TUNED = """
service imap-login {
  service_count = 0
  process_min_avail = 2
  client_limit = 2000
}
service imap {
  service_count = 0
  process_min_avail = 2
  process_limit = 1000
}
service auth {
  client_limit = 5000
}
"""


@dataclass(frozen=True)
class Passdb:
    """
    A back end: its driver, the mechanism that it is for, and the file that says how to ask it.
    """

    driver: str
    mechanism: str
    arguments: str


def byTemplate(uri: str) -> Passdb:
    """
    @param uri: the directory.

    @return: binding as the user at once.
    """
    identity = f"auth_bind_userdn = {TEMPLATE.replace('{user}', '%u')}"
    return _ldap(uri, identity)


def bySearch(uri: str) -> Passdb:
    """
    @param uri: the directory.

    @return: finding the entry first.
    """
    return _ldap(uri, "pass_filter = (uid=%u)\npass_attrs = uid=user")


def _ldap(uri: str, identity: str) -> Passdb:
    lines = [f"uris = {uri}", "ldap_version = 3", "auth_bind = yes", f"base = {SUFFIX}", identity]
    return Passdb("ldap", "plain", "\n".join([*lines, ""]))


def byIntrospection(provider: OIDCProvider) -> Passdb:
    """
    @return: asking the provider about a token.
    """
    arguments = f"""
introspection_mode = post
introspection_url = {provider.endpoint}
client_id = {POST_CLIENT_ID}
client_secret = {POST_CLIENT_SECRET}
username_attribute = username
active_attribute = active
active_value = true
max_parallel_connections = 64
"""
    return Passdb("oauth2", "oauthbearer", arguments)


def _programs() -> Path:
    return Path(os.environ.get("TXJMAPACCESS_DOVECOT") or "/usr/lib/dovecot")


def whyNoAuthentication(driver: str = "ldap") -> str:
    """
    @return: why Dovecot's authentication server cannot be measured here, or C{""}.
    """
    if shutil.which("dovecot") is None:
        return "Dovecot is not installed"
    if driver == "ldap" and not list(
        Path("/usr/lib").glob("**/dovecot/modules/auth/libauthdb_ldap.so")
    ):
        return "Dovecot's LDAP module (dovecot-ldap) is not installed"
    return "" if os.geteuid() == 0 else "Dovecot is measured only by root"


def whyNoDovecot() -> str:
    """
    @return: why Dovecot as a whole cannot be measured here, or C{""}.
    """
    missing = [name for name in _PROGRAMS if not (_programs() / name).exists()]
    if whyNoAuthentication() or not missing:
        return whyNoAuthentication()
    return (
        f"Dovecot's {missing[0]} (of dovecot-imapd) is not in {_programs()};"
        " TXJMAPACCESS_DOVECOT can name another directory"
    )


def startDovecot(passdb: Passdb, certificate: str, tuned: bool) -> Server:
    """
    @param certificate: a PEM file with certificate and key.

    @return: the whole server.
    """
    port, tlsPort = freePort(), freePort()
    part = _IMAP.format(
        certificate=certificate,
        port=port,
        tlsPort=tlsPort,
        executables="\n".join(_executable(name) for name in _PROGRAMS),
    )
    running = _Running(part + (_TUNED if tuned else ""), passdb)
    running.wait(lambda: listens(port))
    return Server(running.pid, port, tlsPort, running.stop)


def _executable(name: str) -> str:
    return f"service {name} {{\n  executable = {_programs() / name}\n}}"


class _Running:
    def __init__(self, part: str, passdb: Passdb) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="dovecot"))
        self.directory.chmod(0o755)
        (self.directory / "mail").mkdir()
        os.chown(self.directory / "mail", _NOBODY, _NOBODY)
        (self.directory / "passdb.conf").write_text(passdb.arguments)
        values: Mapping[str, object] = {
            "directory": self.directory,
            "nobody": _NOBODY,
            "driver": passdb.driver,
            "mechanism": passdb.mechanism,
        }
        configuration = self.directory / "dovecot.conf"
        configuration.write_text(_COMMON.format(**values) + part)
        self._process = subprocess.Popen(["dovecot", "-F", "-c", configuration])
        self.pid = self._process.pid

    def wait(self, serves: Callable[[], bool], seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while not serves():
            if self._process.poll() is not None or time.monotonic() > end:
                log = self.directory / "log"
                text = log.read_text() if log.exists() else "no log"
                self.stop()
                raise RuntimeError(f"Dovecot did not start: {text}")
            time.sleep(0.05)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self.directory)


class DovecotAuthentication:
    """
    Dovecot's authentication server alone. It caches nothing.
    """

    def __init__(self, passdb: Passdb) -> None:
        self._running = _Running(_AUTHENTICATION.replace("{{", "{").replace("}}", "}"), passdb)
        self._mechanism = passdb.mechanism.upper()
        self._socket = str(self._running.directory / "run" / "auth-client")
        self._running.wait(self._answers)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return os.path.exists(self._socket) and probe.connect_ex(self._socket) == 0

    def logins(self, responses: list[bytes], inFlight: int, seconds: float) -> int:
        """
        Log in as often as possible, in Dovecot's authentication protocol, version 1.2.

        @param responses: initial responses of the mechanism, all of them good, used in turn.

        @return: how many logins succeeded.
        """
        encoded = [
            b"%b\tservice=imap\tsecured\tresp=%b\n" % (self._mechanism.encode(), b64encode(each))
            for each in responses
        ]
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._socket)
            connection.sendall(b"VERSION\t1\t2\nCPID\t%d\n" % os.getpid())
            greeting = b""
            while b"DONE\n" not in greeting:
                greeting += connection.recv(65536)
            return _keepAsking(connection, encoded, inFlight, seconds)

    def cpu(self) -> float:
        """
        @return: seconds of CPU that it has used.
        """
        return treeCPU(self._running.pid)

    def stop(self) -> None:
        """
        End it.
        """
        self._running.stop()


def _keepAsking(
    connection: socket.socket, requests: list[bytes], inFlight: int, seconds: float
) -> int:
    sent, answered, rest = 0, 0, b""
    end = time.perf_counter() + seconds
    wanted = inFlight
    while answered < sent or wanted:
        lines = []
        for _ in range(wanted):
            sent += 1
            lines.append(b"AUTH\t%d\t%b" % (sent, requests[sent % len(requests)]))
        connection.sendall(b"".join(lines))
        *whole, rest = (rest + connection.recv(65536)).split(b"\n")
        if not all(line.startswith(b"OK\t") for line in whole):
            raise RuntimeError("Dovecot did not accept right credentials")
        answered += len(whole)
        wanted = len(whole) if time.perf_counter() < end else 0
    return answered
