"""
Throw-away slapd servers for tests: on an ephemeral port of 127.0.0.1, from an LDIF text, in a
temporary directory.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tests.support.ports import freePort

SLAPD = shutil.which("slapd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/libexec")
SLAPADD = shutil.which("slapadd", path=os.environ.get("PATH", "") + ":/usr/sbin")

#: For C{skip}: why tests with slapd cannot run here, or C{None}.
skipWithoutSlapd = None if SLAPD and SLAPADD else "slapd is not installed"

SUFFIX = "dc=example,dc=com"
PEOPLE = f"ou=people,{SUFFIX}"
ADMIN = f"cn=admin,{SUFFIX}"
ADMIN_PASSWORD = "admin-secret"
SERVICE = f"cn=service,{SUFFIX}"
SERVICE_PASSWORD = "service-secret"

_SCHEMAS = ("core", "cosine", "inetorgperson")

#: The entries that every server has.
TREE = f"""\
dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{SUFFIX}
objectClass: organizationalUnit
ou: groups

dn: {SERVICE}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: service
userPassword: {SERVICE_PASSWORD}

"""


def person(uid: str, password: str, *lines: str, dn: str | None = None) -> str:
    """
    @param uid: ASCII.
    @param lines: further LDIF lines.

    @return: the LDIF of an inetOrgPerson.
    """
    return "\n".join(
        [
            f"dn: {dn or f'uid={uid},{PEOPLE}'}",
            "objectClass: inetOrgPerson",
            f"uid: {uid}",
            f"cn: {uid}",
            f"sn: {uid}",
            f"userPassword: {password}",
            *lines,
            "",
            "",
        ]
    )


class Slapd:
    """
    @param ldif: entries besides L{TREE}.
    @param overlays: C{memberof}, C{ppolicy}.
    @param config: further lines for the database section of slapd.conf.
    @param globalConfig: further lines for the head of slapd.conf (TLS files, limits).
    @param tls: whether there is an C{ldaps} port too; the files go into C{globalConfig}.

    @ivar uri: C{ldap://127.0.0.1:port}.
    @ivar tlsURI: C{ldaps://127.0.0.1:port}.
    """

    def __init__(
        self,
        ldif: str = "",
        overlays: tuple[str, ...] = (),
        config: str = "",
        globalConfig: str = "",
        tls: bool = False,
    ) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="slapd-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.port = freePort()
        self.tlsPort = freePort()
        self.uri = f"ldap://127.0.0.1:{self.port}"
        self.tlsURI = f"ldaps://127.0.0.1:{self.tlsPort}"
        self._tls = tls
        try:
            self._configure(overlays, config, globalConfig)
            self._load(TREE + ldif)
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """
        Start, on the same ports as before, and wait until it answers.
        """
        uris = self.uri + (f" {self.tlsURI}" if self._tls else "")
        log = open(self._directory / "log", "ab")  # noqa: SIM115 (it is the process's)
        with log:
            self._process = subprocess.Popen(
                [str(SLAPD), "-d", "0", "-h", uris, "-f", str(self._directory / "slapd.conf")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait(self.port)
        if self._tls:
            self._wait(self.tlsPort)

    def kill(self) -> None:
        """
        End it as a crash would.
        """
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """
        Stop it without ending it: it still accepts connections and answers nothing.
        """
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        # The signal alone leaves it time for some more answers.
        os.waitpid(self._process.pid, os.WUNTRACED)

    def thaw(self) -> None:
        """
        Let it go on.
        """
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """
        End it and remove its files.
        """
        self.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    def modify(self, ldif: str) -> None:
        """
        Apply a change (ldapmodify's LDIF) as the administrator.
        """
        tool = shutil.which("ldapmodify")
        assert tool is not None, "ldap-utils is not installed"
        subprocess.run(
            [tool, "-x", "-H", self.uri, "-D", ADMIN, "-w", ADMIN_PASSWORD],
            input=ldif.encode("utf-8"),
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def _configure(self, overlays: tuple[str, ...], config: str, globalConfig: str) -> None:
        modules = _moduleDirectory()
        schemas = _schemaDirectory()
        (self._directory / "db").mkdir()
        lines = [f"include {schemas}/{name}.schema" for name in _SCHEMAS]
        lines += [f"modulepath {modules}", "moduleload back_mdb"]
        lines += [f"moduleload {overlay}" for overlay in overlays]
        # By default slapd writes several lines to syslog for each operation.
        lines += ["loglevel 0", globalConfig, "database mdb", f"suffix {SUFFIX}", f"rootdn {ADMIN}"]
        lines += [f"rootpw {ADMIN_PASSWORD}", f"directory {self._directory}/db"]
        lines += ["maxsize 33554432", "index objectClass,uid,mail eq", "dbnosync"]
        # Overlays come behind the database's own directives.
        lines += [config]
        (self._directory / "slapd.conf").write_text("\n".join(lines) + "\n")

    def _load(self, ldif: str) -> None:
        subprocess.run(
            [str(SLAPADD), "-q", "-f", str(self._directory / "slapd.conf")],
            input=ldif.encode("utf-8"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=True,
        )

    def _wait(self, port: int) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                raise RuntimeError("slapd ended: " + (self._directory / "log").read_text())
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError("slapd does not answer")


@functools.cache
def sharedSlapd(
    ldif: str = "",
    overlays: tuple[str, ...] = (),
    config: str = "",
    globalConfig: str = "",
    tls: bool = False,
) -> Slapd:
    """
    @return: a server like this that lives until the end of the process, for tests that do not
        change it.
    """
    server = Slapd(ldif, overlays, config, globalConfig, tls)
    atexit.register(server.close)
    return server


def _moduleDirectory() -> str:
    for candidate in ("/usr/lib/ldap", "/usr/lib/openldap", "/usr/lib64/openldap"):
        if os.path.exists(os.path.join(candidate, "back_mdb.so")):
            return candidate
    return "/usr/lib/ldap"


def _schemaDirectory() -> str:
    for candidate in ("/etc/ldap/schema", "/etc/openldap/schema"):
        if os.path.exists(candidate):
            return candidate
    return "/etc/ldap/schema"
