"""
Two nodes behind HAProxy, as examples/haproxy.cfg has them, and clients that keep them busy.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable

from tests.support.certificate import writeCertificate
from tests.support.paths import ROOT
from tests.support.ports import freePort
from tests.support.sessions import Session
from tests.support.slapd import PEOPLE, Slapd, person
from tests.support.twistd import Running, waitUntil

HAPROXY = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")

_EXAMPLE = os.path.join(
    ROOT,
    "examples",
    "haproxy.cfg",
)
_ADDRESSES = {"node1": "192.0.2.11", "node2": "192.0.2.12"}


def exampleText(withJMAP: bool = False) -> str:
    """
    @param withJMAP: with the part that is commented out.

    @return: what is in examples/haproxy.cfg.
    """
    with open(_EXAMPLE) as file:
        text = file.read()
    if withJMAP:
        text = re.sub(r"^#(frontend|backend|    )", r"\1", text, flags=re.MULTILINE)
    return text


def adapted(text: str, places: dict[str, str], control: str) -> str:
    """
    @param places: what stands for an address in the example.
    @param control: the path for the socket that HAProxy takes orders on.

    @return: the example for this machine.
    """
    # These are for root, and for a system that was set up for them.
    text = re.sub(r"^    (chroot|user|group|log) .*\n", "", text, flags=re.MULTILINE)
    text = text.replace("    log global\n", "").replace("/run/haproxy/admin.sock", control)
    # The descriptors that so many connections need may not be there.
    text = re.sub(r"maxconn \d+", "maxconn 1000", text)
    for place, real in places.items():
        text = re.sub(rf"(?<=[ ]){re.escape(place)}(?=\s)", real, text)
    return text


class HAProxy:
    """
    HAProxy, until L{stop}.

    @param directory: for its files.
    @param text: its configuration.
    @param port: one on which it will listen.
    """

    def __init__(self, directory: str, text: str, control: str, port: int) -> None:
        assert HAPROXY is not None
        self._control = control
        path = os.path.join(directory, "haproxy.cfg")
        with open(path, "w") as file:
            file.write(text)
        with open(os.path.join(directory, "haproxy.log"), "wb") as log:
            self._process = subprocess.Popen(
                [HAPROXY, "-db", "-f", path], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        waitUntil(lambda: os.path.exists(control) or self._process.poll() is not None)
        assert self._process.poll() is None, "HAProxy did not start"

    def order(self, command: str) -> str:
        """
        @return: what HAProxy answers to a command on its socket.
        """
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(self._control)
            control.sendall(command.encode() + b"\n")
            answer = b""
            while data := control.recv(65536):
                answer += data
            return answer.decode()

    def state(self, server: str) -> str:
        """
        @param server: C{backend/server}.

        @return: C{UP}, C{DOWN}...
        """
        for line in self.order("show stat").splitlines():
            fields = line.split(",")
            if "/".join(fields[:2]) == server:
                return fields[17]
        raise LookupError(server)

    def stop(self) -> None:
        """
        End it.
        """
        self._process.kill()
        self._process.wait()


class Cluster:
    """
    A directory, two nodes over one store, and HAProxy.

    @ivar port: HAProxy's, in clear.
    @ivar tlsPort: HAProxy's, with TLS.
    @ivar nodes: the running nodes, by their names in the example.
    """

    users = 24

    def __init__(self, directory: str, control: str) -> None:
        self.directory = directory
        self.port, self.tlsPort = freePort(), freePort()
        self._ports = {name: (freePort(), freePort()) for name in _ADDRESSES}
        self._certificate = os.path.join(directory, "server.pem")
        writeCertificate(self._certificate, "localhost")
        self.context = ssl.create_default_context(cafile=self._certificate)
        self._stops: list[Callable[[], object]] = []
        try:
            ldif = "".join(person(f"user{n}", f"secret{n}") for n in range(self.users))
            self.slapd = Slapd(ldif)
            self._stops.append(self.slapd.close)
            self.nodes = {name: self.startNode(name) for name in self._ports}
            self.haproxy = self._startHAProxy(control)
        except BaseException:
            self.stop()
            raise

    def startNode(self, name: str) -> Running:
        """
        @return: the node, running; for the first time or again.
        """
        directory = os.path.join(self.directory, name)
        os.makedirs(directory, exist_ok=True)
        port, tlsPort = self._ports[name]
        with open(os.path.join(directory, "imap.toml"), "w") as file:
            file.write(
                f'[imap]\nlisten = ["tcp:{port}:interface=127.0.0.1",'
                f' "ssl:{tlsPort}:interface=127.0.0.1"]\n'
                f'realm = "maildir:{self.directory}/mail"\n'
                f'certificate = "{self._certificate}"\n'
                'proxy_protocol_from = ["127.0.0.1"]\n'
                "[imap.limits]\nexempt = []\nfailures_per_address = 3\nrefusal_seconds = 0\n"
                f'[ldap]\nuris = ["{self.slapd.uri}"]\n'
                f'bind_dn_template = "uid={{user}},{PEOPLE}"\n'
            )
        arguments = ["--pidfile=", "jmapaccess", "--config=imap.toml"]
        node = Running(directory, arguments, port)
        self._stops.append(node.kill)
        return node

    def _startHAProxy(self, control: str) -> HAProxy:
        places = {":143": f"127.0.0.1:{self.port}", ":993": f"127.0.0.1:{self.tlsPort}"}
        for name, address in _ADDRESSES.items():
            port, tlsPort = self._ports[name]
            places[f"{address}:143"] = f"127.0.0.1:{port}"
            places[f"{address}:993"] = f"127.0.0.1:{tlsPort}"
        text = adapted(exampleText(), places, control)
        haproxy = HAProxy(self.directory, text, control, self.port)
        self._stops.append(haproxy.stop)
        return haproxy

    def stop(self) -> None:
        """
        End all.
        """
        while self._stops:
            self._stops.pop()()

    def connect(self, source: str, tls: bool = False) -> Session:
        """
        @param source: the client's address, of 127.0.0.0/8.
        """
        port, context = (self.tlsPort, self.context) if tls else (self.port, None)
        return Session(port, context, source=source, timeout=30)

    def nodeOf(self, source: str) -> str:
        """
        @return: the node on which this client has logged in last.
        """
        [found] = [name for name, node in self.nodes.items() if sawLogin(node, source)]
        return found


def sawLogin(node: Running, source: str) -> bool:
    """
    @return: whether the node's log has a login from this address.
    """
    return any(
        "logged in" in line and re.search(rf"\b{re.escape(source)}\b", line)
        for line in node.log().splitlines()
    )


class Client(threading.Thread):
    """
    A client that does something again and again until L{halt}.

    @param number: which one it is: its user, and its address.
    @param network: the first three octets of its address.

    @ivar done: how often it was done.
    @ivar problems: when a try began that failed, and how.
    @ivar byes: how often it was told that the server stops.
    """

    def __init__(self, cluster: Cluster, number: int, network: str) -> None:
        super().__init__(daemon=True)
        self.cluster = cluster
        self.number = number
        self.source = f"{network}.{number + 1}"
        self.done = 0
        self.byes = 0
        self.problems: list[tuple[float, str]] = []
        self._halted = threading.Event()

    def logIn(self) -> Session:
        """
        @return: a new session.
        """
        session = self.cluster.connect(self.source, tls=self.number % 2 == 1)
        try:
            if not session.greeting.startswith(b"* OK"):
                raise ConnectionError(f"greeted with {session.greeting!r}")
            session.command(b"LOGIN user%d secret%d" % (self.number, self.number))
        except BaseException:
            session.close()
            raise
        return session

    def step(self) -> None:
        """
        Do it once.
        """
        raise NotImplementedError()

    def run(self) -> None:
        """
        Do it again and again.
        """
        while not self._halted.is_set():
            began = time.monotonic()
            try:
                self.step()
                self.done += 1
            except (OSError, AssertionError) as e:
                self.problems.append((began, f"{type(e).__name__}: {e}"))
            self._halted.wait(0.05)

    def halt(self) -> None:
        """
        Stop.
        """
        self._halted.set()
        self.join(20)


class Passerby(Client):
    """
    Logs in and out.
    """

    def step(self) -> None:
        """
        One whole session.
        """
        session = self.logIn()
        try:
            session.command(b"LOGOUT")
        finally:
            session.close()


class Resident(Client):
    """
    Has one session, and makes a new one when it ends.
    """

    session: Session | None = None
    logins = 0

    def step(self) -> None:
        """
        One command.
        """
        if self.session is None:
            self.session = self.logIn()
            self.logins += 1
            self.session.command(b"SELECT INBOX")
        try:
            self.session.send(b"t NOOP")
            line = self.session.line()
            self.byes += line.startswith(b"* BYE")
            if not line.startswith(b"t OK"):
                raise ConnectionError(f"{line!r} instead of an answer")
        except BaseException:
            self.session.close()
            self.session = None
            raise

    def halt(self) -> None:
        """
        Stop.
        """
        super().halt()
        if self.session is not None:
            self.session.close()
