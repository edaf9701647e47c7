# -*- test-case-name: tests.integration.test_clients_tls -*-
"""
C{twistd jmapaccess} with a certificate, passwords, tokens, and one message.
"""

from __future__ import annotations

import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

from tests.interop.attempt import TOKENS, USER, Attempt
from tests.support.ca import CertificateAuthority
from tests.support.ports import freePort
from tests.support.twistd import Running

PASSWORD = 'tr"on\\dh eim'
TOKEN = "token-of-arnt-" + "0123456789abcdef" * 60
URL = "https://mail.example.com/.well-known/jmap"

FIRST_LINE = b"God morgen"
LAST_LINE = b"the last of them"
MESSAGE = b"""\
From: Arnt <arnt@example.com>
To: Bron <bron@example.com>
Subject: Hello from Trondheim
Date: Fri, 20 Nov 2026 10:00:00 +0000
Message-ID: <1@example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

God morgen
%bthe last of them
""" % (b"one line of many\n" * 30)

_COMMAND = re.compile(r"command: (.*), (protected|in clear)$", re.MULTILINE)
_LOGIN = re.compile(rf"{USER} logged in with (\S+) from \S+ JMAP is (\w+)")


def expectedCommands(mechanism: str, startTLS: bool) -> set[tuple[str, str]]:
    """
    @return: what L{MailServer.commands} is to say about a client that was told to do this.
    """
    startOfTLS = {("STARTTLS", "in clear")} if startTLS else set()
    return {(mechanism, "protected")} | startOfTLS


class _Introspection(BaseHTTPRequestHandler):
    """
    An introspection endpoint (RFC 7662) that knows one token.
    """

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode("ascii"))
        [token] = form["token"]
        answer: dict[str, object] = {"active": False}
        # Some clients cannot have the whole of it.
        if TOKEN.startswith(token) and len(token) > 100:
            answer = {"active": True, "username": USER, "scope": "urn:ietf:params:jmap:mail"}
        body = json.dumps(answer).encode("ascii")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """
        Nothing is to be said on stderr.
        """


class MailServer:
    """
    The server, until L{stop}.

    @param directory: for its files; it is there, and empty.

    @ivar authority: the certificate authority, PEM.
    @ivar stranger: another one, which has nothing to do with the server.
    """

    def __init__(self, directory: str) -> None:
        self._directory = os.path.abspath(directory)
        self._attempts = 0
        self._ports = {False: freePort(), True: freePort()}
        issuer = CertificateAuthority(self._path("ca"), "The authority")
        self._certificate, self._key = issuer.issue("localhost", "127.0.0.1")
        self.authority = issuer.path
        self.stranger = CertificateAuthority(self._path("stranger"), "A stranger").path
        self._deliver()
        self._introspection = HTTPServer(("127.0.0.1", 0), _Introspection)
        threading.Thread(target=self._introspection.serve_forever, args=[0.02], daemon=True).start()
        try:
            self._twistd = Running(
                self._directory,
                self._arguments(),
                self._ports[True],
                first="tests.interop.recorder",
            )
        except BaseException:
            self._stopIntrospection()
            raise

    def _path(self, *names: str) -> str:
        return os.path.join(self._directory, *names)

    def _write(self, name: str, content: bytes) -> str:
        with open(self._path(name), "wb") as file:
            file.write(content)
        return self._path(name)

    def _deliver(self) -> None:
        for name in ("new", "cur", "tmp"):
            os.makedirs(self._path("mail", USER, name))
        self._write(f"mail/{USER}/new/1.1.localhost", MESSAGE)

    def _arguments(self) -> list[str]:
        configuration = (
            f'[imap]\nlisten = ["ssl:{self._ports[False]}:interface=127.0.0.1",'
            f' "tcp:{self._ports[True]}:interface=127.0.0.1"]\n'
            f'realm = "maildir:{self._path("mail")}"\n'
            f'certificate = "{self._certificate}"\nprivate_key = "{self._key}"\n'
            f"[imap.limits]\nrefusal_seconds = 0.1\n"
            f'[jmap]\nsession_url = "{URL}"\nsame_identifiers = true\n'
        )
        secret = self._write("secret", b"secret of the server\n")
        port = self._introspection.server_address[1]
        return [
            "--pidfile=",
            "jmapaccess",
            "--config=" + self._write("imap.toml", configuration.encode("ascii")),
            f"--auth=memory:{USER}:{PASSWORD}",
            f"--auth=introspection:endpoint=http\\://127.0.0.1\\:{port}/:client_id=imap"
            f":client_secret_file={secret}",
        ]

    def attempt(
        self,
        mechanism: str,
        startTLS: bool,
        authority: str | None = None,
        secret: str | None = None,
    ) -> Attempt:
        """
        @param authority: whom the client is to trust; by default, the server's.
        @param secret: what it is to say; by default, what is right.

        @return: what a client is to do.
        """
        self._attempts += 1
        directory = self._path(f"client{self._attempts}")
        os.mkdir(directory)
        right = TOKEN if mechanism in TOKENS else PASSWORD
        return Attempt(
            directory,
            self._ports[startTLS],
            startTLS,
            authority or self.authority,
            mechanism,
            right if secret is None else secret,
        )

    def logins(self) -> list[tuple[str, str]]:
        """
        @return: mechanism and verdict of every login so far.
        """
        return _LOGIN.findall(self.log())

    def commands(self) -> list[tuple[str, str]]:
        """
        @return: the commands before a login that matter, and whether each was C{"protected"} by TLS
            or C{"in clear"}.
        """
        return _COMMAND.findall(self.log())

    def refusals(self) -> int:
        """
        How many logins were refused so far.
        """
        return self.log().count(" was refused: ")

    def log(self) -> str:
        """
        What it has logged so far.
        """
        return self._twistd.log()

    def stop(self) -> None:
        """
        End it.
        """
        self._stopIntrospection()
        self._twistd.stop()

    def _stopIntrospection(self) -> None:
        self._introspection.shutdown()
        self._introspection.server_close()
