# -*- test-case-name: tests.integration.test_benchmarks -*-
"""
Servers on Twisted: ours, as C{twistd jmapaccess} runs it, and those of
L{benchmarks.servers.barescript}.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.servers.people import SESSION_URL, USERS
from benchmarks.servers.process import Server
from tests.support.slapd import freePort
from tests.support.twistd import Running, environment

_CONFIGURATION = """
[imap]
listen = ["tcp:{port}:{more}", "ssl:{tlsPort}:{more}"]
realm = "python:benchmarks.servers.realm.Realm"
certificate = "{certificate}"

[jmap]
session_url = "{sessionURL}"
same_identifiers = true
"""


def startBare(kind: str, certificate: str, uri: str = "") -> Server:
    """
    @param kind: see L{benchmarks.servers.barescript}.
    @param certificate: a PEM file with certificate and key.
    @param uri: the directory.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.servers.barescript", kind, certificate, "--uri", uri],
        stdout=subprocess.PIPE,
        env=environment(),
        text=True,
    )

    def stop() -> None:
        process.kill()
        process.communicate()

    assert process.stdout is not None
    ports = [process.stdout.readline().strip() for _ in range(2)]
    if not all(ports):
        stop()
        raise RuntimeError(f"the Twisted server ({kind}) did not start")
    return Server(process.pid, int(ports[0]), int(ports[1]), stop)


def startOurs(
    certificate: str, section: str = "", keys: Mapping[str, object] | None = None
) -> Server:
    """
    @param certificate: a PEM file with certificate and key.
    @param section: of the configuration, C{ldap} or C{introspection}; none for passwords in memory.
    @param keys: those of the section.
    """
    directory = tempfile.TemporaryDirectory(prefix="jmapaccess")
    port, tlsPort = freePort(), freePort()
    text = _CONFIGURATION.format(
        port=port,
        tlsPort=tlsPort,
        more="interface=127.0.0.1:backlog=4096",
        certificate=certificate,
        sessionURL=SESSION_URL,
    )
    arguments = ["--pidfile=", "jmapaccess", "--config", "jmapaccess.toml"]
    if section:
        lines = [f"{key} = {json.dumps(value)}" for key, value in (keys or {}).items()]
        text += "\n".join([f"[{section}]", *lines, ""])
    else:
        arguments += ["--auth", ":".join(["memory", *(part for user in USERS for part in user)])]
    Path(directory.name, "jmapaccess.toml").write_text(text)
    running = Running(directory.name, arguments, port)

    def stop() -> None:
        running.kill()
        directory.cleanup()

    return Server(running.pid, port, tlsPort, stop)
