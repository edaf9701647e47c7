"""
Whole IMAP sessions (connect, greeting, LOGIN, LOGOUT) with passwords in a directory: an unmodified
Twisted server that is extended with JMAPACCESS and asks the LDAP checker, and Dovecot, as tuned as
it gets (service_count = 0), where that is installed. In turn, against one slapd.

::

    python -m benchmarks.ldap_sessions [--seconds 3] [--rounds 3] [--at-once 32]
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.ldap_dovecot import LDAP, treeCPU, whyNoDovecot
from benchmarks.load import run
from tests.support_slapd import PEOPLE, SUFFIX, Slapd, freePort, person

TEMPLATE = f"uid={{user}},{PEOPLE}"
STEPS = [b"LOGIN arnt trondheim", b"LOGOUT"]

SERVER = """
import sys
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.mail.imap4 import IAccount, IMAP4Server, MemoryAccount
from zope.interface import implementer

from txjmapaccess import extendFactory
from txjmapaccess.checkers import chain
from txjmapaccess.ldap import LDAPChecker
from txjmapaccess.policy import EvidencePolicy


@implementer(IRealm)
class Realm:
    def requestAvatar(self, avatarId, mind, *interfaces):
        return IAccount, MemoryAccount(avatarId), lambda: None


class BareFactory(Factory):
    noisy = False
    def buildProtocol(self, address):
        server = IMAP4Server()
        server.portal = portal
        return server


globalLogBeginner.beginLoggingTo(
    [textFileLogObserver(open("/dev/null", "w"))], redirectStandardIO=False
)
checker = LDAPChecker(uris=[sys.argv[1]], bind_dn_template=sys.argv[2], connections=8)
portal = Portal(Realm(), chain([checker]))
factory = extendFactory(BareFactory(), EvidencePolicy("https://mail.example.com/.well-known/jmap"))
port = reactor.listenTCP(0, factory, backlog=1024, interface="127.0.0.1")
print(port.getHost().port, flush=True)
reactor.run()
"""

_DOVECOT = """
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
auth_cache_size = 0
mail_location = maildir:{directory}/mail
mail_max_userip_connections = 0
first_valid_uid = 1
passdb {{
  driver = ldap
  args = {directory}/ldap.conf
}}
userdb {{
  driver = static
  args = uid={uid} gid={uid} home={directory}/mail
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
  service_count = 0
  process_min_avail = 2
  client_limit = 2000
}}
service imap {{
  service_count = 0
  process_min_avail = 2
  process_limit = 1000
}}
service auth {{
  client_limit = 5000
}}
service stats {{
  chroot =
}}
"""
_NOBODY = 65534


class Rate(NamedTuple):
    """
    Sessions a second, and microseconds of CPU of the server for each.
    """

    perSecond: float
    cpu: float


def sessions(pid: int, port: int, atOnce: int, seconds: float) -> Rate:
    """
    @param pid: the server's process.
    """
    address = ("127.0.0.1", port)
    run(address, STEPS, atOnce, 0.5)
    began, used = time.perf_counter(), treeCPU(pid)
    count, _ = run(address, STEPS, atOnce, seconds)
    perSecond = count / (time.perf_counter() - began)
    return Rate(perSecond, (treeCPU(pid) - used) / count * 1e6)


def ours(slapd: Slapd, atOnce: int, seconds: float) -> Rate:
    """
    @return: what is measured of the extended Twisted server.
    """
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, slapd.uri, TEMPLATE], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        return sessions(server.pid, int(server.stdout.readline()), atOnce, seconds)
    finally:
        server.send_signal(signal.SIGKILL)
        server.communicate()


def dovecot(slapd: Slapd, atOnce: int, seconds: float) -> Rate:
    """
    @return: what is measured of Dovecot.
    """
    directory = Path(tempfile.mkdtemp(prefix="dovecot"))
    directory.chmod(0o755)
    (directory / "mail").mkdir()
    os.chown(directory / "mail", _NOBODY, _NOBODY)
    identity = f"auth_bind_userdn = {TEMPLATE.replace('{user}', '%u')}\nbase = {SUFFIX}"
    (directory / "ldap.conf").write_text(LDAP.format(uri=slapd.uri, identity=identity))
    port = freePort()
    configuration = directory / "dovecot.conf"
    configuration.write_text(_DOVECOT.format(directory=directory, uid=_NOBODY, port=port))
    server = subprocess.Popen(["dovecot", "-F", "-c", configuration])
    try:
        _wait(port)
        return sessions(server.pid, port, atOnce, seconds)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(directory)


def _wait(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("Dovecot does not answer")


def main() -> None:
    """
    Measure in turn, and print a table.
    """
    parser = argparse.ArgumentParser(description=__doc__.split("::")[0])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=32)
    options = parser.parse_args()
    servers = {"Twisted, extended": ours}
    if whyNoDovecot():
        print(whyNoDovecot())
    else:
        servers["Dovecot, tuned"] = dovecot
    slapd = Slapd(person("arnt", "trondheim"))
    rates: dict[str, list[Rate]] = {name: [] for name in servers}
    try:
        for _ in range(options.rounds):
            for name, measure in servers.items():
                rates[name].append(measure(slapd, options.at_once, options.seconds))
    finally:
        slapd.close()
    medians = {
        name: Rate(*(statistics.median(column) for column in zip(*measured, strict=True)))
        for name, measured in rates.items()
    }
    for name, rate in medians.items():
        print(
            f"{name:20} {rate.perSecond:8.0f} sessions a second {rate.cpu:8.0f} us of CPU for each"
        )
    if len(medians) > 1:
        mine, other = medians.values()
        print(f"ratio {mine.perSecond / other.perSecond:.1f} (by CPU {other.cpu / mine.cpu:.1f})")


if __name__ == "__main__":
    main()
