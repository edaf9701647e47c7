"""
C{twistd jmapaccess} with a real authorization server.
"""

from __future__ import annotations

import imaplib
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from unittest import skipIf

from twisted.trial.unittest import TestCase

from tests.support.introspection import ACTIVE, JMAP_SCOPE, secretFile
from tests.support.oidc import CLIENT_ID, CLIENT_SECRET, sharedProvider, whyNoProvider
from tests.support.ports import freePort
from tests.support.twistd import Running, waitUntil

URL = "https://mail.example.com/.well-known/jmap"


class ServiceTestCase(TestCase):
    """
    The service as a process; clients block, since nothing else runs here.
    """

    def setUp(self) -> None:
        self.directory = os.path.abspath(self.mktemp())
        os.mkdir(self.directory)
        self.port = freePort()
        self.secret = os.path.abspath(secretFile(self, CLIENT_SECRET))
        self.options = [
            "jmapaccess",
            "--listen",
            f"tcp:{self.port}:interface=127.0.0.1",
            "--realm",
            f"maildir:{self.directory}/mail",
            "--session-url",
            URL,
            "--same-identifiers",
        ]

    def run_(self, *options: str) -> Running:
        running = Running(self.directory, [*self.options, *options], self.port)
        self.addCleanup(running.stop)
        return running

    def configure(self, *lines: str) -> str:
        """
        @return: the name of a configuration file with C{lines} under [introspection].
        """
        path = os.path.join(self.directory, "jmapaccess.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("[introspection]\n")
            file.writelines(f"{line}\n" for line in lines)
        return path

    def capabilities(self, token: str) -> list[str]:
        """
        @return: the capabilities after a login, or what the refusal says.
        """
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=60) as client:
            answers = [f"n,,\1auth=Bearer {token}\1\1".encode(), b"\1"]
            try:
                client.authenticate("OAUTHBEARER", lambda _: answers.pop(0))
            except imaplib.IMAP4.error as e:
                return str(e).split()
            return (client.capability()[1][-1] or b"").decode().split()


@skipIf(whyNoProvider(), whyNoProvider())
class ServiceTests(ServiceTestCase):
    """
    With a provider that is real.
    """

    def setUp(self) -> None:
        super().setUp()
        self.provider = sharedProvider()

    def test_auth(self) -> None:
        """
        C{--auth introspection:...} is all that is needed.
        """
        endpoint = self.provider.endpoint.replace(":", "\\:")
        self.run_(
            "--auth",
            f"introspection:endpoint={endpoint}:client_id={CLIENT_ID}"
            f":client_secret_file={self.secret}",
        )
        good, weak = (self.provider.mint("arnt", scope) for scope in (JMAP_SCOPE, "imap"))
        self.assertIn("JMAPACCESS", self.capabilities(good))
        self.assertNotIn("JMAPACCESS", self.capabilities(weak))
        self.assertIn("[AUTHENTICATIONFAILED]", " ".join(self.capabilities("bogus")))

    def test_file(self) -> None:
        """
        So is a section of the configuration file, with discovery.
        """
        path = self.configure(
            f'issuer = "{self.provider.issuer}"',
            f'client_id = "{CLIENT_ID}"',
            f'client_secret_file = "{self.secret}"',
            'imap_scopes = ["imap"]',
        )
        self.run_("--config", path)
        token = self.provider.mint("arnt", f"imap {JMAP_SCOPE}")
        self.assertIn("JMAPACCESS", self.capabilities(token))
        refused = " ".join(self.capabilities(self.provider.mint("arnt", JMAP_SCOPE)))
        self.assertIn("[AUTHENTICATIONFAILED]", refused)

    def test_wrongSecret(self) -> None:
        """
        A wrong client secret is found at start and logged, with no secret in the log; the service
        runs, and with the right secret, after SIGHUP, tokens are good.
        """
        wrong = os.path.abspath(secretFile(self, "a-wrong-s3cret"))
        lines = [f'endpoint = "{self.provider.endpoint}"', f'client_id = "{CLIENT_ID}"']
        path = self.configure(*lines, f'client_secret_file = "{wrong}"')
        running = self.run_("--config", path)
        waitUntil(lambda: "client_secret_file" in running.log())
        token = self.provider.mint("arnt", JMAP_SCOPE)
        self.assertIn("[UNAVAILABLE]", " ".join(self.capabilities(token)))
        with open(wrong, "w", encoding="utf-8") as file:
            file.write(CLIENT_SECRET)
        running.hangUp("The settings have been reloaded")
        self.assertIn("JMAPACCESS", self.capabilities(token))
        for secret in ("a-wrong-s3cret", CLIENT_SECRET, token):
            self.assertNotIn(secret, running.log())


class MovingProvider(ThreadingHTTPServer):
    """
    A provider, in threads of its own, that says that every token is good, at one path at a time.

    @ivar path: where tokens are introspected now.
    @ivar issuer: its URL.
    """

    path = "/first"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _MovingHandler)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"
        self._thread = Thread(target=self.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        """
        End it, and wait for that.
        """
        self.shutdown()
        self._thread.join()
        self.server_close()


class _MovingHandler(BaseHTTPRequestHandler):
    server: MovingProvider

    def do_GET(self) -> None:
        issuer = self.server.issuer
        self.answer({"issuer": issuer, "introspection_endpoint": issuer + self.server.path})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        isHere = self.path == self.server.path
        # The token of the trial at start must not be good.
        active = {**ACTIVE, "active": b"token=good" in body}
        self.answer(active if isHere else None, 200 if isHere else 404)

    def answer(self, answer: object, status: int = 200) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """
        Say nothing.
        """


class ReloadTests(ServiceTestCase):
    """
    SIGHUP, when the issuer's metadata name another endpoint than before.
    """

    def setUp(self) -> None:
        super().setUp()
        self.provider = MovingProvider()
        self.addCleanup(self.provider.stop)

    def assertFollows(self, *options: str) -> None:
        """
        Until SIGHUP the endpoint of before is asked, and from then on the new one.
        """
        running = self.run_(*options)
        self.assertIn("JMAPACCESS", self.capabilities("good"))
        self.provider.path = "/second"
        self.assertIn("[UNAVAILABLE]", self.capabilities("good1"))
        running.hangUp("The settings have been reloaded")
        # The new endpoint is looked for behind the reload.
        waitUntil(lambda: "JMAPACCESS" in self.capabilities("good2"))

    def test_file(self) -> None:
        """
        With C{[introspection] issuer}.
        """
        path = self.configure(
            f'issuer = "{self.provider.issuer}"',
            f'client_id = "{CLIENT_ID}"',
            f'client_secret_file = "{self.secret}"',
        )
        self.assertFollows("--config", path)

    def test_auth(self) -> None:
        """
        With C{--auth introspection:issuer=...}.
        """
        issuer = self.provider.issuer.replace(":", "\\:")
        self.assertFollows(
            "--auth",
            f"introspection:issuer={issuer}:client_id={CLIENT_ID}:client_secret_file={self.secret}",
        )
