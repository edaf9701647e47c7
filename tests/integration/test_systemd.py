# -*- test-case-name: tests.integration.test_systemd -*-
"""
C{twistd jmapaccess} as a service of systemd: the ports that it is given, what it tells, and the
units in examples/systemd.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.integration.test_twistd import TAKEN_OVER, TwistdTestCase
from tests.support.certificate import writeCertificate
from tests.support.notify import Listener, abstractAddress
from tests.support.paths import ROOT
from tests.support.ports import freePort
from tests.support.sessions import Session
from tests.support.twistd import Running, command, environment, waitUntil

UNITS = os.path.join(ROOT, "examples", "systemd")
ACTIVATE = os.path.join(ROOT, "tests", "support", "activate.py")
INSTALLED = "/opt/txjmapaccess/bin/twistd"
HEADER = b"PROXY TCP4 203.0.113.9 10.0.0.1 5555 993\r\n"


class ActivationTests(TwistdTestCase):
    """
    Ports that systemd has opened.
    """

    def setUp(self) -> None:
        super().setUp()
        self.tlsPort = freePort()
        writeCertificate(self.path("server.pem"), "localhost")
        self.context = ssl.create_default_context(cafile=self.path("server.pem"))

    def configureSockets(self, *listen: str, imap: str = "") -> str:
        """
        @return: the option with the path of a configuration file.
        """
        listens = ", ".join(f'"{each}"' for each in listen)
        text = (
            f'[imap]\nlisten = [{listens}]\nrealm = "maildir:{self.path("mail")}"\n'
            f'certificate = "{self.path("server.pem")}"\n{imap}\n'
        )
        return "--config=" + self.write("imap.toml", text)

    def activate(
        self, config: str, names: str = "imap:imaps", hosts: Sequence[str] = ("127.0.0.1",) * 2
    ) -> Running:
        """
        @return: a running server that was given two sockets.
        """
        addresses = [
            f"{host},{port}" for host, port in zip(hosts, (self.port, self.tlsPort), strict=True)
        ]
        running = Running(
            self.directory,
            ["--pidfile=", "jmapaccess", config, self.auth],
            self.port,
            wrapper=[sys.executable, ACTIVATE, names, *addresses, "--"],
        )
        self.addCleanup(running.stop)
        return running

    def session(self, port: int, tls: bool = False, header: bytes = b"") -> Session:
        """
        @return: a session that is logged in.
        """
        session = Session(port, self.context if tls else None, header=header)
        self.addCleanup(session.close)
        session.command(b"LOGIN ada lovelace")
        return session

    def test_index(self) -> None:
        """
        C{systemd:index=0} serves the first socket, C{ssl:systemd:index=1} the second with TLS, also
        after a reload.
        """
        running = self.activate(self.configureSockets("systemd:index=0", "ssl:systemd:index=1"))
        before = self.session(self.port), self.session(self.tlsPort, tls=True)
        running.hangUp(TAKEN_OVER)
        after = self.session(self.port), self.session(self.tlsPort, tls=True)
        for session in (*before, *after):
            session.command(b"NOOP")

    def test_name(self) -> None:
        """
        C{systemd:name=} serves the socket that has this C{FileDescriptorName}, whatever its place.
        """
        self.activate(
            self.configureSockets("ssl:systemd:name=imaps", "systemd:name=imap"), "imap:imaps"
        )
        self.session(self.port)
        self.session(self.tlsPort, tls=True)

    def test_proxyProtocol(self) -> None:
        """
        The PROXY protocol works as on other endpoints: its header comes before TLS.
        """
        running = self.activate(
            self.configureSockets(
                "systemd:index=0",
                "ssl:systemd:index=1",
                imap='proxy_protocol_from = ["127.0.0.1"]',
            )
        )
        self.session(self.tlsPort, tls=True, header=HEADER)
        self.assertIn("from 203.0.113.9", running.log())

    def test_dualStack(self) -> None:
        """
        C{ListenStream=143} is one socket for IPv6 and IPv4: nothing needs to be said about that.
        """
        with socket.socket(socket.AF_INET6) as probe:
            try:
                probe.bind(("::1", 0))
            except OSError:
                raise SkipTest("this machine has no IPv6") from None
        running = self.activate(
            self.configureSockets("systemd:index=0", "ssl:systemd:index=1"), hosts=("::", "::")
        )
        self.session(self.port)
        session = Session(self.tlsPort, self.context, host="::1")
        self.addCleanup(session.close)
        session.command(b"LOGIN ada lovelace")
        running.stop()
        self.assertNotIn("Traceback", running.log())

    def test_waiting(self) -> None:
        """
        The process that is started by a client's connection serves this client.
        """
        tool = shutil.which("systemd-socket-activate")
        if tool is None:
            raise SkipTest("systemd-socket-activate (Debian package systemd) is not installed")
        config = self.configureSockets("systemd:name=imap")
        twistd = command("-n", "--pidfile=", "jmapaccess", config, self.auth)
        variables = [
            f"--setenv={name}={environment()[name]}" for name in ("PYTHONPATH", "PYTHONUNBUFFERED")
        ]
        with open(self.path("log"), "wb") as log:
            process = subprocess.Popen(
                [tool, f"--listen=127.0.0.1:{self.port}", "--fdname=imap", *variables, *twistd],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.session(self.waitForPort()).command(b"NOOP")

    def waitForPort(self) -> int:
        """
        @return: the first port, on which somebody listens. It is not tried: that would start the
            process.
        """

        def isListening() -> bool:
            with open("/proc/net/tcp") as table:
                return f"0100007F:{self.port:04X} 00000000:0000 0A" in table.read()

        waitUntil(isListening)
        return self.port

    def test_missing(self) -> None:
        """
        A socket that systemd did not pass is one sentence, and exit status 1.
        """
        config = self.configureSockets("systemd:name=jmap")
        twistd = command("-n", "--pidfile=", "jmapaccess", config, self.auth)
        address = f"127.0.0.1,{self.port}"
        done = subprocess.run(
            [sys.executable, ACTIVATE, "imap", address, "--", *twistd],
            cwd=self.directory,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual(
            (done.returncode, done.stdout, done.stderr),
            (
                1,
                "",
                "twistd jmapaccess: listen: systemd:name=jmap cannot be used:"
                " systemd passed no socket named jmap\n",
            ),
        )


class NotifyTests(TwistdTestCase):
    """
    C{Type=notify}.
    """

    def test_life(self) -> None:
        """
        READY=1 when clients can log in, WATCHDOG=1 again and again, RELOADING=1 and READY=1 around
        a reload, STOPPING=1 at the end.
        """
        listener = Listener(abstractAddress())
        self.addCleanup(listener.close)
        running = Running(
            self.directory,
            ["--pidfile=", "jmapaccess", self.configure(), self.auth],
            self.port,
            variables={"NOTIFY_SOCKET": listener.address, "WATCHDOG_USEC": "400000"},
        )
        self.addCleanup(running.stop)
        listener.waitFor("READY=1")
        self.assertEqual(self.verdict(), "usable")
        listener.waitFor("WATCHDOG=1", 3)
        running.hangUp(TAKEN_OVER)
        listener.waitFor("READY=1", 2)
        running.stop()
        told = [lines[0] for lines in listener.listen() if lines != ["WATCHDOG=1"]]
        self.assertEqual(told, ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"])
        self.assertNotIn("Traceback", running.log())


class UnitTests(SynchronousTestCase):
    """
    The units in examples/systemd.
    """

    def setUp(self) -> None:
        tool = shutil.which("systemd-analyze")
        if tool is None:
            raise SkipTest("systemd-analyze (Debian package systemd) is not installed")
        self.tool = tool
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        self.units = sorted(os.listdir(UNITS))
        for name in self.units:
            with open(os.path.join(UNITS, name)) as file:
                text = file.read()
            with open(os.path.join(self.directory, name), "w") as file:
                # The program is elsewhere here.
                file.write(text.replace(INSTALLED, sys.executable))

    def analyze(self, *arguments: str) -> str:
        """
        @return: what systemd-analyze says, when it is content.
        """
        done = subprocess.run(
            [self.tool, *arguments],
            cwd=self.directory,
            env={**os.environ, "SYSTEMD_COLORS": "0", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_verify(self) -> None:
        """
        systemd has nothing to say against them.
        """
        self.assertEqual(self.units, ["txjmapaccess.service", "txjmapaccess.socket"])
        paths = [os.path.join(self.directory, name) for name in self.units]
        self.assertEqual(self.analyze("verify", "--man=no", *paths), "")

    def test_dropIns(self) -> None:
        """
        Nor against what docs/service.md adds to them.
        """
        with open(os.path.join(ROOT, "docs", "service.md")) as file:
            found = re.findall(r"```ini\n(.*?)```", file.read(), re.DOTALL)
        self.assertEqual(len(found), 2)
        path = os.path.join(self.directory, "txjmapaccess.service")
        os.mkdir(f"{path}.d")
        for number, text in enumerate(found):
            with open(os.path.join(f"{path}.d", f"{number}.conf"), "w") as file:
                file.write(text)
        self.assertEqual(self.analyze("verify", "--man=no", path), "")
        with open(os.path.join(f"{path}.d", "wrong.conf"), "w") as file:
            file.write("[Service]\nAmbientCapability=CAP_NET_BIND_SERVICE\n")
        self.assertIn("wrong.conf", self.analyze("verify", "--man=no", path))

    def test_verifyFails(self) -> None:
        """
        It would say so if there were a mistake.
        """
        path = os.path.join(self.directory, "txjmapaccess.service")
        with open(path, "a") as file:
            file.write("[Service]\nProtectSytem=strict\n")
        said = self.analyze("verify", "--man=no", path)
        self.assertIn("ProtectSytem", said)

    def test_security(self) -> None:
        """
        The service has little to attack: systemd rates it 2 of 10 at most (it was 1.2).
        """
        path = os.path.join(self.directory, "txjmapaccess.service")
        said = self.analyze("security", "--offline=true", "--no-pager", path)
        rating = re.search(r"exposure level for txjmapaccess.service: ([0-9.]+)", said)
        assert rating is not None, said
        self.assertLessEqual(float(rating[1]), 2)
