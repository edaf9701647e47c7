# -*- test-case-name: tests.integration.test_cyrus -*-
"""
Throw-away servers of Cyrus IMAP: IMAP and JMAP on ephemeral ports of 127.0.0.1, with a temporary
directory. Every password is right.
"""

from __future__ import annotations

import contextlib
import getpass
import imaplib
import os
import shutil
import signal
import subprocess
import tempfile

from tests.support.ports import freePort
from tests.support.twistd import listens, waitUntil

_PROGRAMS = "/usr/lib/cyrus/bin"
_NEEDED = ("master", "imapd", "httpd", "ctl_cyrusdb")

ADMIN = "admin"
PASSWORD = "secret"

#: Conversations are what Cyrus calls threads. In Debian, JMAP wants an index of words.
_IMAPD_CONF = """\
configdirectory: {directory}/conf
partition-default: {directory}/spool
defaultpartition: default
search_engine: xapian
defaultsearchtier: t1
t1searchpartition-default: {directory}/xapian
sievedir: {directory}/sieve
proc_path: {directory}/proc
mboxname_lockpath: {directory}/lock
idlesocket: {directory}/idle
notifysocket: {directory}/notify
lmtpsocket: {directory}/lmtp
cyrus_user: {user}
admins: {admin}
servername: 127.0.0.1
syslog_prefix: txjmapaccess-test
sasl_pwcheck_method: alwaystrue
sasl_mech_list: PLAIN
sasl_auto_transition: no
allowplaintext: yes
tls_session_timeout: 0
altnamespace: yes
unixhierarchysep: yes
virtdomains: off
conversations: yes
httpmodules: jmap
jmap_nonstandard_extensions: no
"""

_CYRUS_CONF = """\
START {{ recover cmd="{programs}/ctl_cyrusdb -C {directory}/imapd.conf -r" }}
SERVICES {{
  imap cmd="{programs}/imapd -C {directory}/imapd.conf" listen="127.0.0.1:{imap}" prefork=0
  http cmd="{programs}/httpd -C {directory}/imapd.conf" listen="127.0.0.1:{http}" prefork=0
}}
EVENTS {{ }}
"""


def whyNoCyrus() -> str:
    """
    @return: why tests with Cyrus cannot run here, or C{""}.
    """
    for name in _NEEDED:
        if not os.access(os.path.join(_PROGRAMS, name), os.X_OK):
            return f"Cyrus IMAP's {name} is not installed (cyrus-imapd, cyrus-caldav)"
    return ""


class Cyrus:
    """
    A server, until L{stop}.

    @ivar imapURL: C{imap://127.0.0.1:port}.
    @ivar sessionURL: the URL of the JMAP session resource (RFC 8620, section 2.2).
    """

    def __init__(self) -> None:
        self._port, http = freePort(), freePort()
        self.imapURL = f"imap://127.0.0.1:{self._port}"
        self.sessionURL = f"http://127.0.0.1:{http}/.well-known/jmap"
        # Not below the directory of the tests: Cyrus may run as a user who cannot look into it.
        self._directory = tempfile.mkdtemp(prefix="cyrus-")
        try:
            self._configure(http)
            self._process = self._start()
        except BaseException:
            shutil.rmtree(self._directory)
            raise
        try:
            self._awaitStart(http)
        except BaseException:
            self.stop()
            raise

    def _path(self, *names: str) -> str:
        return os.path.join(self._directory, *names)

    def _configure(self, http: int) -> None:
        # Cyrus never runs as root; the Debian package has made a user for it.
        user = "cyrus" if os.geteuid() == 0 else getpass.getuser()
        values = {
            "directory": self._directory,
            "programs": _PROGRAMS,
            "user": user,
            "admin": ADMIN,
            "imap": self._port,
            "http": http,
        }
        for name, template in (("imapd.conf", _IMAPD_CONF), ("cyrus.conf", _CYRUS_CONF)):
            with open(self._path(name), "w", encoding="ascii") as file:
                file.write(template.format(**values))
        for name in ("conf", "spool", "xapian", "sieve", "proc", "lock"):
            os.mkdir(self._path(name))
            shutil.chown(self._path(name), user)
        shutil.chown(self._directory, user)

    def _start(self) -> subprocess.Popen[bytes]:
        with open(self._path("output"), "wb") as output:
            return subprocess.Popen(
                [
                    *(os.path.join(_PROGRAMS, "master"), "-C", self._path("imapd.conf")),
                    *("-M", self._path("cyrus.conf"), "-p", self._path("pid")),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A group of its own, for it ends the processes of its group.
                start_new_session=True,
            )

    def _awaitStart(self, http: int) -> None:
        def isReady() -> bool:
            return self._process.poll() is not None or (listens(self._port) and listens(http))

        waitUntil(isReady)
        if self._process.poll() is not None:
            with open(self._path("output"), encoding="utf-8") as output:
                raise AssertionError(f"Cyrus has not started: {output.read()}")

    def connect(self, user: str) -> imaplib.IMAP4:
        """
        @return: an IMAP connection that has logged in.
        """
        connection = imaplib.IMAP4("127.0.0.1", self._port, timeout=30)
        connection.authenticate("PLAIN", lambda _: f"\0{user}\0{PASSWORD}".encode())
        return connection

    def stop(self) -> None:
        """
        End all of its processes, and remove its files.
        """
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(30)
        # Unless all have ended by themselves.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._directory)
